"""The training loop of a candidate network: plain, seeded, stopped by a deadline."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archllm.errors import EvaluationFailed
from archllm.objectives.candidate import CandidateTraining, Schedule
from archllm.training.randomness import torch_seeded


def augment(x: Tensor, kind: str, cutout: int, generator: torch.Generator) -> Tensor:
    """Shifts each image by up to an eighth of its size, mirrors it, blanks out a square, as asked.

    Args:
        x: `n x c x h x w` normalised images: what is shifted in or blanked out is zero, the mean.
        kind: `none`, `crop`, `crop-flip` or `crop-flip-colour`.
        cutout: height and width of the blank square in pixels; 0 for none.
        generator: source of all choices, on the CPU.

    Returns:
        New images of the same shape.
    """
    if kind != "none":
        x = _shifted(x, generator)
    if kind.startswith("crop-flip"):
        mirrored = torch.rand(len(x), generator=generator) < 0.5
        x = torch.where(mirrored.to(x.device)[:, None, None, None], x.flip(3), x)
    if kind == "crop-flip-colour":
        x = _tinted(x, generator)
    return _blanked(x, cutout, generator) if cutout else x


def _shifted(x: Tensor, generator: torch.Generator) -> Tensor:
    """A window of the padded image, at a place of its own for each image."""
    n, _, height, width = x.shape
    most = max(1, min(height, width) // 8)
    padded = F.pad(x, (most, most, most, most))
    places = torch.randint(0, 2 * most + 1, (2, n), generator=generator)
    plain = x.device.type == "cpu" and x.dtype == torch.float32 and not x.requires_grad
    if plain:  # image by image: gathering pixel by pixel takes much longer
        windows = torch.empty_like(x)
        source, target = padded.numpy(), windows.numpy()
        for image, (top, left) in enumerate(places.T.tolist()):
            target[image] = source[image, :, top : top + height, left : left + width]
        return windows
    return _gathered(padded, places.to(x.device), height, width)


def _gathered(padded: Tensor, places: Tensor, height: int, width: int) -> Tensor:
    """Windows of padded images, whose first rows and columns are `2 x n`, all at once."""
    n, channels = padded.shape[:2]
    rows = places[0][:, None] + torch.arange(height, device=padded.device)
    columns = places[1][:, None] + torch.arange(width, device=padded.device)
    image = torch.arange(n, device=padded.device)[:, None, None, None]
    channel = torch.arange(channels, device=padded.device)[None, :, None, None]
    return padded[image, channel, rows[:, None, :, None], columns[:, None, None, :]]


def _tinted(x: Tensor, generator: torch.Generator) -> Tensor:
    """Contrast, and brightness of each channel, changed by up to a fifth of a standard deviation and of one."""
    contrast = 1 + 0.4 * (torch.rand((len(x), 1, 1, 1), generator=generator) - 0.5)
    brightness = 0.4 * (torch.rand((len(x), x.shape[1], 1, 1), generator=generator) - 0.5)
    return x * contrast.to(x.device) + brightness.to(x.device)


def _blanked(x: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """The images with a square around a random pixel set to zero, cut off at the border (DeVries & Taylor, 2017)."""
    n, _, height, width = x.shape

    def covered(length: int) -> Tensor:
        first = torch.randint(0, length, (n, 1), generator=generator) - size // 2
        places = torch.arange(length)
        return ((places >= first) & (places < first + size)).to(x.device)

    inside = covered(height)[:, None, :, None] & covered(width)[:, None, None, :]
    return x.masked_fill(inside, 0.0)


AUXILIARY_WEIGHT = 0.4
"""Weight of the loss of an auxiliary head (Liu et al., 2019, appendix A)."""

Labelled = tuple[Tensor, Tensor]
"""Images `n x c x h x w` and labels `n`, on the device of the network."""


@dataclass(frozen=True)
class Fitted:
    """How a training went."""

    curve: tuple[float, ...]
    """Validation accuracy in percent after each epoch, or, of more than `MOST_CHECKS`, at so many of them."""

    train_loss: float
    """Mean loss over the images of the last epoch, that of an auxiliary head included."""

    steps: int = 0
    """Optimiser steps."""

    scoring: float = 0.0
    """Seconds of measuring on validation images."""

    stopped: bool = False
    """Whether it was given up, as it still guessed."""


MOST_CHECKS = 20
"""Times that a training is measured on validation images at most."""

PATIENT_STEPS = 100
"""Steps before which no training is given up."""

_LEARNED = 0.97  # of the loss of a guess: below that, something was learned


class Training:
    """A training of one network, step by step; who calls `step` says how far the whole is, by steps or by the clock.

    Between two steps, `state` is all that it takes to go on in another process. While it goes on, weights lie in memory
    as suits the network; `finish` puts them back.

    Args:
        network: maps images to logits, or to logits and those of an auxiliary head; it is trained in place.
        train: what is learned from.
        config: the recipe.
        seed: of the order of the images and of their augmentation.
        drop_path: probability to which a network that has `set_drop_path` is raised from zero, epoch by epoch
            (Zoph et al., 2018: linearly).
        warm_up: share of the training over which the learning rate rises; by default that of the recipe.
    """

    def __init__(
        self,
        network: nn.Module,
        train: Labelled,
        config: CandidateTraining,
        seed: int,
        *,
        drop_path: float = 0.0,
        warm_up: float | None = None,
    ) -> None:
        self.network, self.train, self.config, self.drop_path = network, train, config, drop_path
        self._layout = _layout(network, train[0])
        if self._layout is torch.channels_last:
            network.to(memory_format=self._layout)  # type: ignore[call-overload]
        self.warm_up = config.warm_up if warm_up is None else warm_up
        self.epochs = 0
        """Passes over the images that were begun."""
        self.seen = 0
        """Images of this pass that were learned from."""
        self._total = 0.0  # their losses
        self._generator = torch.Generator().manual_seed(seed)
        self._order, self._at = torch.zeros(0, dtype=torch.int64), 0
        self._optimizer = _optimizer(network, config)
        kind, x = config.augmentation, train[0]
        self._augmentation = kind if kind != "auto" else "crop-flip" if x.shape[1] == 3 else "crop"
        self._mixed = config.precision == "mixed" or (config.precision == "auto" and _has_mixed(x.device))

    @property
    def between_epochs(self) -> bool:
        """Whether all images of the pass were learned from."""
        return self._at >= len(self._order)

    @property
    def loss(self) -> float:
        """Mean loss over the images of this pass, that of an auxiliary head included."""
        return self._total / self.seen if self.seen else math.nan

    def step(self, done: float, after: float) -> None:
        """Learns from the next batch.

        Args:
            done: share of the whole training that is over, from 0 to 1.
            after: what it will be after this step.

        Raises:
            EvaluationFailed: the training diverged.
        """
        if self.between_epochs:
            self._begin_epoch(done)
        rows = self._order[self._at : self._at + self.config.batch_size]
        self._at += len(rows)
        if len(rows) < 2:  # batch norm needs two images
            return
        x, y = self.train
        rows = rows.to(x.device)
        self.network.train()
        images = augment(x[rows], self._augmentation, self.config.cutout, self._generator)
        images = images.contiguous(memory_format=self._layout)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self._mixed):
            loss = _loss(self.network(images), y[rows], self.config.label_smoothing)
        if not math.isfinite(loss.item()):
            raise EvaluationFailed(f"it diverged in epoch {self.epochs}: its loss is {loss.item()}")
        for group in self._optimizer.param_groups:
            group["lr"] = self.config.learning_rate * _factor(self.config.schedule, self.warm_up, done, after)
        self._optimizer.zero_grad()
        loss.backward()
        if self.config.clip is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        self._optimizer.step()
        self._total, self.seen = self._total + loss.item() * len(rows), self.seen + len(rows)

    def finish(self) -> nn.Module:
        """The network, its weights in the order of their dimensions again, as files want them."""
        return self.network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload,no-any-return]

    def state(self) -> tuple[dict[str, Tensor], dict[str, float]]:
        """All that it takes to go on from here: tensors, and numbers."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for index, state in self._optimizer.state_dict()["state"].items():
            tensors |= {
                f"optimizer.{index}.{name}": torch.as_tensor(value)
                for name, value in state.items()
                if value is not None
            }
        tensors |= {"order": self._order, "generator": self._generator.get_state(), "torch": torch.get_rng_state()}
        numbers = {"at": self._at, "epochs": self.epochs, "seen": self.seen, "total": self._total}
        return {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}, numbers

    def restore(self, tensors: Mapping[str, Tensor], numbers: Mapping[str, float]) -> None:
        """Goes back to what `state` gave.

        Raises:
            KeyError, ValueError, RuntimeError: it is of another training, or damaged.
        """

        def under(prefix: str) -> dict[str, Tensor]:
            return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}

        packed: dict[int, dict[str, Tensor]] = {}
        for name, value in under("optimizer.").items():
            index, key = name.split(".", 1)
            packed.setdefault(int(index), {})[key] = value
        self.network.load_state_dict(under("network."))
        self._optimizer.load_state_dict({"state": packed, "param_groups": self._optimizer.state_dict()["param_groups"]})
        for parameter, state in self._optimizer.state.items():  # the fused kernel wants them laid out as the weights
            for name, value in state.items():
                if isinstance(value, Tensor) and value.shape == parameter.shape:
                    state[name] = torch.empty_like(parameter, requires_grad=False).copy_(value)
        self._order = tensors["order"]
        self._generator.set_state(tensors["generator"])
        torch.set_rng_state(tensors["torch"])
        self._at, self.epochs, self.seen = (int(numbers[name]) for name in ("at", "epochs", "seen"))
        self._total = float(numbers["total"])

    def _begin_epoch(self, done: float) -> None:
        set_drop_path: Callable[[float], None] | None = getattr(self.network, "set_drop_path", None)
        if self.drop_path > 0 and set_drop_path is not None:
            set_drop_path(self.drop_path * done)
        self._order = torch.randperm(len(self.train[0]), generator=self._generator)
        self._at, self._total, self.seen = 0, 0.0, 0
        self.epochs += 1


def fit(
    network: nn.Module,
    train: Labelled,
    valid: Labelled,
    config: CandidateTraining,
    seed: int,
    *,
    deadline: float,
    drop_path: float = 0.0,
) -> Fitted:
    """Trains a network in place, for the epochs of the recipe; one that still guesses midway is given up.

    Args:
        network: see `Training`.
        train: what is learned from.
        valid: what is measured on.
        config: the recipe.
        seed: see `Training`.
        deadline: time on the monotonic clock at which to give up.
        drop_path: see `Training`.

    Raises:
        EvaluationFailed: the training diverged, or the deadline passed.
    """
    each = math.ceil(len(train[0]) / config.batch_size)
    epochs = config.passes(len(train[0]))
    steps = epochs * each
    warm_up = round(config.warm_up * steps) / steps
    training = Training(network, train, config, seed, drop_path=drop_path, warm_up=warm_up)
    curve: list[float] = []
    scoring, stopped = 0.0, False
    for step in range(steps):
        if time.monotonic() > deadline:
            epoch = step // each + 1
            raise EvaluationFailed(f"it passed the time limit of {config.time_limit:g} s in epoch {epoch}")
        training.step(step / steps, (step + 1) / steps)
        ended, done = training.epochs, (step + 1) / steps
        if not training.between_epochs or not (ended * MOST_CHECKS // epochs > (ended - 1) * MOST_CHECKS // epochs):
            continue
        start = time.monotonic()
        curve.append(accuracy(network, valid))
        scoring += time.monotonic() - start
        if config.stop_at_chance is not None and config.stop_at_chance <= done < 1 and step >= PATIENT_STEPS:
            guessed = training.loss > _LEARNED * loss_of_a_guess(train[1], config.label_smoothing)
            if guessed and curve[-1] <= best_guess(valid[1])[1]:
                stopped = True
                break
    training.finish()
    return Fitted(tuple(curve), training.loss, step + 1, scoring, stopped)


def best_guess(labels: Tensor) -> tuple[float, float]:
    """The accuracy, in percent, of always naming the commonest class, and what is hardly told from it.

    The second is two standard errors above: an accuracy up to it may well be a guess.

    Example:
        >>> best_guess(torch.tensor([0, 0, 1, 1] * 25))
        (50.0, 60.0)
    """
    share = float(labels.bincount().max()) / len(labels)
    return 100 * share, 100 * (share + 2 * math.sqrt(share * (1 - share) / len(labels)))


def loss_of_a_guess(labels: Tensor, smoothing: float) -> float:
    """The loss of a network that knows how common each class is, and nothing else."""
    counts = labels.bincount().double()
    logs = (counts[counts > 0] / len(labels)).log()
    shares = counts[counts > 0] / len(labels)
    return float(-((1 - smoothing) * (shares * logs).sum() + smoothing * logs.mean()))


def _layout(network: nn.Module, images: Tensor) -> torch.memory_format:
    """Channels last, in which convolutions are trained 1.4 to 1.9 times as fast on a CPU, where the network allows it.

    A network may look at its tensors in the order of their dimensions (`x.view(len(x), -1)`), and then it can't be. A
    copy of it learns from two images to find out. On a GPU nothing was measured, so nothing is changed.
    """
    if images.device.type != "cpu":
        return torch.contiguous_format
    try:
        twin = copy.deepcopy(network).train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        with torch_seeded(0):
            found = twin(images[:2].contiguous(memory_format=torch.channels_last))
            sum(part.sum() for part in (found if isinstance(found, tuple) else (found,))).backward()
    except (RuntimeError, ValueError):
        return torch.contiguous_format
    return torch.channels_last


def _has_mixed(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.is_bf16_supported()


def accuracy(network: nn.Module, images: Labelled) -> float:
    """Share of right answers in percent; leaves the network in evaluation mode.

    Raises:
        EvaluationFailed: its answers are infinite or not a number.
    """
    network.eval()
    right = 0
    with torch.no_grad():
        for x, y in zip(images[0].split(500), images[1].split(500), strict=True):
            logits: Tensor = network(x)
            if not logits.isfinite().all():
                raise EvaluationFailed("it diverged: its answers are infinite or not a number")
            right += int((logits.argmax(1) == y).sum())
    return 100 * right / len(images[1])


def _loss(found: Tensor | tuple[Tensor, Tensor], y: Tensor, smoothing: float) -> Tensor:
    logits, auxiliary = found if isinstance(found, tuple) else (found, None)
    loss = F.cross_entropy(logits, y, label_smoothing=smoothing)
    if auxiliary is not None:
        loss = loss + AUXILIARY_WEIGHT * F.cross_entropy(auxiliary, y, label_smoothing=smoothing)
    return loss


def _optimizer(network: nn.Module, config: CandidateTraining) -> torch.optim.Optimizer:
    options: dict[str, Any] = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
    if config.optimizer == "adamw":
        return torch.optim.AdamW(network.parameters(), **options)
    # Nesterov's rule is defined for a positive momentum alone
    nesterov = config.momentum > 0
    return torch.optim.SGD(network.parameters(), momentum=config.momentum, nesterov=nesterov, fused=True, **options)


def _factor(schedule: Schedule, warm_up: float, done: float, after: float) -> float:
    """Share of the highest learning rate for a step from one share of the training to another."""
    if done < warm_up * (1 - 1e-9):
        return min(1.0, after / warm_up)
    left = 1 - (done - warm_up) / max(1e-9, 1 - warm_up)
    falls = {"constant": 1.0, "linear": left, "cosine": (1 - math.cos(math.pi * left)) / 2}
    return falls[schedule]
