"""Search where candidates can't be listed, so that what a generator proposes decides.

`python -m benchmarks.unlisted` searches spaces whose members can't all be ranked: by surrogates of tables, over the
whole of a space of which the table holds a sample, by Zen-Score under a limit on multiply-accumulates, and by trainings
on digits; and one pool of real scores. `sequence` is run with and without fine-tuning, over plain tokens and over
learned codes; every search is a job. Needs the tables in `$ARCHLLM_DATA`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.good_members import within_limit, zen
from benchmarks.harness.jobs import Benchmark, Job, Work, seeds
from benchmarks.harness.results import Result
from benchmarks.large_spaces import scored, settings, trained

if TYPE_CHECKING:
    from archllm.objectives.evaluation import Evaluation
    from archllm.searchers.domain import Domain
    from archllm.spaces import Architecture, SearchSpace

Score = Callable[["Architecture"], "Evaluation"]


@dataclass(frozen=True)
class Task:
    """What is searched, and by which score.

    Example:
        >>> TASKS["enas6-pool"].score
        'pool'
    """

    title: str
    """What it is called on the page."""

    space: str
    """The space."""

    score: str
    """`surrogate`: the whole space by a model of the table's scores; `pool`: what the table holds; `zen`: members
    within the limit by Zen-Score; `digits`: members within the limit by a short training."""

    learned: str
    """The tokenizer that learns codes."""

    points: float = 1.0
    """What a score is multiplied by on the page."""

    tried: bool = False
    """Whether it is there to try methods on, so that the target is not judged by it."""


TASKS = {
    "nasbench101": Task("NAS-Bench-101, all of it, by a surrogate", "nasbench101", "surrogate", "vq"),
    "enas6": Task("ENAS, 6 layers, all of it, by a surrogate", "enas6", "surrogate", "vq", 100.0, tried=True),
    "enas6-pool": Task("ENAS, 6 layers, the pool of real scores", "enas6", "pool", "vq", 100.0),
    "conv-grammar": Task("Convolutional grammar, Zen-Score under a limit", "conv-grammar", "zen", "merges", tried=True),
    "ofa-mobilenetv3": Task("OFA-MobileNetV3, Zen-Score under a limit", "ofa-mobilenetv3", "zen", "vq"),
    "hierarchical-nasbench201": Task(
        "Hierarchical NAS-Bench-201, Zen-Score under a limit", "hierarchical-nasbench201", "zen", "merges"
    ),
    "digits": Task("Convolutional grammar, trained on digits", "conv-grammar", "digits", "merges"),
}
"""All tasks by name, the quickest first."""

BASELINES = ("random", "evolution", "local", "gp")
GENERATORS = ("plain", "learned")

SEQUENCE: dict[str, Any] = {"replay": 2_000, "draws": 500}
"""Fewer draws than by default: networks of all of them are counted, for limits and for features."""

GP: dict[str, Any] = {"random": 200}
"""Fewer random members than by default, for the same reason."""

METHODS: dict[str, tuple[str, str, dict[str, Any]]] = {
    **{name: (name, "", GP if name == "gp" else {}) for name in BASELINES},
    **{f"sequence-{name}": ("sequence", name, SEQUENCE) for name in GENERATORS},
    **{f"sequence-{name}-fixed": ("sequence", name, SEQUENCE | {"learn": False}) for name in GENERATORS},
}
"""Methods by name: the searcher, the tokenizer of its generator, its options; `fixed` ones are not fine-tuned."""

PRE_TRAINING = 40.0
"""CPU seconds of training of a generator's language model, the same for all."""

EPOCHS = 4
"""Passes over the images of a training on digits."""

HELD_OUT = 3_000
"""Scored members that tell the surrogate's error."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--budget", type=int, default=200, help="evaluations of a search")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS), help="what to search")
    seeds(parser, range(10), "seeds of searches")


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """A search is a job; all of the first seed come first."""
    return {
        f"{task}-{method}-{seed}": {"task": task, "method": method, "budget": arguments.budget, "seed": seed}
        for seed in arguments.seeds
        for task in arguments.tasks
        for method in METHODS
    }


def pre_training(arguments: argparse.Namespace) -> dict[str, Job]:
    """The generators that the chosen searches start from."""
    found = {}
    for name, job in jobs(arguments).items():
        tokenizer = _tokenizer(job)
        if tokenizer and name.startswith(tuple(arguments.only)):
            space = TASKS[job["task"]].space
            found[f"generator-{space}-{tokenizer}"] = {"part": "pre-training", "space": space, "tokenizer": tokenizer}
    return found


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Loads the space and its scores; builds the searcher."""
    import archllm
    from archllm.searchers.registry import build_searcher

    folder: Path = arguments.folder
    if job.get("part") == "pre-training":
        space = archllm.load_space(job["space"])
        config = settings(space, job["tokenizer"])
        told = {"seconds": PRE_TRAINING, "seed": 0}
        return lambda: trained(space, config, told, _generator(folder, space.name, job["tokenizer"]))[1]
    task = TASKS[job["task"]]
    domain, score, about = _searched(job["task"])
    method, _, options = METHODS[job["method"]]
    tokenizer = _tokenizer(job)
    if tokenizer:
        options = options | {"run": str(_generator(folder, task.space, tokenizer))}
    searcher = build_searcher(method, domain, job["seed"], **options)

    def work() -> Result:
        from archllm.objectives.evaluation import Evaluation

        incumbents: list[tuple[int, float]] = []
        spent, queries, failed = 0.0, 0, 0
        for query in range(1, job["budget"] + 1):
            start = time.process_time()
            asked = searcher.ask(1)
            chosen = time.process_time() - start
            if not asked:
                break
            evaluation = score(asked[0])
            start = time.process_time()
            searcher.tell({asked[0]: Evaluation(evaluation.values, failure=evaluation.failure)})
            spent, queries = spent + chosen + time.process_time() - start, query
            if evaluation.values is None:
                failed += 1
            elif not incumbents or evaluation.values[0] > incumbents[-1][1]:
                incumbents.append((query, evaluation.values[0]))
        told = {"queries": queries, "failed": failed, "method_seconds": spent}
        return {"incumbents": incumbents, "surrogate": about} | told

    return work


def _tokenizer(job: Job) -> str:
    """The tokenizer of a search's generator; none where there is no generator."""
    kind = METHODS[job["method"]][1]
    return TASKS[job["task"]].learned if kind == "learned" else kind


def _generator(folder: Path, space: str, tokenizer: str) -> Path:
    return folder / f"run-{space}-{tokenizer}"


@cache
def _searched(name: str) -> tuple[Domain, Score, Result]:
    """What may be asked for, its score, and what is known about the score."""
    import archllm
    from archllm.objectives.candidate import CandidateTraining
    from archllm.objectives.evaluation import Evaluation
    from archllm.objectives.train import TrainObjective
    from archllm.searchers.domain import Domain

    task = TASKS[name]
    space = archllm.load_space(task.space)
    if task.score == "zen":
        return Domain(space, allowed=within_limit(space)), zen(space).evaluate, {}
    if task.score == "digits":
        config = CandidateTraining(epochs=EPOCHS)
        return Domain(space, allowed=within_limit(space)), TrainObjective(space, "digits", config, 0).evaluate, {}
    if task.score == "surrogate":
        score, about = _surrogate(space)
        return Domain(space), score, about
    graphs, scores = scored(task.space)
    found = dict(zip(space.keys(graphs).tolist(), scores.tolist(), strict=True))
    return Domain(space, graphs), lambda arch: Evaluation(found[arch.key]), {"optimum": max(found.values())}


def _surrogate(space: SearchSpace) -> tuple[Score, Result]:
    """Gradient-boosted trees on operations, links, sizes and path statistics; and what they miss, as noise.

    What held-out members of the better half differ by from what is predicted of them is added to each prediction, drawn
    from a normal distribution once for each member. So there is something to find that no features tell.
    """
    from scipy.stats import kendalltau
    from sklearn.ensemble import HistGradientBoostingRegressor

    from archllm.objectives.evaluation import Evaluation
    from archllm.predictor.features import Featurizer
    from archllm.predictor.makers import free, one_hot

    graphs, scores = scored(space.name)
    describe = Featurizer(space, [one_hot(space), free(space)], graphs[:1_000])
    order = np.random.default_rng(0).permutation(len(graphs))
    features = describe(graphs[order]).values
    values = scores[order]
    model = HistGradientBoostingRegressor(max_iter=300, random_state=0)
    model.fit(features[HELD_OUT:], values[HELD_OUT:])
    predicted, true = model.predict(features[:HELD_OUT]), values[:HELD_OUT]
    better = predicted >= np.median(predicted)
    noise = float(np.std(true[better] - predicted[better]))
    about = {
        "members": len(graphs),
        "deviation": float(np.std(true)),
        "error": float(np.sqrt(np.mean((true - predicted) ** 2))),
        "noise": noise,
        "tau": float(kendalltau(predicted, true).statistic),
    }

    def score(arch: Architecture) -> Evaluation:
        own = np.random.default_rng([arch.key & (2**64 - 1), 11]).normal()
        return Evaluation(float(model.predict(describe(arch.graph).values)[0]) + noise * float(own))

    return score, about


BENCHMARK = Benchmark("unlisted", __doc__, jobs, prepare, add_arguments, pre_training)

if __name__ == "__main__":
    BENCHMARK.main()
