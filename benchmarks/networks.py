"""Networks: counts against built modules, verified exports, and how candidates train on digits.

`python -m benchmarks.networks` runs every job that has no file in `--folder` yet, each in a process of its own on one
thread, and writes `docs/results/networks.json` and `.md`. Needs the tables `nasbench101_sample.csv.gz` and
`nasbench201.csv.gz` in `$ARCHLLM_DATA`, or where `archllm doctor` finds them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import ROOT, provenance, run_all, write_json

SPACES = ("nasbench101", "nasbench201", "darts")
EXPORTS = {"python": ".py", "torch": ".pt2", "onnx": ".onnx"}

SEED = 0
GENOTYPES = 100_000
BUILT = 100
"""Random cells a space that are built at the paper's size to compare both counts."""

ORDERS = (2_000, 60)
"""Random NAS-Bench-101 cells, and orders of the vertices of each, to see whether the size depends on them."""

SHALLOW: dict[str, dict[str, int]] = {
    "nasbench101": {"channels": 32, "stacks": 1, "cells": 1},
    "nasbench201": {"cells": 1},
    "darts": {"channels": 12, "layers": 3},
}
"""Networks with every kind of cell that export in seconds, for parity of many cells."""

SHALLOW_EXPORTS, FULL_EXPORTS = 20, 2
CANDIDATES = 16
TRAINING_SEEDS = (0, 1, 2)

Job = dict[str, Any]


def jobs() -> dict[str, Callable[[], Job]]:
    """All jobs by name."""
    found: dict[str, Callable[[], Job]] = {"training": training, "noise": noise, "orders": orders}
    for space in SPACES:
        found[f"counts-{space}"] = lambda space=space: counts(space)
        found[f"shallow-{space}"] = lambda space=space: exports(space, SHALLOW_EXPORTS, SHALLOW[space])
        found[f"full-{space}"] = lambda space=space: exports(space, FULL_EXPORTS, {})
    return found


def counts(name: str) -> Job:
    """Seconds of counting by formula, and how many built modules have the same counts."""
    import torch

    from archllm import load_space
    from archllm.networks.counting import count_macs, count_params

    space = load_space(name)
    networks = space.require_networks()
    whole = space.enumerate() if space.enumerable else space.sample(GENOTYPES, np.random.default_rng(SEED))
    start = time.perf_counter()
    params = networks.params(whole)
    middle = time.perf_counter()
    macs = networks.macs(whole)
    found: Job = {"cells": len(whole), "params_seconds": middle - start, "macs_seconds": time.perf_counter() - middle}
    agree, image = 0, networks.setting().image
    for row in np.random.default_rng(SEED).choice(len(whole), BUILT, replace=False).tolist():
        with torch.device("meta"):
            network = space.architecture(whole[row]).build()
        agree += int((count_params(network), count_macs(network, image)) == (params[row], macs[row]))
    found |= {"built": BUILT, "agree": agree}
    if name == "nasbench101":
        sample = _table("nasbench101/cifar10").architectures()
        start = time.perf_counter()
        networks.params(sample)
        found["sample"] = {"cells": len(sample), "params_seconds": time.perf_counter() - start}
    if name == "nasbench201":
        expected = networks.params(whole, networks.setting(cells=1))
        pairs = zip(space.architectures(whole), expected.tolist(), strict=True)
        found["every_cell"] = sum(_params(arch) == count for arch, count in pairs)
    return found


def _params(arch: Any) -> int:
    """Parameters of a NAS-Bench-201 network of one cell a stage, as built."""
    import torch

    from archllm.networks.counting import count_params

    with torch.device("meta"):
        return count_params(arch.build(cells=1))


def orders() -> Job:
    """How often the size of a NAS-Bench-101 cell depends on the order of its vertices."""
    from archllm import load_space
    from archllm.networks.nasbench101 import counts as formulas

    space = load_space("nasbench101")
    networks = space.require_networks()
    config = networks.setting()
    whole = space.enumerate()
    other = formulas.params(whole, config) != networks.params(whole)
    cells, copies = ORDERS
    rng = np.random.default_rng(SEED)
    drawn = space.sample(cells, rng)
    sizes = np.stack([formulas.params(space.permute(drawn, rng), config) for _ in range(copies)])
    spread = np.ptp(sizes, axis=0) / sizes.min(0)
    return {
        "normal_form_differs": int(other.sum()),
        "cells": cells,
        "copies": copies,
        "depend": int((spread > 0).sum()),
        "largest_spread": float(spread.max()),
        "median_spread": float(np.median(spread[spread > 0])),
    }


def exports(name: str, n: int, options: dict[str, int]) -> Job:
    """Differences and seconds of each form."""
    from archllm import load_space

    space = load_space(name)
    cells = space.architectures(space.sample(n, np.random.default_rng([SEED, 1])))
    found: Job = {}
    with tempfile.TemporaryDirectory() as folder:
        for form, ending in EXPORTS.items():
            found[form] = {"differences": [], "seconds": []}
            for cell in cells:
                start = time.perf_counter()
                exported = cell.export(Path(folder) / f"cell{ending}", form, **options)
                found[form]["seconds"].append(time.perf_counter() - start)
                found[form]["differences"].append(exported.difference)
    return found


def training() -> Job:
    """Candidates a minute with one process and with two, the same candidates."""
    found: Job = {"candidates": CANDIDATES}
    for processes in (1, 2):
        with ProcessPoolExecutor(processes) as pool:
            list(pool.map(_trained, [(text, 0) for text in _cells()[:processes]]))  # imports, before the clock runs
            start = time.perf_counter()
            scores = list(pool.map(_trained, [(text, 0) for text in _cells()]))
            seconds = time.perf_counter() - start
        found[str(processes)] = {"per_minute": 60 * CANDIDATES / seconds, "scores": scores}
    return found


def noise() -> Job:
    """Scores on digits of the same cells with several seeds, beside their published accuracy on CIFAR-10."""
    from archllm import load_space

    space, table = load_space("nasbench201"), _table("nasbench201/cifar10")
    scores = [[_trained((text, seed)) for text in _cells()] for seed in TRAINING_SEEDS]
    return {"scores": scores, "cifar10": [table.evaluate(space.parse(text)).value for text in _cells()]}


def _cells() -> list[str]:
    from archllm import load_space

    space = load_space("nasbench201")
    return [arch.text for arch in space.architectures(space.sample(CANDIDATES, np.random.default_rng([SEED, 2])))]


def _trained(job: tuple[str, int]) -> float | None:
    import torch

    from archllm import load_space
    from archllm.objectives.train import TrainObjective

    torch.set_num_threads(1)
    text, seed = job
    space = load_space("nasbench201")
    return TrainObjective(space, "digits", seed=seed).evaluate(space.parse(text)).value


def _table(spec: str) -> Any:
    from archllm import load_space
    from archllm.objectives import load_objective

    return load_objective(f"table:{spec}", load_space(spec.split("/")[0]))


def main() -> None:
    """Runs jobs, or one job, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "benchmark-networks", help="where jobs write")
    parser.add_argument("--workers", type=int, default=1, help="jobs at a time; speeds are right with 1 only")
    parser.add_argument("--job", help="run this one job and write its file")
    arguments = parser.parse_args()
    if arguments.job:
        import torch

        torch.set_num_threads(1)
        made_by = provenance()
        write_json(arguments.folder / f"{arguments.job}.json", {"result": jobs()[arguments.job](), "about": made_by})
        return
    run_all("benchmarks.networks", list(jobs()), arguments.folder, arguments.workers)
    from benchmarks.networks_page import write_page

    files = {name: arguments.folder / f"{name}.json" for name in jobs()}
    write_page({name: json.loads(file.read_text()) for name, file in files.items()}, ROOT / "docs" / "results")


if __name__ == "__main__":
    main()
