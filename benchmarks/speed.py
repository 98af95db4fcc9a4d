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
from dataclasses import dataclass
from pathlib import Path

from archllm.errors import InvalidInput
from benchmarks.harness import ROOT
from benchmarks.harness.jobs import Benchmark, Job, Work
from benchmarks.harness.results import Result

DRAWN = 10_000
"""Distinct cells asked for where sampling is measured."""

STEPS = 10
"""Steps of a training that is timed."""

_CLOCK = """
import json, sys, time
from archllm import load_space

def clock(action):
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    return json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu})
"""

_TRAINED = """
[tokenizer]
steps = 300
batch = 128

[prior]
steps = 150
batch = 128
"""
"""Settings of the small runs that are sampled from."""

Seconds = dict[str, float]


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
    "enumerate": Measure("enumerate NAS-Bench-101", "space = load_space('nasbench101'); print(clock(space.enumerate))"),
    "keys": Measure(
        "canonical keys of its 423,624 cells",
        "space = load_space('nasbench101'); cells = space.enumerate(); print(clock(lambda: space.keys(cells)))",
    ),
    "help": Measure("`archllm --help`", command=("-m", "archllm", "--help")),
    "train-help": Measure("`archllm train --help`", command=("-m", "archllm", "train", "--help")),
    "import": Measure("`import archllm`", command=("-c", "import archllm")),
    "import-train": Measure("`from archllm import train`", command=("-c", "from archllm import train")),
} | {
    f"sample-{space}": Measure(
        f"{DRAWN:,} distinct valid {title} cells",
        "from archllm import load; model = load(sys.argv[1]); model.sample(100); "
        f"print(clock(lambda: model.sample({DRAWN})))",
        space=space,
    )
    for space, title in (("nasbench101", "NAS-Bench-101"), ("nasbench201", "NAS-Bench-201"))
}


_TRAINING = """
import numpy
import torch
from archllm.objectives.candidate import CandidateTraining
from archllm.objectives.fitting import Training

torch.set_num_threads(1)
text = TEXT
arch = space.parse(text) if text else space.architectures(space.sample(1, numpy.random.default_rng(0)))[0]
images = torch.randn(64, 3, 24, 24), torch.zeros(64, dtype=torch.int64)
options = {**space.require_networks().small, "num_classes": 5, "in_channels": 3, "image_size": 24}
training = Training(arch.build(**options), images, CandidateTraining(), 0)
training.step(0.0, 0.0)
print(clock(lambda: [training.step(0.0, 0.0) for _ in range(STEPS)]))
"""
"""Steps of training a member, a random one where none is named, the first of which does not count."""

SMALL = (
    "[stem=16 stem_stride=2 block1=mb block2=mb block3=mb kernel1=3 kernel2=3 kernel3=3 width1=16 width2=32 width3=64 "
    "depth1=2 depth2=2 depth3=2 expansion1=1 expansion2=1 expansion3=1 squeeze=false activation=relu head=0]"
)
"""A small network of `mobile`, of depthwise separable convolutions."""


def _training(space: str, text: str = "") -> str:
    return f"space = load_space({space!r})" + _TRAINING.replace("STEPS", str(STEPS)).replace("TEXT", repr(text))


MEASURES |= {
    f"training-{space}": Measure(
        f"{STEPS} steps of training a network of `{space}`, 64 images of 24 x 24", _training(space)
    )
    for space in ("nasbench101", "nasbench201", "mobile", "nasnet", "conv-grammar")
} | {
    "training-small": Measure(
        f"{STEPS} steps of training a small network of `mobile`, 64 images of 24 x 24", _training("mobile", SMALL)
    ),
    "long-texts": Measure(
        "40 texts of hierarchical NAS-Bench-201 are read",
        "import numpy as np; space = load_space('hierarchical-nasbench201'); "
        "texts = space.format(space.sample(40, np.random.default_rng(0))); "
        "print(clock(lambda: space.parse_batch(texts)))",
    ),
}


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """One job for each measure."""
    return {name: {"title": measure.title} for name, measure in MEASURES.items()}


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Trains what is to be sampled from, with the code of either checkout.

    Raises:
        InvalidInput: there is no checkout to compare with.
    """
    if arguments.against is None:
        raise InvalidInput("--against must name the checkout to compare with")
    sides = {"before": arguments.against.resolve(), "after": ROOT}
    measure = next(measure for measure in MEASURES.values() if measure.title == job["title"])
    runs = {
        side: trained(checkout, arguments.folder.resolve() / side / measure.space, measure.space)
        for side, checkout in sides.items()
        if measure.space
    }

    def work() -> Result:
        seconds: dict[str, list[Seconds]] = {side: [] for side in sides}
        for repeat in range(arguments.repeats + 1):
            for side in sorted(sides, reverse=repeat % 2 == 1):
                found = timed(sides[side], measure, runs.get(side))
                if repeat:  # the first round only fills the caches of files
                    seconds[side].append(found)
        return {"commits": {side: commit_of(checkout) for side, checkout in sides.items()}} | seconds

    return work


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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what to compare with, and how often to measure."""
    parser.add_argument("--against", type=Path, help="checkout to compare with")
    parser.add_argument("--repeats", type=int, default=7, help="times each thing is measured on each side")


BENCHMARK = Benchmark("speed", __doc__, jobs, prepare, add_arguments)

if __name__ == "__main__":
    BENCHMARK.main()
