"""Search methods on tables: how few evaluations find the best architecture.

`python -m benchmarks.search` lets every method search NAS-Bench-201 on three data sets until it finds the cell that is
best by validation, and the sample of NAS-Bench-101 for 100 evaluations, with many seeds; `sequence` also with one
ingredient left out or replaced at a time, and some methods accuracy and latency at once. A method on a data set is a
job, run in a process of its own on one thread unless `--folder` has its file already. Writes `docs/results/search.json`
and `.md` from the jobs that are done. Needs the tables in `$ARCHLLM_DATA` or in the folder of the tests.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.record import ROOT, provenance, run_all, write_json

if TYPE_CHECKING:
    from archllm.objectives.table import TableObjective
    from archllm.searchers.domain import Domain

METHODS = ("sequence", "random", "largest", "local", "evolution", "gp", "ensemble", "latent")
"""In the order of the page."""

TASKS = {
    "cifar10": "nasbench201/cifar10",
    "cifar100": "nasbench201/cifar100",
    "imagenet16": "nasbench201/imagenet16",
    "nasbench101": "nasbench101/cifar10",
}
"""Name of a task -> table and metric."""

SHORT = {"nasbench101": 100}
"""Tasks with a budget of their own: what counts there is the regret after so many evaluations."""

CHANGES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "does not learn": {"learn": False},
    "300 draws in place of 20,000, and no neighbours": {"replay": 300, "parents": 0},
    "the same, and does not learn": {"replay": 300, "parents": 0, "learn": False},
    "replays sequences without the predictor's labels": {"labels": "observed"},
    "no predictor: evaluates what is drawn": {"predictor": "none", "labels": "observed"},
    "ranks all members, not only what is drawn": {"candidates": "all"},
    "no neighbours of the best": {"parents": 0},
    "no guidance": {"guidance": 1.0},
    "sees the tokenizer's embedding only": {"features": "embedding"},
    "sees what is free to know only": {"features": "free"},
    "sees features made by hand": {"features": "hand"},
    "trusts the embedding as much": {"trust": 1.0},
    "predicts ranks only": {"target": "rank"},
    "follows no trends": {"trend": False},
    "a ranking ensemble predicts": {"predictor": "ensemble"},
    "no worst member known": {"anchor": False},
    "starts among all draws": {"start": "spread"},
    "starts with random draws": {"start": "random"},
    "explores half as much": {"exploration": 0.5},
    "buys scores after 12 epochs": {"cheap": ("table:nasbench201/cifar100.valid@12",)},
}
"""Changes of the options of `sequence`, one at a time, for the ablation."""

ABLATED = ("cifar100",)
"""Tasks of the ablation."""

TRIAL_TASKS = {
    "cifar10@12": "nasbench201/cifar10.valid@12",
    "cifar100@12": "nasbench201/cifar100.valid@12",
    "imagenet16@12": "nasbench201/imagenet16.valid@12",
    "nasbench101@36": "nasbench101/cifar10.valid@36",
}
"""What settings are chosen on: scores of shorter trainings, with seeds that are not judged."""

FIRST_TRIAL_SEED = 100

TRIALS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "as much trust in the embedding": {"trust": 1.0},
    "free features only": {"features": "free"},
    "predicts ranks only": {"target": "rank"},
    "predicts scores only": {"target": "score"},
    "predicts the logarithm of the regret": {"target": "log_regret"},
    "explores half as much": {"exploration": 0.5},
    "explores twice as much": {"exploration": 2.0},
    "starts with 3": {"initial": 3},
    "starts with 8": {"initial": 8},
    "starts among the largest 1 %": {"largest": 0.01},
    "starts among the largest 6 %": {"largest": 0.06},
}
"""Changes that are tried there, one at a time; all rank all members and none learns, which makes them quick."""

LONG_TRIALS = tuple(TRIALS)[:5]
"""Those that are tried on the sample of NAS-Bench-101, too."""

DEVICES = ("1080ti_1", "gold_6226", "raspi4", "pixel3", "eyeriss", "fpga")
"""Whose latency is minimised while the accuracy on CIFAR-10 is maximised."""

PARTS = ("methods", "ablation", "front", "trials")

FRONT_METHODS = ("sequence", "random", "evolution", "gp")
FRONT_BUDGET = 100

Job = dict[str, Any]


def ablation_jobs(seeds: int, budget: int) -> dict[str, Job]:
    """`sequence` with each change, by name of the job."""
    return {
        f"ablation_{number}-{task}-{seeds}-{budget}": {
            "method": "sequence",
            "task": task,
            "seeds": seeds,
            "budget": budget,
            "change": change,
        }
        for number, change in enumerate(CHANGES)
        for task in ABLATED
    }


def front_jobs(seeds: int) -> dict[str, Job]:
    """Accuracy and latency at once, by name of the job."""
    return {
        f"front_{method}-{device}-{seeds}-{FRONT_BUDGET}": {
            "method": method,
            "device": device,
            "seeds": seeds,
            "budget": FRONT_BUDGET,
        }
        for device in DEVICES
        for method in FRONT_METHODS
    }


def trial_jobs(seeds: int, budget: int) -> dict[str, Job]:
    """Settings on columns that are not judged, by name of the job."""
    return {
        f"trial_{number}-{task}-{seeds}-{budget}": {
            "method": "sequence",
            "task": task,
            "seeds": -(-seeds // 2) if task == "nasbench101@36" else seeds,  # each takes as long as ten others
            "budget": budget,
            "trial": trial,
        }
        for number, trial in enumerate(TRIALS)
        for task in TRIAL_TASKS
        if task != "nasbench101@36" or trial in LONG_TRIALS
    }


def jobs(seeds: int, budget: int, methods: tuple[str, ...] = METHODS) -> dict[str, Job]:
    """All jobs by name, the cheap methods first."""
    return {
        f"{method}-{task}-{seeds}-{budget}": {
            "method": method,
            "task": task,
            "seeds": seeds,
            "budget": min(budget, SHORT.get(task, budget)),
        }
        for method in methods
        for task in TASKS
    }


def pre_training_jobs() -> dict[str, Job]:
    """What methods learn without scores, once for all data sets and seeds, by name of the job."""
    return {f"pre_training-{space}-1-0": {"pre_training": space} for space in ("nasbench101", "nasbench201")}


def run(job: Job, folder: Path) -> Job:
    """Searches with every seed of a job."""
    import torch

    from archllm.objectives.table import TableObjective
    from archllm.searchers.domain import Domain
    from archllm.spaces import load_space

    torch.set_num_threads(1)
    os.environ.setdefault("ARCHLLM_DATA", str(ROOT.parent / "shared" / "data"))
    if "device" in job:
        return _run_front(job, folder)
    if "pre_training" in job:
        space = load_space(job["pre_training"])
        pool = TableObjective.of(f"{space.name}/cifar10", space).architectures()
        return job | {"seconds": [make(Domain(space, pool), folder)[1] for make in (_generator, _vae)]}
    table = (TASKS | TRIAL_TASKS)[job["task"]]
    space = load_space(table.split("/")[0])
    objective = TableObjective.of(table, space)
    domain = Domain(space, objective.architectures())
    options: dict[str, Any] = {}
    trained = 0.0
    if job["method"] == "latent":
        options["vae"], trained = _vae(domain, folder)
    if job["method"] == "sequence":
        options["run"], trained = _generator(domain, folder)
    options |= CHANGES[job.get("change", "as it is")]
    if "trial" in job:
        options |= {"candidates": "all", "learn": False} | TRIALS[job["trial"]]
    start = time.time()
    runs = []
    first = FIRST_TRIAL_SEED if "trial" in job else 0
    for seed in range(first, first + job["seeds"]):
        runs.append(search(job["method"], domain, objective, seed, job["budget"], options))
        if "trial" in job or "change" in job:  # nobody asks which architectures these were
            runs[-1]["incumbents"] = [(query, "", *scores) for query, _, *scores in runs[-1]["incumbents"]]
        print(f"seed {seed}: {runs[-1]['incumbents'][-1]} after {runs[-1]['queries']}", flush=True)
    return job | {
        "optimum": objective.optimum,
        "runs": runs,
        "pre_training": trained,
        "wall": time.time() - start,
        "about": provenance(),
    }


def search(
    method: str, domain: Domain, objective: TableObjective, seed: int, budget: int, options: dict[str, Any]
) -> dict[str, Any]:
    """One search, an evaluation at a time, which ends when the best of all is found.

    Returns:
        The number of evaluations, and of lower-fidelity evaluations besides, the seconds of CPU time that the
        searcher took, and the incumbents: evaluation, text, score and test score of each architecture that was better
        than all before it.
    """
    from archllm.objectives.evaluation import for_searcher
    from archllm.searchers.registry import build_searcher

    incumbents: list[tuple[int, str, float, float | None]] = []
    spent, query, bought = 0.0, 0, 0
    searcher = build_searcher(method, domain, seed, **options)
    while query < budget and (not incumbents or incumbents[-1][2] < objective.optimum):
        before = time.process_time()
        (arch,) = searcher.ask(1)
        evaluation = objective.evaluate(arch)
        searcher.tell({arch: for_searcher(evaluation, [objective.direction])})
        spent += time.process_time() - before
        query, bought = query + 1, bought + len(searcher.lower_fidelity())
        if evaluation.value is not None and (not incumbents or evaluation.value > incumbents[-1][2]):
            test = next(iter(evaluation.test.values()), None)
            incumbents.append((query, arch.text, evaluation.value, test))
    return {"seed": seed, "queries": query, "bought": bought, "seconds": spent, "incumbents": incumbents}


def _run_front(job: Job, folder: Path) -> Job:
    """Searches for accuracy and latency with every seed of a job."""
    from archllm.objectives.table import TableObjective
    from archllm.searchers.domain import Domain
    from archllm.spaces import load_space

    space = load_space("nasbench201")
    objectives = [
        TableObjective.of(f"nasbench201/{TASKS['cifar10'].split('/')[1]}", space),
        TableObjective.of(f"nasbench201_latency/latency_ms.{job['device']}", space),
    ]
    domain = Domain(space, objectives[0].architectures())
    options = {"run": _generator(domain, folder)[0]} if job["method"] == "sequence" else {}
    start = time.time()
    return job | {
        "runs": [search_front(job["method"], domain, objectives, seed, options) for seed in range(job["seeds"])],
        "wall": time.time() - start,
        "about": provenance(),
    }


def search_front(
    method: str, domain: Domain, objectives: list[TableObjective], seed: int, options: dict[str, Any]
) -> dict[str, Any]:
    """One search with two objectives, an evaluation at a time.

    Returns:
        The seconds of CPU time that the searcher took, and the hypervolume after 25, 50 and 100 evaluations as a share
        of that of all cells. The worst corner that counts is the median of each objective over all cells.
    """
    import numpy as np

    from archllm.objectives.base import evaluate_all
    from archllm.objectives.evaluation import for_searcher, signs
    from archllm.searchers.pareto import hypervolume
    from archllm.searchers.registry import build_searcher

    directions = [objective.direction for objective in objectives]
    order = [np.argsort(domain.space.keys(objective.architectures())) for objective in objectives]
    each = zip(objectives, order, strict=True)
    everything = np.stack([objective.values[rows] for objective, rows in each], axis=1) * signs(directions)
    corner, spread = np.median(everything, axis=0), everything.std(0)
    whole = hypervolume(everything / spread, corner / spread)
    searcher, spent, found = build_searcher(method, domain, seed, 2, **options), 0.0, []
    for _ in range(FRONT_BUDGET):
        before = time.process_time()
        (arch,) = searcher.ask(1)
        evaluation = for_searcher(evaluate_all(objectives, arch), directions)
        searcher.tell({arch: evaluation})
        spent += time.process_time() - before
        found.append(evaluation.values)
    points = np.array(found) / spread
    shares = {str(n): hypervolume(points[:n], corner / spread) / whole for n in (25, 50, FRONT_BUDGET)}
    return {"seed": seed, "seconds": spent, "shares": shares}


def main() -> None:
    """Runs one job, or all that are missing, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20, help="searches of a method on a data set")
    parser.add_argument("--budget", type=int, default=300, help="most evaluations of a search")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS, help="methods to run")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to run")
    parser.add_argument("--ablation-seeds", type=int, default=8, help="searches with each change of `sequence`")
    parser.add_argument("--front-seeds", type=int, default=5, help="searches of a method for accuracy and latency")
    parser.add_argument("--trial-seeds", type=int, default=20, help="searches of a trial of settings")
    parser.add_argument("--workers", type=int, default=1, help="jobs at a time")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "benchmark-search", help="where jobs write")
    parser.add_argument("--job", help="run this one job only")
    parser.add_argument("--page", action="store_true", help="run nothing; write the page from the jobs that are done")
    arguments = parser.parse_args()
    if arguments.job:
        seeds, budget = (int(part) for part in arguments.job.split("-")[-2:])
        known = jobs(seeds, budget) | ablation_jobs(seeds, budget) | front_jobs(seeds) | trial_jobs(seeds, budget)
        known |= pre_training_jobs()
        result = run(known[arguments.job], arguments.folder)
        write_json(arguments.folder / f"{arguments.job}.json", result)
        return
    parts = {
        "methods": jobs(arguments.seeds, arguments.budget, tuple(arguments.methods)),
        "ablation": ablation_jobs(arguments.ablation_seeds, min(150, arguments.budget)),
        "front": front_jobs(arguments.front_seeds),
        "trials": trial_jobs(arguments.trial_seeds, 100),
    }
    if not arguments.page:
        run_all("benchmarks.search", list(pre_training_jobs()), arguments.folder, arguments.workers)
        names = [name for part in arguments.parts for name in parts[part]]
        run_all("benchmarks.search", names, arguments.folder, arguments.workers)
    from benchmarks.search_page import write_page, write_readme

    parts["methods"] = jobs(arguments.seeds, arguments.budget)
    files = [arguments.folder / f"{name}.json" for part in parts.values() for name in part]
    results = [json.loads(file.read_text()) for file in files if file.exists()]
    write_page(results, ROOT / "docs" / "results")
    write_readme(results)


def _vae(domain: Domain, folder: Path) -> tuple[str, float]:
    """Folder of the VAE of a domain's space, and the seconds of CPU time that its training took; trained if need be.

    It learns from the members of the domain, whose scores it never sees, and is the same for all seeds and data sets.
    """
    import numpy as np

    from archllm.baselines import GraphVAE, recommended_vae

    home = folder / f"vae-{domain.space.name}"
    if not (home / "seconds.json").exists():
        home.mkdir(parents=True, exist_ok=True)
        before = time.process_time()
        cells = domain.enumerate()[np.arange(len(domain.keys))]
        GraphVAE(domain.space, recommended_vae(domain.space)).fit(cells, 0).save(home)
        write_json(home / "seconds.json", time.process_time() - before)
    return str(home), float(json.loads((home / "seconds.json").read_text()))


def _generator(domain: Domain, folder: Path) -> tuple[str, float]:
    """Run folder of a generator of a domain's space, and the seconds of CPU time that its training took.

    It is trained as recommended, on 90 % of the space, without scores; trained if need be, the same for all seeds and
    data sets.
    """
    import archllm

    home, note = folder / f"generator-{domain.space.name}", folder / f"generator-{domain.space.name}.json"
    if not note.exists():
        before = time.process_time()
        archllm.train(domain.space, seed=0, out=home, overwrite=home.exists())
        write_json(note, time.process_time() - before)
    return str(home), float(json.loads(note.read_text()))


if __name__ == "__main__":
    main()
