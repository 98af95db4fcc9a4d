"""`archllm export`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from archllm.cli.command import ThreadedCommand, architecture_text
from archllm.cli.console import Console, fields
from archllm.config import Option
from archllm.workflows.options import ExportOptions

if TYPE_CHECKING:
    from archllm.workflows.export import Export as Exported


@dataclass(frozen=True, kw_only=True)
class Export(ThreadedCommand):
    """Write an architecture's network as Python source, a torch program or ONNX.

    The architecture is a text, or a trial of a search, whose network is then the one that was scored.
    What is written is run and compared with the network first: a file that exists computes the same.
    """

    options: Annotated[ExportOptions, Option(flat=True)]

    def run(self, console: Console) -> None:
        self.use_threads()
        from archllm.workflows.export import export

        asked = self.options
        found = export(replace(asked, arch=architecture_text(str(asked.arch))))
        console.document(found.to_json())
        channels, height, width = found.file.image
        pairs = {
            "wrote": f"{asked.out} ({found.file.size:,} bytes)",
            "of": _source(found),
            "network": f"{found.file.params:,} parameters, {found.macs:,} multiply-accumulates an image",
            "images": f"n x {channels} x {height} x {width}",
            "verified": f"outputs within {found.file.difference:.0e} of the network's",
        }
        if found.file.weights:
            pairs["weights"] = str(found.file.weights)
        for line in fields({name: told for name, told in pairs.items() if told}):
            console.say(line)


def _source(found: Exported) -> str:
    """The trial that was exported, and whether as it was scored."""
    if found.source is None:
        return ""
    study, trial = found.source.study, found.source.trial
    scores = ", ".join(f"{spec} {value:.6g}" for spec, value in zip(study.objectives, trial.values or (), strict=False))
    other = ", ".join(f"{name} {value}" for name, value in found.changed.items())
    changed = f"; not the network that was scored: {other}" if other else ""
    return f"trial {trial.number} of study {study.name}{f' ({scores})' if scores else ''}{changed}"
