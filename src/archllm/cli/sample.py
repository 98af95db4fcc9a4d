"""`archllm sample`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from archllm.cli.command import Command, Switch, use_threads
from archllm.cli.console import Console, duration


@dataclass(frozen=True, kw_only=True)
class Sample(Command):
    """Generate architectures with a trained run, one text per line.

    They are valid and pairwise different; draws that are not are rejected and counted.
    """

    run_folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """Run folder."""

    n: Annotated[int, tyro.conf.arg(aliases=["-n"], metavar="N")]
    """How many architectures."""

    temperature: float = 1.0
    """Sampling temperature; 1 draws from the model itself."""

    raw: Switch = False
    """Print exactly N draws as they come, repeats included, an invalid one as `-` (in JSON null)."""

    novel: Switch = False
    """Leave out members of the training set."""

    seed: int = 0
    """Seed of the draws."""

    where: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="EXPR")] = ()
    """What to ask for, such as "params in [0.4e6, 0.6e6]" or "cifar10 >= 93"; may be repeated. Conditions that
    the run was trained on steer the draws; params and macs are checked as well."""

    guidance: float = 1.0
    """How strongly --where steers; 1 draws from the conditional distribution, more exaggerates what is asked for."""

    max_draws: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
    """Most code sequences to draw; without it 50 for each that is asked for, and 10,000 more."""

    threads: int = 1
    """Threads to compute with; the draws of a seed depend on it."""

    def run(self, console: Console) -> None:
        use_threads(self.threads)
        if self.raw or console.json:
            self._print_sample(console)
        else:
            self._print_stream(console)

    def _print_sample(self, console: Console) -> None:
        from archllm.workflows.sample import sample

        result = sample(
            self.run_folder,
            self.n,
            temperature=self.temperature,
            raw=self.raw,
            novel=self.novel,
            seed=self.seed,
            max_draws=self.max_draws,
            where=self.where,
            guidance=self.guidance,
        )
        console.document(result.to_json())
        for text in result.texts():
            console.say(text if text is not None else "-")
        drawn = result.sample
        console.note(_counts(result.space, drawn.drawn, drawn.valid, drawn.kept, drawn.seconds))

    def _print_stream(self, console: Console) -> None:
        """Prints what is found as it is found, so that any number of architectures can be asked for."""
        from archllm.workflows.sample import stream

        found = stream(
            self.run_folder,
            self.n,
            temperature=self.temperature,
            novel=self.novel,
            seed=self.seed,
            max_draws=self.max_draws,
            where=self.where,
            guidance=self.guidance,
        )
        for graphs in found:
            for text in found.space.format(graphs):
                console.say(text or "-")
        console.note(_counts(found.space.name, found.drawn, found.valid, found.found, found.seconds))


def _counts(space: str, drawn: int, valid: int, kept: int, seconds: float) -> str:
    counts = f"{drawn:,} drawn, {valid:,} valid ({valid / drawn:.2%}), {kept:,} kept"
    return f"{space}: {counts}, {duration(seconds)}"
