"""`archllm demo`."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from typing import Annotated

from archllm.cli.command import LongCommand
from archllm.cli.console import Console, duration
from archllm.config import Option
from archllm.workflows.options import DemoOptions


@dataclass(frozen=True, kw_only=True)
class Demo(LongCommand):
    """Learn NAS-Bench-201, generate cells, measure them, and search by training on digits: the main job, in minutes.

    Needs no download. The run folder also gets figures, evaluation.json, new cells in cells.txt, the first of them as a
    network in cell.py, and a page about it all in report.html.
    """

    options: Annotated[DemoOptions, Option(flat=True)]

    def run(self, console: Console) -> None:
        self.use_threads()
        from archllm.reporting.tables import quality
        from archllm.workflows.demo import check_replaceable, demo

        check_replaceable(self.options.out)
        console.note("Learning the 15,625 cells of NAS-Bench-201; a tenth of them is held out.")
        start = time.monotonic()
        with console.progress() as listener:
            result = demo(self.options, progress=listener)
        console.document(result.to_json())
        console.say()
        console.table(quality(result.evaluations))
        if result.match is not None:
            own = result.match.own
            console.say()
            console.say(f"Search, {own.study.objectives[0]}: {len(own.trials)} evaluations each")
            for line in result.match.lines():
                console.say(f"  {line}")
        elif result.missing:
            needed = ", ".join(result.missing)
            console.note(f"No search: it needs the extras {needed} (pip install 'archllm[{needed.replace(' ', '')}]').")
        console.say()
        seconds, parameters = result.model.report["seconds"], result.model.report["parameters"]
        parts = [
            f"{name} {parameters[name]:,} parameters, {duration(seconds[name])}" for name in ("tokenizer", "prior")
        ]
        console.say(f"{'; '.join(parts)}; the whole demo took {duration(time.monotonic() - start)}.")
        run = shlex.quote(str(self.options.out))
        console.say(f"{len(result.cells)} new cells are in {run}/cells.txt; {run}/figures shows draws and training.")
        if result.exported is not None:
            console.say(f"The first of them is a network in one file: python {run}/{result.exported.name}")
        if result.report is not None:
            console.say(f"Everything on one page: {shlex.quote(str(result.report))}")
        console.say()
        console.say("Try next:")
        console.say(f"  archllm sample {run} -n 5 --novel")
        if result.cells:
            cell = shlex.quote(result.cells[0].text)
            console.say(f"  archllm show {cell} --space nasbench201 --out cell.svg")
            console.say(f"  archllm export {cell} --space nasbench201 --to onnx --out cell.onnx")
        console.say(f"  archllm evaluate {run} -n 1000 --temperature 0.8")
        console.say("  archllm train nasbench101 --out runs/nasbench101")
