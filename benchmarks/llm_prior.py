"""A pre-trained language model as the prior of NAS-Bench-201, beside the same model untrained and the small code prior.

`python -m benchmarks.llm_prior --base MODEL.gguf` trains a tokenizer once, then one prior a job, each in a process of
its own on one thread unless `--folder` has its file already, and writes `docs/results/llm_prior.json` and `.md`.
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
DRAW_SEEDS = tuple(range(10))
TEMPERATURES = (0.5, 0.7, 0.85, 1.0, 1.15, 1.3, 1.5)

EPOCH = 431  # steps of 32 in which each of the 13,359 training cells is seen once, and 3 % twice
SHORT = 120
TEXT = {"kind": "text", "batch": 32, "learning_rate": 2e-3, "weight_decay": 0.0}
FULL = {"tuning": "full"}
RANDOM = {"tuning": "full", "pretrained": False}

Job = dict[str, Any]


def jobs() -> dict[str, Job]:
    """All jobs by name, the telling ones first: how the prior is trained, and with which seed."""
    short = TEXT | {"steps": SHORT}
    return {
        "numbers-epoch-0": {"prior": TEXT | {"steps": EPOCH}, "sweep": True},
        "numbers-epoch-1e-3-0": {"prior": TEXT | {"steps": EPOCH, "learning_rate": 1e-3}, "sweep": True},
        "numbers-short-0": {"prior": short},
        "tokens-short-0": {"prior": short | {"format": "tokens"}},
        "random-3e-4-short-0": {"prior": short | RANDOM | {"learning_rate": 3e-4}},
        "full-1e-4-short-0": {"prior": short | FULL | {"learning_rate": 1e-4}},
        "random-1e-3-short-0": {"prior": short | RANDOM | {"learning_rate": 1e-3}},
        "full-3e-4-short-0": {"prior": short | FULL | {"learning_rate": 3e-4}},
        "one-target-short-0": {"prior": short | {"soft_targets": False}},
        "numbers-short-1": {"prior": short, "seed": 1},
        "numbers-short-2": {"prior": short, "seed": 2},
        "tokens-epoch-0": {"prior": TEXT | {"steps": EPOCH, "format": "tokens"}, "sweep": True},
        "code-0": {"prior": None, "sweep": True},
    }


def run(name: str, folder: Path, base: Path) -> Job:
    """Trains one prior on the codes of the shared tokenizer and measures its draws."""
    import torch

    import archllm
    from archllm.prior import build_prior
    from archllm.prior.config import PriorConfig

    torch.set_num_threads(1)
    job, start = jobs()[name], time.time()
    model = archllm.load(folder / "run")
    settings = job["prior"]
    curve: list[dict[str, float]] = []
    clock = {"cpu": time.process_time()}
    if settings is not None:
        config = PriorConfig(**settings, base=str(base))
        tokenizer = model.tokenizer
        aside = int(len(model.cells.train) * model.config.prior.validation)  # as `archllm.train` puts them aside
        codes = tokenizer.encode(model.cells.train)
        prior = build_prior(config, tokenizer.codebook_size, tokenizer.length, (), SPACE)

        def hear(event: Any) -> None:
            if event.step % 10 == 0 or "validation_loss" in event.metrics:
                seconds = time.process_time() - clock["cpu"]
                curve.append({"step": event.step, "cpu": round(seconds, 1)} | event.metrics)
                print(curve[-1], flush=True)

        prior.fit(codes[aside:], codes[:aside], job.get("seed", 0), hear)
        model.prior = prior
        prior.save(folder / f"prior-{name}")
    trained = time.process_time() - clock["cpu"]
    held_out = model.tokenizer.encode(model.cells.held_out)
    result: Job = {
        "name": name,
        "settings": settings,
        "seed": job.get("seed", 0),
        "curve": curve,
        "train_cpu_seconds": trained if settings is not None else model.report["seconds"]["prior"],
        "trained_parameters": model.prior.parameters(),
        "held_out_nats": -float(model.prior.log_prob(held_out).mean()),
        "ideal_nats": math.log(model.space.size),
        "validation_nats": min(
            (point["validation_loss"] for point in curve if "validation_loss" in point), default=None
        ),
    }
    if settings is not None:
        result["held_out_nats_free"] = -float(model.prior.log_prob_freely(held_out).mean())
        result["free"] = [_free(model, seed) for seed in DRAW_SEEDS]
        result["text"] = _text(model)
    result["draws"] = [_legal(model, 1.0, seed) for seed in DRAW_SEEDS]
    result["temperatures"] = {str(t): _legal(model, t, 0) for t in TEMPERATURES} if job.get("sweep") else {}
    return result | {"wall": time.time() - start, "about": provenance()}


def _legal(model: Any, temperature: float, seed: int) -> dict[str, float]:
    """The figures of raw draws; with a text model, its automaton is at work."""
    figures = model.evaluate(DRAWS, seeds=[seed], temperature=temperature).metrics
    return {name: figure.mean for name, figure in figures.items()}


def _free(model: Any, seed: int) -> dict[str, float]:
    """The same without the automaton: a text that is not legal counts as an invalid draw."""
    import torch

    from archllm.generation.metrics import Tally

    codes = model.prior.draw_freely(DRAWS, generator=torch.Generator().manual_seed(seed))
    legal = (codes >= 0).all(1)
    if not legal.any():
        return {"legal": 0.0, "valid": 0.0, "valid_unique": 0.0, "cycle": 0.0, "novel": 0.0}
    graphs = model.tokenizer.decode(codes[legal])
    found = Tally(model.space, model.training_keys).add(graphs, model.cycles(codes[legal], graphs)).metrics()
    share = float(legal.mean())
    scaled = {name: found[name] * share for name in ("valid", "valid_unique", "cycle")}
    return {"legal": share, "novel": found["novel"]} | scaled


def _text(model: Any) -> str:
    """What the model reads and writes for one cell, for the page."""
    prior = model.prior
    codes = model.tokenizer.encode(model.cells.train[:1])
    tokens = [token for token in prior.automaton.write(codes)[0] if token < len(prior.vocabulary.tokens)]
    prompt = [prior.vocabulary.tokens[token] for token in prior.vocabulary.prompt((), ())]
    return str(prior.base.tokenizer.decode([*prompt, *(prior.vocabulary.tokens[token] for token in tokens)]))


def prepare(folder: Path) -> None:
    """Trains the tokenizer that all jobs share, and with it the small code prior."""
    import torch

    import archllm

    torch.set_num_threads(1)
    if not (folder / "run").exists():
        archllm.train(SPACE, seed=0, out=folder / "run")


def main() -> None:
    """Runs one job, or all that are missing, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="the pre-trained model: a folder or a GGUF file")
    parser.add_argument("--workers", type=int, default=1, help="jobs at a time")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "benchmark-llm", help="where jobs write")
    parser.add_argument("--job", help="run this one job only")
    parser.add_argument("--page", action="store_true", help="only write the page, from the files that are there")
    arguments = parser.parse_args()
    if arguments.job:
        write_json(arguments.folder / f"{arguments.job}.json", run(arguments.job, arguments.folder, arguments.base))
        return
    if not arguments.page:
        prepare(arguments.folder)
        run_all("benchmarks.llm_prior", list(jobs()), arguments.folder, arguments.workers, ["--base", arguments.base])
    from benchmarks.llm_prior_page import write_page

    files = [arguments.folder / f"{name}.json" for name in jobs()]
    found = [json.loads(file.read_text()) for file in files if file.exists()]
    write_page(found, arguments.base.name, ROOT / "docs" / "results")


def mean_std(values: list[float]) -> tuple[float, float]:
    """Mean and sample standard deviation."""
    array = np.array(values)
    return float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else 0.0


if __name__ == "__main__":
    main()
