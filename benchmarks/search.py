"""Search methods on tables: how few evaluations find the best architecture.

`python -m benchmarks.search` compares every method on the tasks of `benchmarks.tasks`, with many seeds: on test tasks,
by which nothing was chosen, and on development tasks; `sequence` also with one ingredient left out or replaced at a
time, and some methods on accuracy and latency at once. Every search is one of `archllm compare`, so an interrupted job
goes on where it stood. The part `loop` has `sequence` as a sampler of Optuna beside Optuna's own, in Optuna's loop.
Needs the tables in `$ARCHLLM_DATA`.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archllm.files import write_text
from benchmarks import optuna_loop
from benchmarks.harness.jobs import Benchmark, Job, Work
from benchmarks.harness.results import Result
from benchmarks.tasks import TASKS, Role, applicable, named, table_of

if TYPE_CHECKING:
    from archllm.objectives.table import TableObjective
    from archllm.spaces import SearchSpace
    from archllm.study.store import Trial
    from archllm.training.progress import Event

METHODS = ("sequence", "random", "largest", "local", "evolution", "gp", "ensemble", "latent")
"""Our own, in the order of the page."""

PEERS = ("optuna:tpe", "optuna:gp", "smac:hpo", "nevergrad:ngopt")
"""Methods of other packages, by their own code."""

FRONTS_ONLY = ("optuna:nsga2",)
"""Methods of other packages that are there for several objectives."""

ALL = (*METHODS, *PEERS, *FRONTS_ONLY)

PRE_TRAINED = {"sequence": "generator", "latent": "vae"}
"""Methods that use what was trained without scores, and what that is."""

SHORT = 100
"""Most evaluations of a search where what counts is the regret after so many: all but the tasks of `LONG`."""

LONG = ("cifar10", "cifar100", "imagenet16")
"""Tasks that are searched until the best is found."""

LOWER_FIDELITY = "table:nasbench201/cifar100.valid@12"

DRAWN: dict[str, Any] = {"candidates": "drawn"}
FEW: dict[str, Any] = {"candidates": "drawn", "replay": 300, "parents": 0}

CHANGES: dict[str, dict[str, Any]] = {
    "default: all members are ranked": {},
    "candidates: draws and neighbours of the best": DRAWN,
    "candidates: draws and neighbours, − learning": DRAWN | {"learn": False},
    "candidates: draws, − neighbours": DRAWN | {"parents": 0},
    "candidates: 300 draws, − neighbours": FEW,
    "candidates: 300 draws, − neighbours, − learning": FEW | {"learn": False},
    "candidates: 300 draws, − neighbours, − guidance": FEW | {"guidance": 1.0},
    "candidates: 300 draws, − neighbours, − predicted labels": FEW | {"labels": "observed"},
    "− predictor: evaluates what is sampled": DRAWN | {"predictor": "none", "labels": "observed"},
    "features: tokenizer's embedding only": {"features": "embedding"},
    "features: training-free only": {"features": "free"},
    "features: all training-free ones": {"features": "hand"},
    "kernel weight of the embedding 1": {"kernel_weight": 1.0},
    "target: ranks only": {"target": "rank"},
    "− trends": {"trend": False},
    "predictor: ranking ensemble": {"predictor": "ensemble"},
    "− pseudo-observation": {"pseudo_observation": False},
    "hyperparameters chosen anew after each evaluation": {"refit": 1.0},
    "initial design: spread over all samples": {"initial_design": "spread"},
    "initial design: random": {"initial_design": "random"},
    "half the exploration": {"exploration": 0.5},
    "hypotheses: size only": {"hypotheses": "size"},
    "hypotheses: structure only": {"hypotheses": "structure"},
    "+ lower-fidelity evaluations, 12 epochs": {"lower_fidelity": (LOWER_FIDELITY,)},
}
"""Changes of the options of `sequence`, one at a time, for the ablation; what is drawn and learned counts only where
not all members are ranked."""

ABLATED = ("cifar100",)
"""Tasks of the ablation."""

TRIALS: dict[str, dict[str, Any]] = {
    "default": {},
    "hypotheses: size only": {"hypotheses": "size"},
    "hypotheses: structure only": {"hypotheses": "structure"},
    "target: ranks only": {"target": "rank"},
    "features: training-free only": {"features": "free"},
    "half the exploration": {"exploration": 0.5},
    "initial design: spread over all samples": {"initial_design": "spread"},
}
"""Changes that are tried on the development tasks, one at a time."""

DEVICES = ("1080ti_1", "gold_6226", "raspi4", "pixel3", "eyeriss", "fpga")
"""Whose latency is minimised."""

FRONT_TASK = "cifar10"
"""Whose accuracy is maximised."""

FRONT_METHODS = ("sequence", "random", "evolution", "gp", "optuna:tpe", "optuna:nsga2")
FRONT_BUDGET = 100

PART_OF: dict[Role, str] = {"test": "methods", "development": "development"}
"""Parts in which all methods search."""

PARTS = ("methods", "development", "ablation", "front", "trials", "loop")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=20, help="searches of a method on a test task")
    parser.add_argument("--development-seeds", type=int, default=5, help="searches of a method on a development task")
    parser.add_argument("--budget", type=int, default=300, help="most evaluations of a search")
    parser.add_argument(
        "--peer-seeds", type=int, default=10, help="searches of a method of another package on a test task"
    )
    parser.add_argument("--methods", nargs="+", choices=ALL, default=ALL, help="methods to run")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to run")
    parser.add_argument("--ablation-seeds", type=int, default=8, help="searches with each change of `sequence`")
    parser.add_argument("--front-seeds", type=int, default=5, help="searches of a method for accuracy and latency")
    parser.add_argument("--loop-seeds", type=int, default=10, help="studies of a sampler within Optuna's own loop")
    parser.add_argument("--trial-seeds", type=int, default=8, help="searches of a trial of settings")


def pre_training(arguments: argparse.Namespace) -> dict[str, Job]:
    """What the methods of the chosen jobs learn without scores, once for all tasks and seeds of a space."""
    found = {}
    for name, job in jobs(arguments).items():
        model, space = PRE_TRAINED.get(job["method"]), TASKS[job.get("task", FRONT_TASK)].space
        if model is not None and name.startswith(tuple(arguments.only)):
            found[f"pre-training-{model}-{space}"] = {"part": "pre-training", "model": model, "space": space}
    return found


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """A method on a task, with all seeds, is a job."""
    found: dict[str, Job] = {}
    for role, part in PART_OF.items():
        methods = [method for method in arguments.methods if method not in FRONTS_ONLY]
        for method in methods if part in arguments.parts else ():
            for task in named(role):
                if applicable(method, task):
                    job = {"part": part, "method": method, "task": task} | _effort(arguments, method, task)
                    found[f"{slug(method)}-{task}"] = job
    if "ablation" in arguments.parts:
        seeds, budget = arguments.ablation_seeds, min(150, arguments.budget)
        for change in CHANGES:
            for task in ABLATED:
                job = {"part": "ablation", "method": "sequence", "task": task, "seeds": seeds, "budget": budget}
                found[f"ablation-{slug(change)}-{task}"] = job | {"change": change}
    if "front" in arguments.parts:
        for device in DEVICES:
            for method in (each for each in FRONT_METHODS if each in arguments.methods):
                job = {"part": "front", "method": method, "device": device, "seeds": arguments.front_seeds}
                found[f"front-{slug(method)}-{device}"] = job | {"budget": FRONT_BUDGET}
    if "trials" in arguments.parts:
        seeds, budget = arguments.trial_seeds, min(SHORT, arguments.budget)
        for trial in TRIALS:
            for task in named("development"):
                job = {"part": "trials", "method": "sequence", "task": task, "seeds": seeds, "budget": budget}
                found[f"trial-{slug(trial)}-{task}"] = job | {"trial": trial}
    if "loop" in arguments.parts:
        seeds, budget = arguments.loop_seeds, min(SHORT, arguments.budget)
        for method in (each for each in optuna_loop.METHODS if each in arguments.methods):
            for task in LONG:
                job = {"part": "loop", "method": method, "task": task, "seeds": seeds, "budget": budget}
                found[f"loop-{slug(method)}-{task}"] = job
    return found


def _effort(arguments: argparse.Namespace, method: str, task: str) -> Job:
    """How many searches of a method on a task, and how long they may get; those of other packages are slower."""
    peer = method in PEERS
    long = task in LONG and not peer
    on_test = arguments.peer_seeds if peer else arguments.seeds
    seeds = on_test if TASKS[task].role == "test" else arguments.development_seeds
    return {"seeds": seeds, "budget": arguments.budget if long else min(arguments.budget, SHORT)}


def slug(words: str) -> str:
    """Words as a part of a file's name."""
    kept = "".join(letter if letter.isalnum() else "-" for letter in words.replace("−", "no").replace("+", "with"))
    return "-".join(part for part in kept.lower().split("-") if part)


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Loads tables and options of a job."""
    from archllm.objectives.table import TableObjective
    from archllm.searchers.registry import searcher_options
    from archllm.spaces import load_space
    from archllm.workflows.search import options_of

    folder: Path = arguments.folder
    if job["part"] == "pre-training":
        task = next(each for each in TASKS.values() if each.space == job["space"])
        space = load_space(task.space)
        pool = TableObjective.of(table_of(task, folder / "tables"), space).architectures()
        return lambda: {"seconds": pre_train(job["model"], space, pool, folder)}
    task = TASKS[job.get("task", FRONT_TASK)]
    space = load_space(task.space)
    specs = [table_of(task, folder / "tables")]
    if job["part"] == "front":
        specs.append(f"nasbench201_latency/latency_ms.{job['device']}")
    tables = [TableObjective.of(spec, space) for spec in specs]
    run = folder / f"generator-{space.name}" if job["method"] == "sequence" else None
    if job["part"] == "loop":
        return lambda: optuna_loop.searched(
            job["method"], tables[0], run or folder, job["seeds"], job["budget"], task.points
        )
    options = _options(job) | ({"vae": str(folder / f"vae-{space.name}")} if job["method"] == "latent" else {})
    words = [f"{name}={_word(value)}" for name, value in options.items()]
    searcher_options(job["method"])(**options_of(job["method"], words, run))  # what can't be used is told at once
    return lambda: _compared(job, tables, words, run, folder)


def _options(job: Job) -> dict[str, Any]:
    """Options of a job's method that are not at their default."""
    if job["part"] == "trials":
        return TRIALS[job["trial"]]
    return CHANGES[job["change"]] if job["part"] == "ablation" else {}


def _compared(job: Job, tables: list[TableObjective], words: list[str], run: Path | None, folder: Path) -> Result:
    """Compares one method with itself, seed by seed; its searches go on where an interrupted job stood."""
    from archllm.study.store import open_store
    from archllm.workflows.compare import STORE, compare

    method, out, space = job["method"], folder / "compared" / _name(job), tables[0].space
    clock = Clock(out / "cpu-seconds.json", job["budget"])
    compare(
        out=out,
        space=space,
        run=run,
        objective=[table.spec for table in tables],
        methods=[method],
        seeds=job["seeds"],
        budget=job["budget"],
        options=[f"{method}.{word}" for word in words],
        until_best=job["part"] != "front",
        resume=(out / STORE).is_file(),
        progress=clock,
    )
    with open_store(out / STORE) as store:
        studies = {study.seed: study.name for study in store.studies()}
        searches = [store.trials(studies[seed]) for seed in range(job["seeds"])]
    told = Volume(tables).shares if job["part"] == "front" else course
    runs = [{"seed": seed, "seconds": clock.seconds[seed]} | told(trials) for seed, trials in enumerate(searches)]
    if job["part"] == "front":
        return {"runs": runs}
    used = PRE_TRAINED.get(method)
    trained = json.loads((folder / f"{used}-{space.name}.json").read_text()) if used else 0.0
    return {"optimum": tables[0].optimum, "runs": runs, "pre_training": trained}


def course(trials: list[Trial]) -> Result:
    """The course of one search.

    Returns:
        The number of evaluations, and of lower-fidelity ones besides; the incumbents, an evaluation, its score and its
        test score for each architecture that was better than all before it; and the text of the last of them.
    """
    incumbents: list[tuple[int, float, float | None]] = []
    text = ""
    ordered = sorted((trial for trial in trials if trial.place is not None), key=lambda trial: trial.place or 0)
    for query, trial in enumerate(ordered, 1):
        if trial.values is not None and (not incumbents or trial.values[0] > incumbents[-1][1]):
            incumbents.append((query, trial.values[0], next(iter(trial.evaluation.test.values()), None)))
            text = trial.text
    lower_fidelity = sum(len(trial.evaluation.lower_fidelity) for trial in trials)
    found = {"queries": len(ordered), "best": text, "incumbents": incumbents}
    return found | ({"lower_fidelity": lower_fidelity} if lower_fidelity else {})


class Volume:
    """Hypervolume of accuracy and latency as a share of that of all cells.

    The reference point is the median of each objective over all cells.
    """

    def __init__(self, tables: list[TableObjective]) -> None:
        from archllm.objectives.evaluation import signs

        self.signs = signs([table.direction for table in tables])
        order = [np.argsort(table.space.keys(table.architectures())) for table in tables]
        columns = [table.values[rows] for table, rows in zip(tables, order, strict=True)]
        everything = self.signs * np.stack(columns, axis=1)
        self.scale = everything.std(0)
        self.corner = np.median(everything, axis=0) / self.scale
        self.whole = self._of(everything)

    def shares(self, trials: list[Trial]) -> Result:
        """The share that the first 25, 50 and 100 evaluations of a search dominate."""
        ordered = sorted((trial for trial in trials if trial.values is not None), key=lambda trial: trial.place or 0)
        points = self.signs * np.array([trial.values for trial in ordered])
        return {"shares": {str(n): self._of(points[:n]) / self.whole for n in (25, 50, FRONT_BUDGET)}}

    def _of(self, points: np.ndarray) -> float:
        from archllm.searchers.pareto import hypervolume

        return float(hypervolume(points / self.scale, self.corner))


class Clock:
    """CPU seconds of each search, kept in a file so that an interrupted comparison knows them."""

    def __init__(self, path: Path, budget: int) -> None:
        self.path, self.budget = path, budget
        self.seconds: dict[int, float] = {}
        if path.exists():
            self.seconds = {int(seed): spent for seed, spent in json.loads(path.read_text()).items()}
        self._last = time.process_time()
        self._seed: int | None = None

    def __call__(self, event: Event) -> None:
        now, seed = time.process_time(), (event.step - 1) // self.budget
        if seed != self._seed:  # a search whose beginning was interrupted begins anew
            self._seed, self.seconds[seed] = seed, 0.0
        self.seconds[seed] += now - self._last
        self._last = now
        self.path.write_text(json.dumps(self.seconds))


def pre_train(model: str, space: SearchSpace, pool: Any, folder: Path) -> float:
    """Trains what a method uses, without scores; its CPU seconds.

    The generator is trained as recommended, on 90 % of the space, the VAE on the members of the pool.
    """
    import archllm
    from archllm.baselines import GraphVAE, recommended_vae

    start, out = time.process_time(), folder / f"{model}-{space.name}"
    if model == "generator":
        archllm.train(space, seed=0, out=out, overwrite=True)
    else:
        out.mkdir(parents=True, exist_ok=True)
        GraphVAE(space, recommended_vae(space)).fit(pool, 0).save(out)
    spent = time.process_time() - start
    write_text(folder / f"{model}-{space.name}.json", json.dumps(spent))
    return spent


def _name(job: Job) -> str:
    parts = [job["part"], slug(job["method"]), job.get("task", job.get("device", ""))]
    parts += [slug(job[key]) for key in ("change", "trial") if key in job]
    return "-".join([*parts, str(job["budget"])])


def _word(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


BENCHMARK = Benchmark("search", __doc__, jobs, prepare, add_arguments, pre_training)

if __name__ == "__main__":
    BENCHMARK.main()
