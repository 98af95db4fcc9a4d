"""A pretrained language model as the prior of NAS-Bench-201, beside the same model untrained and the small code prior.

`python -m benchmarks.llm_prior --base MODEL.gguf` trains a tokenizer once, then one prior for each job.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness.jobs import Benchmark, Job, Work
from benchmarks.harness.results import Result

if TYPE_CHECKING:
    from archllm import ArchLLM
    from archllm.prior import Prior
    from archllm.training.progress import Event

SPACE = "nasbench201"
DRAWS = 1_000
DRAW_SEEDS = tuple(range(10))
TEMPERATURES = (0.5, 0.7, 0.85, 1.0, 1.15, 1.3, 1.5)

EPOCH = 431  # steps of 32 in which each of the 13,359 training cells is seen once, and 3 % twice
SHORT = 120
TEXT = {"kind": "text", "batch": 32, "learning_rate": 2e-3, "weight_decay": 0.0}
FULL = {"tuning": "full"}
RANDOM = {"tuning": "full", "pretrained": False}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--base", type=Path, help="the pretrained model: a folder or a GGUF file")


def tokenizer(arguments: argparse.Namespace) -> dict[str, Job]:
    """The tokenizer that all jobs share, and with it the small code prior."""
    return {"tokenizer": {"part": "tokenizer"}}


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """How the prior is trained, and with which seed; the telling ones first."""
    short = TEXT | {"steps": SHORT}
    priors: dict[str, dict[str, Any] | None] = {
        "numbers-epoch-0": TEXT | {"steps": EPOCH},
        "numbers-epoch-1e-3-0": TEXT | {"steps": EPOCH, "learning_rate": 1e-3},
        "numbers-short-0": short,
        "tokens-short-0": short | {"format": "tokens"},
        "random-3e-4-short-0": short | RANDOM | {"learning_rate": 3e-4},
        "full-1e-4-short-0": short | FULL | {"learning_rate": 1e-4},
        "random-1e-3-short-0": short | RANDOM | {"learning_rate": 1e-3},
        "full-3e-4-short-0": short | FULL | {"learning_rate": 3e-4},
        "one-hot-targets-short-0": short | {"soft_targets": False},
        "numbers-short-1": short,
        "numbers-short-2": short,
        "tokens-epoch-0": TEXT | {"steps": EPOCH, "format": "tokens"},
        "code-0": None,
    }
    swept = ("numbers-epoch-0", "numbers-epoch-1e-3-0", "tokens-epoch-0", "code-0")
    return {name: {"prior": prior, "seed": int(name[-1]), "sweep": name in swept} for name, prior in priors.items()}


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Loads the tokenizer, its codes, and the pretrained model."""
    import archllm
    from archllm.errors import InvalidInput
    from archllm.prior import build_prior
    from archllm.prior.config import PriorConfig

    folder: Path = arguments.folder
    if job.get("part") == "tokenizer":
        return lambda: {"report": archllm.train(SPACE, seed=0, out=folder / "run", overwrite=True).report}
    model = archllm.load(folder / "run")
    if job["prior"] is None:
        return lambda: _measured(model, job, [], model.report["seconds"]["prior"])
    if arguments.base is None:
        raise InvalidInput("a text prior starts from a pretrained model: name one with --base")
    config = PriorConfig(**job["prior"], base=str(arguments.base))
    prior = build_prior(
        config, model.tokenizer.codebook_size, model.tokenizer.length, (), SPACE, end=model.tokenizer.end
    )
    return lambda: {"base": arguments.base.name} | _trained(model, prior, job)


def _trained(model: ArchLLM, prior: Prior, job: Job) -> Result:
    """Trains a prior on the codes of the shared tokenizer and measures its draws."""
    curve: list[dict[str, float]] = []
    start = time.process_time()
    aside = int(len(model.cells.train) * model.config.prior.validation)  # the validation split of `archllm.train`
    codes = model.tokenizer.encode(model.cells.train)

    def hear(event: Event) -> None:
        if "validation_loss" in event.metrics:
            seconds = round(time.process_time() - start, 1)
            curve.append({"step": event.step, "cpu": seconds} | event.metrics)
            print(curve[-1], flush=True)

    prior.fit(codes[aside:], codes[:aside], job["seed"], hear)
    model.prior = prior
    found = _measured(model, job, curve, time.process_time() - start)
    return found | {"text": _text(model)}


def _measured(model: ArchLLM, job: Job, curve: list[dict[str, float]], seconds: float) -> Result:
    held_out = model.tokenizer.encode(model.cells.held_out)
    temperatures = TEMPERATURES if job["sweep"] else ()
    return {
        "curve": curve,
        "train_cpu_seconds": seconds,
        "trained_parameters": model.prior.parameters(),
        "held_out_nats": -float(model.prior.log_prob(held_out).mean()),
        "ideal_nats": math.log(model.space.size),
        "validation_nats": min((point["validation_loss"] for point in curve), default=None),
        "draws": [_draws(model, 1.0, seed) for seed in DRAW_SEEDS],
        "temperatures": {str(temperature): _draws(model, temperature, 0) for temperature in temperatures},
    }


def _draws(model: ArchLLM, temperature: float, seed: int) -> dict[str, float]:
    """The metrics of raw draws; with a text model, its automaton is at work."""
    metrics = model.evaluate(DRAWS, seeds=[seed], temperature=temperature).metrics
    return {name: metric.mean for name, metric in metrics.items()}


def _text(model: ArchLLM) -> str:
    """What the model reads and writes for one cell, for the page."""
    prior: Any = model.prior
    codes = model.tokenizer.encode(model.cells.train[:1])
    tokens = [token for token in prior.automaton.write(codes)[0] if token < len(prior.vocabulary.tokens)]
    prompt = [prior.vocabulary.tokens[token] for token in prior.vocabulary.prompt((), ())]
    return str(prior.base.tokenizer.decode([*prompt, *(prior.vocabulary.tokens[token] for token in tokens)]))


BENCHMARK = Benchmark("llm_prior", __doc__, jobs, prepare, add_arguments, tokenizer)

if __name__ == "__main__":
    BENCHMARK.main()
