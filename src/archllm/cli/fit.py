"""`archllm fit`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from archllm.cli.command import LongCommand
from archllm.cli.console import Console, duration, fields
from archllm.config import Option
from archllm.workflows.options import FitOptions, command_line

if TYPE_CHECKING:
    from archllm.classifier.fitted import Fitted


@dataclass(frozen=True, kw_only=True)
class Fit(LongCommand):
    """Labelled images in, a small trained network out, within limits and in a given time.

    Says what the images are and what it will do, searches, trains the best networks, chooses by validation images,
    tests on images that nothing has seen, and writes files that take raw images and give probabilities: model.onnx,
    model.py with model.safetensors, model.pt2; and a page about it all, report.html. `archllm predict RUN` uses them.
    """

    options: Annotated[FitOptions, Option(flat=True)]

    def run(self, console: Console) -> None:
        self.use_threads()
        from archllm.workflows.fit import PAGE, fit

        try:
            with console.progress() as listener:
                found = fit(self.options, progress=listener, say=console.note)
        except KeyboardInterrupt:
            again = command_line("fit", replace(self.options, resume=True))
            console.note(f"What is done is kept. Go on with: {again}")
            raise
        console.document(found.to_json())
        for line in fields(self._pairs(found)):
            console.say(line)
        run = shlex.quote(str(self.options.out))
        console.say()
        console.say(f"Everything on one page: {run}/{PAGE}")
        console.say(f"Try it: archllm predict {run} IMAGE ...")

    def _pairs(self, found: Fitted) -> dict[str, str]:
        judged, chosen, timing = found.judged, found.chosen, found.timing
        low, high = judged.interval
        pairs = {
            "test accuracy": f"{judged.accuracy:.1f} % (95 % interval {low:.1f} to {high:.1f}) on "
            f"{len(judged.labels):,} images that nothing saw; the commonest class alone gives {judged.chance:.1f} %",
            "network": f"{chosen.params:,} parameters, {chosen.macs:,} multiply-accumulates",
            "latency": f"{timing.ms:.3g} ms an image ({timing.low:.3g} to {timing.high:.3g}), one thread",
            "architecture": chosen.arch.text,
        }
        if low <= judged.chance:
            pairs["careful"] = "that is no better than chance; more images or more minutes may help"
        for each in found.files:
            off = f"differs by {each.difference:.0e} at most from the trained network"
            pairs[each.path.name] = f"{each.size:,} bytes, {off} on {each.images:,} images"
        pairs["time"] = (
            f"{duration(sum(found.seconds.values()))} ("
            + ", ".join(f"{name} {duration(spent)}" for name, spent in found.seconds.items())
            + ")"
        )
        return pairs
