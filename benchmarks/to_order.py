"""Generation to order on NAS-Bench-201: architectures of a size, of an accuracy, of both.

`python -m benchmarks.to_order` trains one conditional prior a job, each in a process of its own on one thread unless
`--folder` has its file already, and writes `docs/results/to_order.json` and `.md`; with `--base`, also priors that
start from that pre-trained language model. Needs the tables of NAS-Bench-201 in `$ARCHLLM_DATA` or in the folder of the
tests.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import ROOT, provenance, run_all, write_json

SPACE = "nasbench201"
DRAWS = 1_000
LABELS = 500
TOP = 0.05
GUIDANCE = (1.0, 1.1, 1.25, 1.5)

TUNING, TUNING_SEED = "cifar10.valid@12", 7
"""What settings are chosen on: scores after 12 epochs, with a split and labels that are not judged."""

TRIALS: dict[str, dict[str, Any]] = {
    "recommended": {},
    "64 levels": {"levels": 64},
    "no start from marginals": {"prior": {"marginals": False}},
    "dropout 0.05": {"prior": {"dropout": 0.05}},
}
"""Settings that are compared there: one change each."""

TEXT = {"prior": {"format": "tokens"}}
"""What is changed of the recommended settings of a text prior: a token for each code, and for each bucket."""

Job = dict[str, Any]


def jobs(seeds: list[int]) -> dict[str, Job]:
    """All jobs by name: which conditions, and the seed of training, labels and draws."""
    found: dict[str, Job] = {}
    for seed in seeds:
        found[f"params-{seed}"] = {"conditions": ["params"], "seed": seed}
        for data in ("cifar100", "cifar10"):
            found[f"top-{data}-{seed}"] = {"conditions": [data], "seed": seed}
    found[f"joint-{seeds[0]}"] = {"conditions": ["params", "cifar10"], "seed": seeds[0]}
    found[f"text-params-{seeds[0]}"] = {"conditions": ["params"], "seed": seeds[0], "text": True}
    found[f"text-cifar10-{seeds[0]}"] = {"conditions": ["cifar10"], "seed": seeds[0], "text": True}
    for number, trial in enumerate(TRIALS):
        found[f"trial-{number}"] = {"conditions": [f"tuning={TUNING}"], "seed": TUNING_SEED, "trial": trial}
    return found


def run(job: Job, base: Path | None = None) -> Job:
    """Trains on the conditions and measures raw draws that ask for them."""
    import torch

    import archllm
    from archllm.generation.config import TrainConfig
    from archllm.generation.recommended import recommended

    torch.set_num_threads(1)
    start, space = time.time(), archllm.load_space(SPACE)
    config = recommended(space, base=str(base) if "text" in job else "", conditions=job["conditions"])
    looked_up = [name for name in job["conditions"] if name != "params"]
    changes = TRIALS[job["trial"]] if "trial" in job else TEXT if "text" in job else {}
    config = TrainConfig.from_mapping(changes | ({"labels": LABELS} if looked_up else {}), default=config)
    before = time.process_time()

    def hear(event: Any) -> None:
        if event.step % 50 == 0:
            print(event, f"{time.process_time() - before:.0f} s", flush=True)

    model = archllm.train(space, config, job["seed"], progress=hear)
    trained = time.process_time() - before
    bench = Bench(model, looked_up)
    if job["conditions"] == ["params"]:
        found = {str(guidance): bench.tenths(guidance) for guidance in GUIDANCE}
    elif len(job["conditions"]) == 1:
        found = {str(guidance): bench.top(looked_up[0].partition("=")[0], guidance) for guidance in GUIDANCE}
    else:
        found = {str(guidance): bench.joint(looked_up[0], guidance) for guidance in GUIDANCE}
    plain = model.evaluate(DRAWS, seeds=[job["seed"]]).metrics
    return job | {
        "base": base.name if base else None,
        "steps": config.prior.steps,
        "batch": config.prior.batch,
        "train_cpu_seconds": trained,
        "reconstruction": model.report["reconstruction"],
        "held_out_nats": model.report["held_out_nats"],
        "ideal_nats": model.report["ideal_nats"],
        "unasked": {name: figure.mean for name, figure in plain.items()},
        "found": found,
        "wall": time.time() - start,
        "about": provenance(),
    }


class Bench:
    """A conditional model and the truth about all cells."""

    def __init__(self, model: Any, looked_up: list[str]) -> None:
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

    def tenths(self, guidance: float) -> list[Job]:
        """Each tenth of the spread of parameters, asked for in turn."""
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
                    "ceiling": expected(members, DRAWS),
                }
            )
        return result

    def top(self, name: str, guidance: float) -> Job:
        """The best twentieth, as far as the labels tell where it begins."""
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
            "ceiling": expected(int((truth >= threshold).sum()), DRAWS),
            "predicted_rank": self._predicted_rank(name, threshold, rank, shown),
        }

    def joint(self, name: str, guidance: float) -> Job:
        """Small and good at once: three tenths of the cells with the fewest parameters, and of those the best fifth."""
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
        """Mean true rank of the training cells that the predictor puts above the threshold: what draws can come to."""
        values = self.model.conditions.values[:, self.model.conditions.names.index(name)]
        rows = np.searchsorted(self.keys, self.space.keys(self.model.cells.train))[values >= threshold]
        return float(rank[rows[~shown[rows]]].mean())


def expected(members: int, n: int) -> float:
    """How many different ones `n` uniform draws from so many members hold on average."""
    return -members * math.expm1(n * math.log1p(-1 / members)) if members > 1 else float(members)


def main() -> None:
    """Runs one job, or all that are missing, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="seeds of training, labels and draws")
    parser.add_argument("--base", type=Path, help="a pre-trained model, a folder or a GGUF file, for text priors")
    parser.add_argument("--workers", type=int, default=1, help="jobs at a time")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "benchmark-to-order", help="where jobs write")
    parser.add_argument("--job", help="run this one job only")
    parser.add_argument("--page", action="store_true", help="only write the page, from the files that are there")
    arguments = parser.parse_args()
    if arguments.job:
        chosen = jobs([int(arguments.job.rsplit("-", 1)[1])])[arguments.job]  # trials are there for any seed
        result = run(chosen, arguments.base)
        write_json(arguments.folder / f"{arguments.job}.json", result)
        return
    wanted = jobs(arguments.seeds)
    if not arguments.page:
        names = [name for name, job in wanted.items() if arguments.base or "text" not in job]
        more = ["--base", arguments.base] if arguments.base else []
        run_all("benchmarks.to_order", names, arguments.folder, arguments.workers, more)
    from benchmarks.to_order_page import write_page

    files = {name: arguments.folder / f"{name}.json" for name in wanted}
    write_page(
        {name: json.loads(file.read_text()) for name, file in files.items() if file.exists()}, ROOT / "docs" / "results"
    )


if __name__ == "__main__":
    main()
