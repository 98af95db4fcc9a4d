"""Speed of this checkout beside another one: both measured in one run, turn and turn about.

`python -m benchmarks.speed --against PATH_OF_A_CHECKOUT` measures each thing in a process of its own, on one thread,
with the code of one checkout and then of the other, so that whatever else the machine does slows both alike. Writes
`docs/results/speed.json` and `.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.record import ROOT, provenance, write_json

DRAWN = 10_000
"""Distinct cells asked for where sampling is measured."""

_CLOCK = """
import json, sys, time
import numpy as np
from archllm import load_space, load

def clock(action):
    wall, cpu = time.perf_counter(), time.process_time()
    done = action()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}, done
"""

_TRAINED = """
[tokenizer]
steps = 300

[prior]
steps = 150
"""
"""Settings of the small runs that are sampled from."""


@dataclass(frozen=True)
class Measure:
    """One thing that is timed."""

    title: str
    """Name in the table."""

    code: str = ""
    """Program that prints the seconds it took, on the wall and of the processor, as JSON; the run folder is its
    argument."""

    command: tuple[str, ...] = ()
    """Words after `python` of a command whose whole process is timed, if there is no program."""

    space: str = ""
    """The space of the run folder that is needed."""


MEASURES: dict[str, Measure] = {
    "enumerate": Measure(
        "enumerate NAS-Bench-101, s",
        "space = load_space('nasbench101'); print(json.dumps(clock(space.enumerate)[0]))",
    ),
    "keys": Measure(
        "canonical keys of its 423,624 cells, s",
        "space = load_space('nasbench101'); cells = space.enumerate(); "
        "print(json.dumps(clock(lambda: space.keys(cells))[0]))",
    ),
    "help": Measure("`archllm --help`, s", command=("-m", "archllm", "--help")),
    "train-help": Measure("`archllm train --help`, s", command=("-m", "archllm", "train", "--help")),
    "import": Measure("`import archllm`, s", command=("-c", "import archllm")),
    "import-train": Measure(
        "`from archllm import load_space, train`, s", command=("-c", "from archllm import load_space, train")
    ),
} | {
    f"sample-{space}": Measure(
        f"{DRAWN:,} distinct valid {title} cells, s",
        f"model = load(sys.argv[1]); model.sample(100); print(json.dumps(clock(lambda: model.sample({DRAWN}))[0]))",
        space=space,
    )
    for space, title in (("nasbench101", "NAS-Bench-101"), ("nasbench201", "NAS-Bench-201"))
}

Seconds = dict[str, float]


def measure_all(sides: Mapping[str, Path], folder: Path, repeats: int) -> dict[str, dict[str, list[Seconds]]]:
    """Seconds of each measure by side, `repeats` of each; which side is first alternates.

    Args:
        sides: name of a side -> its checkout.
        folder: where the small runs are kept that are sampled from.
        repeats: times each thing is measured.
    """
    found: dict[str, dict[str, list[Seconds]]] = {name: {side: [] for side in sides} for name in MEASURES}
    for repeat in range(repeats + 1):
        for name, measure in MEASURES.items():
            for side in sorted(sides, reverse=repeat % 2 == 1):
                run = trained(sides[side], folder / side / measure.space, measure.space) if measure.space else None
                seconds = timed(sides[side], measure, run)
                if repeat:  # the first round only fills the caches of files
                    found[name][side].append(seconds)
        print(f"{time.strftime('%H:%M:%S')} round {repeat} of {repeats}", flush=True)
    return found


def trained(checkout: Path, out: Path, space: str) -> Path:
    """The folder of a small run that a checkout has trained, or trains now."""
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        config = out.parent / "small.toml"
        config.write_text(_TRAINED, encoding="utf-8")
        _run(checkout, ["-m", "archllm", "train", space, "--config", str(config), "--out", str(out), "--overwrite"])
    return out


def timed(checkout: Path, measure: Measure, run: Path | None) -> Seconds:
    """Seconds that one measure takes with the code of a checkout."""
    if measure.code:
        words = ["-c", _CLOCK + measure.code, *([str(run)] if run is not None else [])]
        seconds: Seconds = json.loads(_run(checkout, words).splitlines()[-1])
        return seconds
    before, start = os.times(), time.perf_counter()
    _run(checkout, list(measure.command))
    wall, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"wall": wall, "cpu": cpu}


def _run(checkout: Path, words: list[str]) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(checkout / "src")}
    with tempfile.TemporaryDirectory() as folder:  # nothing of either checkout lies beside the working directory
        done = subprocess.run(
            [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise SystemExit(f"{checkout}: python {' '.join(words[:3])} … failed:\n{done.stderr[-2000:]}")
    return done.stdout


def commit_of(checkout: Path) -> str:
    """Short commit of a checkout."""
    words = ["git", "-C", str(checkout), "rev-parse", "--short=7", "HEAD"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def main(arguments: list[str] | None = None) -> None:
    """Measures both checkouts and writes the page, or only the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="checkout to compare with")
    parser.add_argument("--repeats", type=int, default=7, help="times each thing is measured on each side")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "benchmark-speed", help="where small runs go")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results", help="where the result is written")
    parser.add_argument("--page", action="store_true", help="write the page from the JSON that is there")
    found = parser.parse_args(arguments)
    if not found.page:
        if found.against is None:
            parser.error("--against names the checkout to compare with")
        sides = {"after": ROOT, "before": found.against.resolve()}
        start = time.time()
        seconds = measure_all(sides, found.folder.resolve(), found.repeats)
        result: dict[str, Any] = {
            "commits": {side: commit_of(checkout) for side, checkout in sides.items()},
            "repeats": found.repeats,
            "minutes": round((time.time() - start) / 60, 1),
            "about": provenance(),
            "seconds": {name: {"title": MEASURES[name].title} | by_side for name, by_side in seconds.items()},
        }
        write_json(found.out / "speed.json", result)
    from benchmarks.speed_page import write_page

    write_page(json.loads((found.out / "speed.json").read_text(encoding="utf-8")), found.out)


if __name__ == "__main__":
    main()
