"""The training loop that tokenizer and prior share: seeds per step, schedule, journal, checkpoints.

Every random choice of a step is a function of (seed, step), so a run that is interrupted and resumed goes on exactly
as an uninterrupted one would have.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from archllm.errors import InvalidInput, RunFolderError, TrainingDiverged
from archllm.files import replacing
from archllm.training.processes import SINGLE_PROCESS, ProcessGroup
from archllm.training.progress import Event, Listener, Metrics
from archllm.training.randomness import torch_seeded

CHECKPOINT_SECONDS = 20.0
"""Least time between two checkpoints."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train."""

    steps: int
    """Optimiser steps."""

    batch: int
    """Examples per step."""

    learning_rate: float
    """Peak learning rate; warmed up over the first steps, held, then decayed linearly to zero."""

    weight_decay: float
    """Decoupled weight decay of AdamW."""

    warmup: int = 50
    """Steps until the peak."""

    hold: float = 0.6
    """Share of the steps after which the decay begins."""

    def rate(self, step: int) -> float:
        """Learning rate of step `step` (from 0)."""
        left = (1.0 - step / self.steps) / (1.0 - self.hold)
        return self.learning_rate * min(1.0, (step + 1) / self.warmup, left)


@dataclass
class Loop:
    """One training run of one module.

    Args are the fields; `run` does the work.
    """

    stage: str
    """Name of the stage in events and checkpoints."""

    module: torch.nn.Module
    """What is trained, in place."""

    schedule: Schedule
    """How long and how fast."""

    seed: int
    """Seed of all randomness of the loop."""

    loss: Callable[[int, torch.Tensor], tuple[torch.Tensor, Metrics]]
    """From the step and the row indices of its batch (`int64[batch]`), or what `choose` makes of them, to the loss to
    minimise, a mean over rows, and figures to report."""

    rows: int
    """Number of training examples."""

    choose: Callable[[torch.Tensor], torch.Tensor] | None = None
    """From the row indices of a whole batch to what `loss` is given, row by row (`batch x …`); draws at random.

    It is called once a step, before the batch is split, so that it chooses the same however many parts there are.
    """

    accumulation: int = 1
    """Parts in which a batch goes through the module, one after the other."""

    group: ProcessGroup = SINGLE_PROCESS
    """The processes that share the work of each batch. All of them run this loop; the main one validates, tells the
    listener and writes checkpoints, and is waited for."""

    validate: Callable[[], Metrics] | None = None
    """Figures on validation examples: `validation_loss` and its standard error `validation_error`."""

    keep: Literal["best", "last"] = "best"
    """Which weights the module holds afterwards: `best`, the latest whose validation loss is within one standard error
    of the least, so that what a small validation set can't tell apart is decided in favour of more training; or `last`,
    those of the last step, whatever validation says."""

    validations: int = 10
    """How many times to validate."""

    patience: int = 4
    """Validations in a row that are clearly worse than the best, after which to stop, unless the last are kept."""

    listener: Listener | None = None
    """Called with an `Event` after steps worth reporting, in the main process only."""

    checkpoint: Path | None = None
    """Path without suffix of the files that make the loop resumable."""

    best: dict[str, torch.Tensor] = field(default_factory=dict)
    best_loss: float = math.inf
    stale: int = 0

    def run(self) -> None:
        """Trains; afterwards the module holds the weights to keep (the last ones without validation).

        Raises:
            InvalidInput: there are more processes than examples in a batch.
            RunFolderError: the checkpoint is damaged, or can't be written.
            TrainingDiverged: a loss is infinite or not a number.
            PeerFailed: another process failed.
        """
        if self.group.size > self.schedule.batch:
            raise InvalidInput(
                f"batches of {self.schedule.batch} can't be shared among {self.group.size} processes; start fewer, or "
                "train with larger batches"
            )
        optimizer = torch.optim.AdamW(
            [p for p in self.module.parameters() if p.requires_grad],
            lr=self.schedule.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=self.schedule.weight_decay,
            fused=True,
        )
        step = self._begin(optimizer)
        saved = time.monotonic()
        every = max(1, self.schedule.steps // self.validations)
        batches = _Batches(self.rows, self.schedule.batch, self.seed)
        self.module.train()
        while step < self.schedule.steps and self.stale < self.patience:
            for group in optimizer.param_groups:
                group["lr"] = self.schedule.rate(step)
            with seeded(self.seed, step):
                metrics = self._gradients(step, batches.rows_of(step))
            torch.nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            if self.validate is not None and (step % every == 0 or step == self.schedule.steps):
                metrics = metrics | self._validated()
            if self.listener is not None and self.group.is_main:
                self.listener(Event(self.stage, step, self.schedule.steps, metrics))
            due = self.group.is_main and time.monotonic() - saved > CHECKPOINT_SECONDS
            if self.checkpoint is not None and due:
                self._save(optimizer, step)
                saved = time.monotonic()
        if self.best:
            self._load(self.best)
        self.module.eval()

    def _begin(self, optimizer: torch.optim.Optimizer) -> int:
        """Takes up the checkpoint if there is one, in all processes alike; returns the steps that are done."""
        if self.group.size == 1:
            return self._restore(optimizer)
        return self._take(optimizer, *self.group.broadcast(lambda: self._snapshot(optimizer, self._restore(optimizer))))

    def _gradients(self, step: int, rows: torch.Tensor) -> Metrics:
        """Adds up the gradients of a batch, part by part; returns the mean figures."""
        if self.choose is not None:
            rows = self.choose(rows)
        if not self.group.is_main:  # dropout is to differ from that of the main process
            torch.manual_seed(torch.initial_seed() + 65_537 * self.group.rank)
        total: Metrics = {}
        mean = 0.0
        for part in self.group.shard(rows).chunk(self.accumulation):
            loss, metrics = self.loss(step, part)
            share = len(part) / len(rows)
            (loss * share).backward()
            mean += loss.item() * share
            total = {name: total.get(name, 0.0) + value * share for name, value in metrics.items()}
        mean, total = self._added_up(mean, total)
        if not math.isfinite(mean):
            raise TrainingDiverged(
                f"the training of the {self.stage} diverged at step {step + 1} of {self.schedule.steps} (loss "
                f"{mean}); try a smaller learning rate than {self.schedule.learning_rate:g}"
            )
        return total

    def _added_up(self, mean: float, total: Metrics) -> tuple[float, Metrics]:
        """Gradients, loss and figures over all processes; each has them weighted by its share of the rows."""
        if self.group.size == 1:
            return mean, total
        self.group.all_reduce([p.grad for p in self.module.parameters() if p.grad is not None])
        figures = torch.tensor([mean, *total.values()], dtype=torch.float64, device=self.group.device)
        self.group.all_reduce([figures])
        mean, *values = figures.tolist()
        return mean, dict(zip(total, values, strict=True))

    def _state(self) -> dict[str, torch.Tensor]:
        """What training can change: all but the frozen weights of a pre-trained model."""
        frozen = {name for name, value in self.module.named_parameters() if not value.requires_grad}
        return {name: value for name, value in self.module.state_dict().items() if name not in frozen}

    def _load(self, state: dict[str, torch.Tensor]) -> None:
        missing, unexpected = self.module.load_state_dict(state, strict=False)
        absent = set(missing) & set(self._state())
        if absent or unexpected:
            raise ValueError(f"missing {sorted(absent)[:3]}, unexpected {unexpected[:3]}")

    def _validated(self) -> Metrics:
        self.module.eval()
        with torch.no_grad():
            metrics = self.group.broadcast(self.validate) if self.validate is not None else {}
        self.module.train()
        if self.keep == "last":
            return metrics
        loss, error = metrics["validation_loss"], metrics["validation_error"]
        self.best_loss = min(self.best_loss, loss)
        if loss <= self.best_loss + error:
            self.stale = 0
            self.best = {name: value.detach().clone() for name, value in self._state().items()}
        else:
            self.stale += 1
        return metrics

    def _snapshot(
        self, optimizer: torch.optim.Optimizer, step: int
    ) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
        """All that it takes to go on from here: tensors, and numbers."""
        tensors = {f"module.{name}": value for name, value in self._state().items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in state.items()}
        tensors = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
        return tensors, {"step": step, "best_loss": self.best_loss, "stale": self.stale, "steps": self.schedule.steps}

    def _take(self, optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor], state: dict[str, float]) -> int:
        """Goes back to what `_snapshot` gave; returns the steps that were done."""
        self._load(_under(tensors, "module."))
        packed: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in _under(tensors, "optimizer.").items():
            index, key = name.split(".", 1)
            packed.setdefault(int(index), {})[key] = value
        optimizer.load_state_dict({"state": packed, "param_groups": optimizer.state_dict()["param_groups"]})
        self.best = _under(tensors, "best.")
        self.best_loss, self.stale = float(state["best_loss"]), int(state["stale"])
        return int(state["step"])

    def _save(self, optimizer: torch.optim.Optimizer, step: int) -> None:
        assert self.checkpoint is not None
        tensors, state = self._snapshot(optimizer, step)
        with replacing(self.checkpoint.with_suffix(".safetensors")) as path:
            save_file(tensors, path, metadata={"state": json.dumps(state)})

    def _restore(self, optimizer: torch.optim.Optimizer) -> int:
        """Takes up the checkpoint if there is one; returns the steps that are done."""
        if self.checkpoint is None or not self.checkpoint.with_suffix(".safetensors").exists():
            return 0
        path = self.checkpoint.with_suffix(".safetensors")
        try:
            return self._take(optimizer, load_file(path), _metadata(path))
        except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise RunFolderError(
                f"the checkpoint {path} can't be taken up ({error}); delete its folder to start afresh"
            ) from error


def resolve_device(name: str) -> str:
    """The device to compute on; `auto` is a GPU where there is one.

    Raises:
        InvalidInput: torch knows no such device, or it is not there.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidInput(f"device {name!r} can't be used here: {reason}; use auto or cpu") from error
    return name


@contextmanager
def seeded(seed: int, step: int) -> Iterator[None]:
    """Runs a block under a random state that depends on (seed, step) alone, and restores the caller's afterwards.

    Dropout and the quantizers of the library draw from torch's global generator.
    """
    with torch_seeded((seed * 1_000_003 + step * 7919 + 12345) % 2**63):
        yield


class _Batches:
    """Row indices of each batch: the examples in a new order each epoch, in one endless stream."""

    def __init__(self, rows: int, batch: int, seed: int) -> None:
        self.rows, self.batch, self.seed = rows, batch, seed
        self._orders: dict[int, torch.Tensor] = {}

    def rows_of(self, step: int) -> torch.Tensor:
        start, parts = step * self.batch, []
        stop = start + self.batch
        while start < stop:
            epoch, offset = divmod(start, self.rows)
            piece = self._order(epoch)[offset : offset + stop - start]
            parts.append(piece)
            start += len(piece)
        return torch.cat(parts)

    def _order(self, epoch: int) -> torch.Tensor:
        if epoch not in self._orders:
            generator = torch.Generator().manual_seed((self.seed * 65_537 + epoch) % 2**63)
            self._orders = {k: v for k, v in self._orders.items() if k == epoch - 1}
            self._orders[epoch] = torch.randperm(self.rows, generator=generator)
        return self._orders[epoch]


def _metadata(path: Path) -> dict[str, float]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        state: dict[str, float] = json.loads(file.metadata()["state"])
    return state


def _under(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
