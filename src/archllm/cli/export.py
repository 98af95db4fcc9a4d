"""`archllm export`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from archllm.cli.command import ThreadedCommand, architecture_text
from archllm.cli.console import Console, fields
from archllm.config import Option
from archllm.workflows.options import ExportOptions


@dataclass(frozen=True, kw_only=True)
class Export(ThreadedCommand):
    """Write an architecture's network as Python source, a torch program or ONNX.

    What is written is run and compared with the network first: a file that exists computes the same.
    """

    options: Annotated[ExportOptions, Option(flat=True)]

    def run(self, console: Console) -> None:
        from archllm.workflows.inputs import as_architecture

        asked = self.options
        arch = as_architecture(architecture_text(str(asked.arch)), asked.space)
        self.use_threads()
        from archllm.workflows.export import export

        found = export(replace(asked, arch=arch))
        console.document(found.to_json())
        channels, height, width = found.file.image
        pairs = {
            "wrote": f"{asked.out} ({found.file.size:,} bytes)",
            "network": f"{found.file.params:,} parameters, {found.macs:,} multiply-accumulates an image",
            "images": f"n x {channels} x {height} x {width}",
            "verified": f"outputs within {found.file.difference:.0e} of the network's",
        }
        if found.file.weights:
            pairs["weights"] = str(found.file.weights)
        for line in fields(pairs):
            console.say(line)
