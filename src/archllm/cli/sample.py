"""`archllm sample`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from archllm.cli.command import LongCommand
from archllm.cli.console import Console, duration
from archllm.config import Option
from archllm.workflows.options import SampleOptions


@dataclass(frozen=True, kw_only=True)
class Sample(LongCommand):
    """Generate architectures with a trained run, one text per line.

    They are valid and pairwise different; draws that are not are rejected and counted.
    """

    options: Annotated[SampleOptions, Option(flat=True)]

    def run(self, console: Console) -> None:
        self.use_threads()
        if self.options.raw or console.json:
            self._print_sample(console)
        else:
            self._print_stream(console)

    def _print_sample(self, console: Console) -> None:
        from archllm.workflows.sample import sample

        result = sample(self.options)
        console.document(result.to_json())
        for text in result.texts():
            console.say(text if text is not None else "-")
        drawn = result.sample
        console.note(_counts(result.space, drawn.drawn, drawn.valid, drawn.kept, drawn.seconds))

    def _print_stream(self, console: Console) -> None:
        """Prints what is found as it is found, so that any number of architectures can be asked for."""
        from archllm.workflows.sample import stream

        found = stream(self.options)
        for graphs in found:
            for text in found.space.format(graphs):
                console.say(text or "-")
        console.note(_counts(found.space.name, found.drawn, found.valid, found.found, found.seconds))


def _counts(space: str, drawn: int, valid: int, kept: int, seconds: float) -> str:
    counts = f"{drawn:,} drawn, {valid:,} valid ({valid / drawn:.2%}), {kept:,} kept"
    return f"{space}: {counts}, {duration(seconds)}"
