"""Networks: counts against built modules, verified exports, and how candidates train on digits.

`python -m benchmarks.networks` needs the tables of NAS-Bench-101 and NAS-Bench-201 in `$ARCHLLM_DATA`. Speeds are right
with one worker only.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from benchmarks.harness.jobs import Benchmark, Job, Work
from benchmarks.harness.results import Result

if TYPE_CHECKING:
    from archllm.objectives.table import TableObjective
    from archllm.spaces import Architecture

SPACES = ("nasbench101", "nasbench201", "darts")
EXPORTS: dict[Literal["python", "torch", "onnx"], str] = {"python": ".py", "torch": ".pt2", "onnx": ".onnx"}

SEED = 0
GENOTYPES = 100_000
BUILT = 100
"""Random cells of a space that are built at the paper's size to compare both counts."""

PERMUTED, PERMUTATIONS = 2_000, 60
"""Random NAS-Bench-101 cells, and node permutations of each, to see whether the size depends on them."""

SHALLOW: dict[str, dict[str, int]] = {
    "nasbench101": {"channels": 32, "stacks": 1, "cells": 1},
    "nasbench201": {"cells": 1},
    "darts": {"channels": 12, "layers": 3},
}
"""Networks with every kind of cell that export in seconds, for parity of many cells."""

SHALLOW_EXPORTS, FULL_EXPORTS = 20, 2
CANDIDATES = 16
TRAINING_SEEDS = (0, 1, 2)


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """All jobs by name."""
    found: dict[str, Job] = {
        "training": {"part": "training", "candidates": CANDIDATES},
        "noise": {"part": "noise", "candidates": CANDIDATES, "seeds": list(TRAINING_SEEDS)},
        "permutations": {"part": "permutations", "cells": PERMUTED, "permutations": PERMUTATIONS},
    }
    for space in SPACES:
        found[f"counts-{space}"] = {"part": "counts", "space": space, "built": BUILT}
        found[f"shallow-{space}"] = {
            "part": "shallow", "space": space, "cells": SHALLOW_EXPORTS, "options": SHALLOW[space],
        }  # fmt: skip
        found[f"full-{space}"] = {"part": "full", "space": space, "cells": FULL_EXPORTS, "options": {}}
    return found


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Draws the cells of a job."""
    makers = {"training": _training, "noise": _noise, "permutations": _permutations, "counts": _counts}
    return makers.get(job["part"], _exports)(job)


def _counts(job: Job) -> Work:
    """Seconds of counting by formula, and how many built modules have the same counts."""
    import torch

    from archllm import load_space
    from archllm.networks.counting import count_macs, count_params

    name, space = job["space"], load_space(job["space"])
    networks = space.require_networks()
    whole = space.enumerate() if space.enumerable else space.sample(GENOTYPES, np.random.default_rng(SEED))
    chosen = np.random.default_rng(SEED).permutation(len(whole))[: job["built"]]
    sample = _table("nasbench101/cifar10").architectures() if name == "nasbench101" else None

    def work() -> Result:
        start = time.perf_counter()
        params = networks.params(whole)
        middle = time.perf_counter()
        macs = networks.macs(whole)
        found: Result = {"counted": len(whole), "params_seconds": middle - start}
        found["macs_seconds"] = time.perf_counter() - middle
        agree, image = 0, networks.setting().image
        for row in chosen.tolist():
            with torch.device("meta"):
                network = space.architecture(whole[row]).build()
            agree += int((count_params(network), count_macs(network, image)) == (params[row], macs[row]))
        found["agree"] = agree
        if sample is not None:
            start = time.perf_counter()
            networks.params(sample)
            found["sample"] = {"cells": len(sample), "params_seconds": time.perf_counter() - start}
        if name == "nasbench201":
            expected = networks.params(whole, networks.setting(cells=1))
            pairs = zip(space.architectures(whole), expected.tolist(), strict=True)
            found["every_cell"] = sum(built_params(arch) == count for arch, count in pairs)
        return found

    return work


def built_params(arch: Architecture) -> int:
    """Parameters of a NAS-Bench-201 network of one cell a stage, as built."""
    import torch

    from archllm.networks.counting import count_params

    with torch.device("meta"):
        return count_params(arch.build(cells=1))


def _permutations(job: Job) -> Work:
    """How often the size of a NAS-Bench-101 cell depends on the order of its nodes."""
    from archllm import load_space
    from archllm.networks.nasbench101 import counts as formulas

    space = load_space("nasbench101")
    networks = space.require_networks()
    config: Any = networks.setting()
    rng = np.random.default_rng(SEED)
    drawn = space.sample(job["cells"], rng)

    def work() -> Result:
        whole = space.enumerate()
        other = formulas.params(whole, config) != networks.params(whole)
        permuted = [formulas.params(space.permute(drawn, rng), config) for _ in range(job["permutations"])]
        sizes = np.stack(permuted)
        spread = np.ptp(sizes, axis=0) / sizes.min(0)
        return {
            "canonical_form_differs": int(other.sum()),
            "depend": int((spread > 0).sum()),
            "largest_spread": float(spread.max()),
            "median_spread": float(np.median(spread[spread > 0])),
        }

    return work


def _exports(job: Job) -> Work:
    """Differences and seconds of each form."""
    from archllm import load_space

    space = load_space(job["space"])
    space.require_networks().setting(**job["options"])
    cells = space.architectures(space.sample(job["cells"], np.random.default_rng([SEED, 1])))

    def work() -> Result:
        found: Result = {}
        with tempfile.TemporaryDirectory() as folder:
            for form, ending in EXPORTS.items():
                found[form] = {"differences": [], "seconds": []}
                for cell in cells:
                    start = time.perf_counter()
                    exported = cell.export(Path(folder) / f"cell{ending}", form, **job["options"])
                    found[form]["seconds"].append(time.perf_counter() - start)
                    found[form]["differences"].append(exported.difference)
        return found

    return work


def _training(job: Job) -> Work:
    """Candidates a minute with one process and with two, the same candidates."""
    texts = _cells(job["candidates"])

    def work() -> Result:
        found: Result = {}
        for processes in (1, 2):
            with ProcessPoolExecutor(processes) as pool:
                list(pool.map(_trained, [(text, 0) for text in texts[:processes]]))  # imports, before the clock runs
                start = time.perf_counter()
                scores = list(pool.map(_trained, [(text, 0) for text in texts]))
                seconds = time.perf_counter() - start
            found[str(processes)] = {"per_minute": 60 * len(texts) / seconds, "scores": scores}
        return found

    return work


def _noise(job: Job) -> Work:
    """Scores on digits of the same cells with several seeds, beside their published accuracy on CIFAR-10."""
    from archllm import load_space

    space, table, texts = load_space("nasbench201"), _table("nasbench201/cifar10"), _cells(job["candidates"])
    known = [table.evaluate(space.parse(text)).value for text in texts]
    return lambda: {"scores": [[_trained((text, seed)) for text in texts] for seed in job["seeds"]], "cifar10": known}


def _cells(n: int) -> list[str]:
    from archllm import load_space

    space = load_space("nasbench201")
    return [arch.text for arch in space.architectures(space.sample(n, np.random.default_rng([SEED, 2])))]


def _trained(job: tuple[str, int]) -> float | None:
    import torch

    from archllm import load_space
    from archllm.objectives.train import TrainObjective

    torch.set_num_threads(1)
    text, seed = job
    space = load_space("nasbench201")
    return TrainObjective(space, "digits", seed=seed).evaluate(space.parse(text)).value


def _table(name: str) -> TableObjective:
    from archllm import load_space
    from archllm.objectives.table import TableObjective

    return TableObjective.of(name, load_space(name.split("/")[0]))


BENCHMARK = Benchmark("networks", __doc__, jobs, prepare)

if __name__ == "__main__":
    BENCHMARK.main()
