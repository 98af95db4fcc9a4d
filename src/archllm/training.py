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

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from archllm.errors import InvalidInput, RunFolderError, TrainingDiverged
from archllm.files import replacing
from archllm.progress import Event, Listener, Metrics
from archllm.randomness import torch_seeded


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
    """From the step and the row indices of its batch (`int64[batch]`) to the loss to minimise and figures to report."""

    rows: int
    """Number of training examples."""

    accumulation: int = 1
    """Parts in which a batch goes through the module, one after the other; the loss is a mean over rows."""

    validate: Callable[[], Metrics] | None = None
    """Figures on validation examples: `validation_loss` and its standard error `validation_error`.

    The latest weights whose loss is within one standard error of the best are kept: what a small validation set can't
    tell apart is decided in favour of more training.
    """

    validations: int = 10
    """How many times to validate."""

    patience: int = 4
    """Validations in a row that are clearly worse than the best, after which to stop."""

    listener: Listener | None = None
    """Who is told."""

    checkpoint: Path | None = None
    """Path without suffix of the files that make the loop resumable."""

    checkpoint_seconds: float = 20.0
    """Least time between two checkpoints."""

    best: dict[str, torch.Tensor] = field(default_factory=dict)
    best_loss: float = math.inf
    stale: int = 0

    def run(self) -> None:
        """Trains; afterwards the module holds the best weights seen (the last ones without validation)."""
        optimizer = torch.optim.AdamW(
            [p for p in self.module.parameters() if p.requires_grad],
            lr=self.schedule.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=self.schedule.weight_decay,
            fused=True,
        )
        step = self._restore(optimizer)
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
            if self.listener is not None:
                self.listener(Event(self.stage, step, self.schedule.steps, metrics))
            if self.checkpoint is not None and time.monotonic() - saved > self.checkpoint_seconds:
                self._save(optimizer, step)
                saved = time.monotonic()
        if self.best:
            self._load(self.best)
        self.module.eval()

    def _gradients(self, step: int, rows: torch.Tensor) -> Metrics:
        """Adds up the gradients of a batch, part by part; returns the mean figures."""
        total: Metrics = {}
        for part in rows.chunk(self.accumulation):
            loss, metrics = self.loss(step, part)
            if not math.isfinite(loss.item()):
                raise TrainingDiverged(
                    f"the training of the {self.stage} diverged at step {step + 1} of {self.schedule.steps} (loss "
                    f"{loss.item()}); try a smaller learning rate than {self.schedule.learning_rate:g}"
                )
            share = len(part) / len(rows)
            (loss * share).backward()
            total = {name: total.get(name, 0.0) + value * share for name, value in metrics.items()}
        return total

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
            metrics = self.validate() if self.validate is not None else {}
        self.module.train()
        loss, error = metrics["validation_loss"], metrics["validation_error"]
        self.best_loss = min(self.best_loss, loss)
        if loss <= self.best_loss + error:
            self.stale = 0
            self.best = {name: value.detach().clone() for name, value in self._state().items()}
        else:
            self.stale += 1
        return metrics

    def _save(self, optimizer: torch.optim.Optimizer, step: int) -> None:
        assert self.checkpoint is not None
        tensors = {f"module.{name}": value for name, value in self._state().items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in state.items()}
        tensors = {name: value.detach().clone().contiguous() for name, value in tensors.items()}
        state = {"step": step, "best_loss": self.best_loss, "stale": self.stale, "steps": self.schedule.steps}
        with replacing(self.checkpoint.with_suffix(".safetensors")) as path:
            save_file(tensors, path, metadata={"state": json.dumps(state)})

    def _restore(self, optimizer: torch.optim.Optimizer) -> int:
        """Takes up the checkpoint if there is one; returns the steps that are done."""
        if self.checkpoint is None or not self.checkpoint.with_suffix(".safetensors").exists():
            return 0
        path = self.checkpoint.with_suffix(".safetensors")
        try:
            tensors, state = load_file(path), _metadata(path)
            self._load(_under(tensors, "module."))
            packed: dict[int, dict[str, torch.Tensor]] = {}
            for name, value in _under(tensors, "optimizer.").items():
                index, key = name.split(".", 1)
                packed.setdefault(int(index), {})[key] = value
            optimizer.load_state_dict({"state": packed, "param_groups": optimizer.state_dict()["param_groups"]})
            self.best = _under(tensors, "best.")
            self.best_loss, self.stale = float(state["best_loss"]), int(state["stale"])
            return int(state["step"])
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
