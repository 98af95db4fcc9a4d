"""Latency: other devices from ten timings, and limits on this machine that hold for the exported file.

`python -m benchmarks.latency` predicts six devices of `nasbench201_latency.csv.gz` (in `$ARCHLLM_DATA`) from ten
timings of each, with kits of many seeds; asks for limits on latency, exports what meets them and measures the file; and
compares predictions near tight limits with those of a model that knows of none.
Measurements want a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.jobs import Benchmark, Job, Work, seeds
from benchmarks.harness.results import Result

if TYPE_CHECKING:
    from archllm.graphs import Graphs
    from archllm.objectives.latency.features import LatencyFeatures
    from archllm.objectives.latency.model import LatencyPrediction
    from archllm.spaces import SearchSpace

DEVICES = ("1080ti_1", "gold_6226", "raspi4", "pixel3", "eyeriss", "fpga")
"""Columns of the table."""

TIMINGS = 10
SPACES = ("mobile", "nasbench201", "nasbench101")
"""Spaces in which limits are asked for, with the networks that train on a CPU."""

FRESH = 40
"""Random members whose prediction is compared with a measurement."""

SHARES = (0.1, 0.2, 0.4)
"""Limits near which predictions are compared, as shares of the median of random members."""

LOOKED_AT, EXPECTED = 5_000, 25
"""Random members of which each model names so many that it expects nearest to a limit; all of these are measured."""

NEAR = 2.0
"""Of those, what takes more than so many times the limit, or less than its inverse, is not near it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--requests", type=int, default=20, help="limits that are asked for in each space")
    seeds(parser, range(1, 31), "seeds of kits")


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """Which device and which kits; which space and how many requests."""
    found: dict[str, Job] = {
        f"device-{name}": {"part": "device", "device": name, "seeds": list(arguments.seeds)} for name in DEVICES
    }
    for name in SPACES:
        found[f"limits-{name}"] = {"part": "limits", "space": name, "requests": arguments.requests}
        found[f"near-{name}"] = {"part": "near", "space": name, "shares": list(SHARES)}
    return found


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Reads a device's column, or chooses the members to measure."""
    return {"device": _device, "limits": _limits, "near": _near}[job["part"]](job)


def _device(job: Job) -> Work:
    from scipy.stats import spearmanr

    from archllm import load_space
    from archllm.objectives.latency.features import LatencyFeatures
    from archllm.objectives.latency.model import LatencyModel, chosen_for_timing

    space = load_space("nasbench201")
    members, ms = table(space, job["device"])
    keys, features = space.keys(members), LatencyFeatures(space)
    order = np.argsort(keys)

    def one(seed: int) -> dict[str, Any]:
        kit = chosen_for_timing(features, TIMINGS, seed)
        rows = order[np.searchsorted(keys, space.keys(kit), sorter=order)]
        model = LatencyModel(features, kit, ms[rows])
        found = model.predict(members)
        others = np.setdiff1d(np.arange(len(ms)), rows)
        true, told = ms[others], found.ms[others]
        return {
            "spearman": float(spearmanr(told, true).statistic),
            "covered": float(np.mean((found.low[others] <= true) & (true <= found.high[others]))),
            "error": float(np.median(abs(told - true) / true)),
            "half_width": float(np.median((found.high[others] - found.low[others]) / 2 / told)),
            "assumption": max(model.assumptions, key=lambda name: model.assumptions[name]),
        }

    def work() -> Result:
        return {"kits": [one(seed) for seed in job["seeds"]], "ceiling": _ceiling(features, members, ms)}

    return work


def _ceiling(features: LatencyFeatures, members: Graphs, ms: NDArray[np.float64]) -> float:
    """The best rank correlation of a linear fit to all networks, over the assumptions."""
    from scipy.stats import spearmanr

    found = []
    for seen in features(members).values():
        columns = np.column_stack([np.ones(len(ms)), seen.operations])
        fitted = columns @ np.linalg.lstsq(columns, ms, rcond=None)[0]
        found.append(float(spearmanr(fitted, ms).statistic))
    return max(found)


def table(space: SearchSpace, device: str) -> tuple[Graphs, NDArray[np.float64]]:
    """All cells of NAS-Bench-201, and their milliseconds on a device."""
    folder = Path(os.environ["ARCHLLM_DATA"])
    with gzip.open(folder / "nasbench201_latency.csv.gz", "rt") as file:
        ms = {row["index"]: float(row[device]) for row in csv.DictReader(file)}
    with gzip.open(folder / "nasbench201.csv.gz", "rt") as file:
        texts = {row["arch"]: ms[row["index"]] for row in csv.DictReader(file)}
    members = space.enumerate()
    return members, np.array([texts[arch.text] for arch in space.architectures(members)])


def _limits(job: Job) -> Work:
    from archllm import load_space
    from archllm.conditional.requirements import Range
    from archllm.networks.latency import measure_members, measure_onnx
    from archllm.objectives.latency import machine_latency
    from archllm.objectives.latency.limits import CERTAINTY, surely_within

    space = load_space(job["space"])
    networks = space.require_networks()
    setting = networks.setting(**networks.small)
    rng = np.random.default_rng(2_026)
    fresh, asked = space.sample(FRESH, rng), space.sample(2_000, rng)

    def request(bound: float, told: LatencyPrediction) -> dict[str, Any]:
        """The largest network among many that meets a limit: a search leans to those."""
        meets = surely_within(Range("latency", -np.inf, bound), told)
        if not meets.any():
            return {"bound": bound, "met_by": 0}
        rows = np.flatnonzero(meets)
        row = int(rows[int(networks.params(asked[rows], setting).argmax())])
        with tempfile.TemporaryDirectory() as folder:
            file = networks.export(asked[[row]], Path(folder) / "network.onnx", "onnx", setting=setting).path
            timing = measure_onnx(file, seconds=2.0)
        found = {"met_by": float(meets.mean()), "predicted": float(told.ms[row]), "ms": timing.ms}
        print(bound, found, flush=True)
        return {"bound": bound, **found, "fastest": timing.fastest}

    def work() -> Result:
        with tempfile.TemporaryDirectory() as cache:
            os.environ["XDG_CACHE_HOME"] = cache  # measured here and now
            start = time.perf_counter()
            model = machine_latency(space, setting)
            seconds = time.perf_counter() - start
            found = model.predict(fresh)
            bounds = np.quantile(model.predict(asked).ms, np.linspace(0.25, 0.95, job["requests"]))
            near = [machine_latency(space, setting, limit=float(bound)).predict(asked, CERTAINTY) for bound in bounds]
        timings = measure_members(networks, fresh, setting)
        return {
            "network": vars(setting),
            "sample_seconds": seconds,
            "predicted": found.ms.tolist(),
            "low": found.low.tolist(),
            "high": found.high.tolist(),
            "measured": [timing.ms for timing in timings],
            "asked": [request(float(bound), told) for bound, told in zip(bounds, near, strict=True)],
        }

    return work


def _near(job: Job) -> Work:
    from archllm import load_space
    from archllm.networks.latency import measure_members
    from archllm.objectives.latency import machine_latency

    space = load_space(job["space"])
    networks = space.require_networks()
    setting = networks.setting(**networks.small)
    members = space.sample(LOOKED_AT, np.random.default_rng(2_026))

    def errors(told: NDArray[np.float64], true: NDArray[np.float64]) -> dict[str, float] | None:
        if not len(true):  # neither model found a member there
            return None
        away = np.maximum(told, 0.0) / true - 1
        return {"bias": float(np.median(away)), "error": float(np.median(np.abs(away)))}

    def work() -> Result:
        found = []
        with tempfile.TemporaryDirectory() as cache:
            os.environ["XDG_CACHE_HOME"] = cache
            usual = machine_latency(space, setting).predict(members).ms
            for share in job["shares"]:
                limit = share * float(np.median(usual))
                start = time.perf_counter()
                near = machine_latency(space, setting, limit=limit).predict(members).ms
                seconds = time.perf_counter() - start
                rows = np.unique([np.argsort(np.abs(ms - limit), kind="stable")[:EXPECTED] for ms in (usual, near)])
                ms = np.array([timing.ms for timing in measure_members(networks, members[rows], setting)])
                there = (ms < NEAR * limit) & (ms > limit / NEAR)
                compared = {
                    name: errors(told[rows][there], ms[there]) for name, told in (("usual", usual), ("near", near))
                }
                found.append({"limit": limit, "seconds": seconds, "measured": int(there.sum()), **compared})
                print(found[-1], flush=True)
        return {"network": vars(setting), "limits": found}

    return work


BENCHMARK = Benchmark("latency", __doc__, jobs, prepare, add_arguments)

if __name__ == "__main__":
    BENCHMARK.main()
