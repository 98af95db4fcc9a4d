"""What each of the processes does that `test_together.py` starts: trainings that go well, and some that fail.

Its words are the folder to work in, and that of a tiny language model.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import archllm.reporting.figures
from archllm.cli import main
from archllm.errors import ArchLLMError
from archllm.generation.config import TrainConfig
from archllm.prior.config import PriorConfig
from archllm.tokenizer.config import TokenizerConfig
from archllm.training.loop import Loop, Schedule
from archllm.training.processes import ProcessGroup, process_group, started
from archllm.training.progress import Metrics
from archllm.workflows.train import train

SMALL = TokenizerConfig(steps=12, batch=32, width=16, layers=1, codebook_size=64)
OPTIONS = "--tokenizer.steps 12 --tokenizer.batch 32 --prior.steps 6 --prior.batch 7 --prior.layers 1 --prior.dropout 0"


def text(base: str) -> TrainConfig:
    """A text prior that is told of parameters; its batches can't be shared evenly, and are worked through in parts."""
    prior = PriorConfig(kind="text", base=base, steps=8, batch=7, accumulation=2, learning_rate=1e-2)
    return TrainConfig(tokenizer=SMALL, prior=prior, conditions=("params",))


def code(out: Path) -> list[str]:
    """The words of a training of a small prior."""
    return ["train", "nasbench201", "--json", "--device", "cpu", "--out", str(out), *OPTIONS.split()]


def failure(work: Callable[[], object]) -> str:
    """The kind of the error that the work ends with."""
    try:
        work()
    except ArchLLMError as error:
        return type(error).__name__
    return ""


def diverging(group: ProcessGroup) -> None:
    """A training whose loss is no number in the last process only."""
    module = torch.nn.Linear(1, 1)

    def loss(step: int, rows: torch.Tensor) -> tuple[torch.Tensor, Metrics]:
        return module.weight.sum() * (float("nan") if group.rank == group.size - 1 else 1.0), {}

    Loop("prior", module, Schedule(3, 4, 0.1, 0.0), seed=1, loss=loss, rows=10, group=group).run()


def run(folder: Path, base: str) -> None:
    """All trainings; what this process has seen of them goes to a file of its own."""
    archllm.reporting.figures.write_figures = lambda *_: []  # drawing takes longer than these trainings
    rank = started()[0]
    two = train("nasbench201", text(base), 3, out=folder / "two", device="cpu")
    resumed = train("nasbench201", text(base), 3, out=folder / "resumed", resume=True, device="cpu")
    nothing = failure(lambda: train("nasbench201", text(base), 3, out=folder / "none", resume=True, device="cpu"))
    diverged = failure(lambda: diverging(process_group("cpu")))
    done = main(code(folder / "code"))
    refused = main(code(folder / "code"))
    codes = np.random.default_rng(0).integers(0, two.tokenizer.codebook_size, (20, two.tokenizer.length))
    seen = {
        "codes": [done, refused],
        "failures": [nothing, diverged],
        "tokenizer": two.tokenizer.encode(two.cells.held_out[:50]).tolist(),
        "two": two.prior.log_prob(codes).tolist(),
        "resumed": resumed.prior.log_prob(codes).tolist(),
        "report": two.report,
    }
    (folder / f"seen-{rank}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2])
