"""Conditional generation on NAS-Bench-201: architectures of a size, of an accuracy, of both.

`python -m benchmarks.conditional` trains one conditional prior for each set of conditions and seed, and measures raw
draws that ask for them; with `--base`, also priors that start from that pretrained language model. Needs the tables of
NAS-Bench-201 in `$ARCHLLM_DATA`.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.harness.jobs import Benchmark, Job, Work, seeds
from benchmarks.harness.results import Result

if TYPE_CHECKING:
    from archllm import ArchLLM
    from archllm.generation.config import TrainConfig
    from archllm.training.progress import Event

SPACE = "nasbench201"
DRAWS = 1_000
LABELS = 500
TOP = 0.05
GUIDANCE = (1.0, 1.1, 1.25, 1.5)

DEVELOPMENT, DEVELOPMENT_SEED = "cifar10.valid@12", 7
"""What settings are chosen on: scores after 12 epochs, with a split and labels that test tasks do not use."""

TRIALS: dict[str, dict[str, Any]] = {
    "recommended": {},
    "64 bins": {"levels": 64},
    "no output-bias initialisation": {"prior": {"unigram_init": False}},
    "dropout 0.05": {"prior": {"dropout": 0.05}},
}
"""Settings that are compared there: one change each."""

TEXT = {"prior": {"format": "tokens"}}
"""What is changed of the recommended settings of a text prior: a token for each code, and for each bin."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    seeds(parser, range(3), "seeds of training, labels and draws")
    parser.add_argument("--base", type=Path, help="a pretrained model, a folder or a GGUF file, for text priors")


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """Which conditions, and the seed of training, labels and draws."""
    found: dict[str, Job] = {}
    for seed in arguments.seeds:
        found[f"params-{seed}"] = {"part": "params", "conditions": ["params"], "seed": seed}
        for data in ("cifar100", "cifar10"):
            found[f"top-{data}-{seed}"] = {"part": "top", "conditions": [data], "seed": seed}
    first = arguments.seeds[0]
    found[f"joint-{first}"] = {"part": "joint", "conditions": ["params", "cifar10"], "seed": first}
    for name in ("params", "cifar10"):
        found[f"text-{name}-{first}"] = {"part": "text", "conditions": [name], "seed": first}
    for number, trial in enumerate(TRIALS):
        conditions = [f"tuning={DEVELOPMENT}"]
        found[f"trial-{number}"] = {
            "part": "trial", "conditions": conditions, "seed": DEVELOPMENT_SEED, "trial": trial,
        }  # fmt: skip
    return found


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Loads the tables and builds the configuration of a job."""
    from archllm import load_space
    from archllm.errors import InvalidInput
    from archllm.objectives.table import TableObjective

    if job["part"] == "text" and arguments.base is None:
        raise InvalidInput("a text prior starts from a pretrained model: name one with --base")
    space, looked_up = load_space(SPACE), [name for name in job["conditions"] if name != "params"]
    for text in looked_up:
        TableObjective.of(f"{SPACE}/{text.rpartition('=')[2]}", space)
    config = config_of(job, arguments.base)
    return lambda: _measured(job, config, looked_up, arguments.base)


def config_of(job: Job, base: Path | None) -> TrainConfig:
    """What a job trains and how."""
    from archllm import load_space, recommended
    from archllm.generation.config import TrainConfig

    text = job["part"] == "text"
    config = recommended(load_space(SPACE), base=str(base) if text else "", conditions=job["conditions"])
    changes = TRIALS[job["trial"]] if "trial" in job else TEXT if text else {}
    labels = {} if job["conditions"] == ["params"] else {"labels": LABELS}
    return TrainConfig.from_mapping(changes | labels, default=config)


def _measured(job: Job, config: TrainConfig, looked_up: list[str], base: Path | None) -> Result:
    """Trains on the conditions and measures raw draws that ask for them."""
    import archllm

    before = time.process_time()

    def hear(event: Event) -> None:
        if event.step % 50 == 0:
            print(event, f"{time.process_time() - before:.0f} s", flush=True)

    model = archllm.train(archllm.load_space(SPACE), config, job["seed"], progress=hear)
    trained = time.process_time() - before
    judge = Judge(model, looked_up)
    found: dict[str, Any] = {}
    for guidance in GUIDANCE:
        if job["conditions"] == ["params"]:
            found[str(guidance)] = judge.tenths(guidance)
        elif len(job["conditions"]) == 1:
            found[str(guidance)] = judge.top(looked_up[0].partition("=")[0], guidance)
        else:
            found[str(guidance)] = judge.joint(looked_up[0], guidance)
    unconditional = model.evaluate(DRAWS, seeds=[job["seed"]]).metrics
    return {
        "base": base.name if base and job["part"] == "text" else None,
        "steps": config.prior.steps,
        "batch": config.prior.batch,
        "train_cpu_seconds": trained,
        "reconstruction": model.report["reconstruction"],
        "held_out_nats": model.report["held_out_nats"],
        "ideal_nats": model.report["ideal_nats"],
        "unconditional": {name: metric.mean for name, metric in unconditional.items()},
        "found": found,
    }


class Judge:
    """What a conditional model samples, beside the truth about all cells."""

    def __init__(self, model: ArchLLM, looked_up: list[str]) -> None:
        from archllm.objectives.table import TableObjective
        from archllm.workflows.condition_values import ConditionValues

        self.model, self.space = model, model.space
        cells = self.space.enumerate()
        keys = self.space.keys(cells)
        order = np.argsort(keys)
        self.keys, self.params = keys[order], self.space.require_networks().params(cells)[order].astype(float)
        self.truth: dict[str, np.ndarray] = {}
        self.shown: dict[str, np.ndarray] = {}
        for text in looked_up:
            name, _, column = text.rpartition("=")
            name = name or column
            table = TableObjective.of(f"{SPACE}/{column}", self.space)
            members = self.space.keys(table.architectures())
            self.truth[name] = table.values[np.argsort(members)]
            source = ConditionValues(self.space, (text,), {text: table})
            known = source.known(model.cells.train, LABELS, model.seed)[:, 0]
            training = self.space.keys(model.cells.train)
            self.shown[name] = training[~np.isnan(known)]

    def _draw(self, where: list[str], guidance: float) -> tuple[np.ndarray, float]:
        """Rows, in the truth, of the valid ones among raw draws; and the share that is valid."""
        sample = self.model.sample(DRAWS, raw=True, where=where, guidance=guidance, seed=self.model.seed)
        found = np.array([arch.key for arch in sample.architectures if arch is not None])
        return np.searchsorted(self.keys, found), len(found) / DRAWS

    def tenths(self, guidance: float) -> list[Result]:
        """Each tenth of the range of parameters, requested in turn."""
        low, high = self.params.min(), self.params.max()
        edges = np.linspace(low, high, 11)
        result = []
        for number in range(10):
            rows, valid = self._draw([f"params in [{float(edges[number])!r}, {float(edges[number + 1])!r}]"], guidance)
            inside = (self.params >= edges[number]) & (self.params <= edges[number + 1])
            good = rows[inside[rows]]
            members = int(inside.sum())
            result.append(
                {
                    "range": [edges[number], edges[number + 1]],
                    "members": members,
                    "valid": valid,
                    "inside": len(good) / DRAWS,
                    "distinct_inside": len(np.unique(good)),
                    "expected": expected(members, DRAWS),
                }
            )
        return result

    def top(self, name: str, guidance: float) -> Result:
        """The top 5 %, as far as the labels tell where it begins."""
        truth, shown = self.truth[name], np.isin(self.keys, self.shown[name])
        threshold = float(np.quantile(truth[shown], 1 - TOP))
        rank = np.array([(truth > value).mean() for value in truth])
        rows, valid = self._draw([f"{name} >= {threshold!r}"], guidance)
        judged = rows[~shown[rows]]
        best = rank <= TOP
        training = np.isin(self.keys, self.model.training_keys)
        return {
            "threshold": threshold,
            "valid": valid,
            "judged": len(judged),
            "mean_rank": float(rank[judged].mean()),
            "mean_rank_held_out": float(rank[rows[~training[rows]]].mean()),
            "in_top": float(best[judged].mean()),
            "distinct": len(np.unique(rows)),
            "expected": expected(int((truth >= threshold).sum()), DRAWS),
            "predicted_rank": self._predicted_rank(name, threshold, rank, shown),
        }

    def joint(self, name: str, guidance: float) -> Result:
        """Small and good at once: the 30 % of cells with the fewest parameters, and the best fifth of those."""
        truth, shown = self.truth[name], np.isin(self.keys, self.shown[name])
        most = float(np.quantile(self.params, 0.3))
        threshold = float(np.quantile(truth[shown & (self.params <= most)], 0.8))
        rows, valid = self._draw([f"params <= {most!r}", f"{name} >= {threshold!r}"], guidance)
        small, good = self.params <= most, truth >= threshold
        return {
            "most_params": most,
            "threshold": threshold,
            "valid": valid,
            "small": float(small[rows].sum() / DRAWS),
            "good": float(good[rows].sum() / DRAWS),
            "both": float((small & good)[rows].sum() / DRAWS),
            "both_in_space": float((small & good).mean()),
            "distinct": len(np.unique(rows)),
        }

    def _predicted_rank(self, name: str, threshold: float, rank: np.ndarray, shown: np.ndarray) -> float:
        """Mean true rank of the training cells that the predictor puts above the threshold: what samples can reach."""
        conditions = self.model.conditions
        assert conditions is not None  # the model was trained on them
        values = conditions.values[:, conditions.names.index(name)]
        rows = np.searchsorted(self.keys, self.space.keys(self.model.cells.train))[values >= threshold]
        return float(rank[rows[~shown[rows]]].mean())


def expected(members: int, n: int) -> float:
    """How many different ones `n` uniform draws from so many members hold on average."""
    return -members * math.expm1(n * math.log1p(-1 / members)) if members > 1 else float(members)


BENCHMARK = Benchmark("conditional_generation", __doc__, jobs, prepare, add_arguments, module="conditional")

if __name__ == "__main__":
    BENCHMARK.main()
