"""The training loop of a candidate network: plain, seeded, stopped by a deadline."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archllm.errors import EvaluationFailed
from archllm.objectives.candidate import CandidateTraining


def augment(x: Tensor, kind: str, cutout: int, generator: torch.Generator) -> Tensor:
    """Shifts each image by up to an eighth of its size, mirrors it, blanks out a square, as asked.

    Args:
        x: `n x c x h x w` normalised images: what is shifted in or blanked out is zero, the mean.
        kind: `none`, `crop` or `crop-flip`.
        cutout: height and width of the blank square in pixels; 0 for none.
        generator: source of all choices, on the CPU.

    Returns:
        New images of the same shape.
    """
    if kind != "none":
        x = _shifted(x, generator)
    if kind == "crop-flip":
        mirrored = torch.rand(len(x), generator=generator) < 0.5
        x = torch.where(mirrored.to(x.device)[:, None, None, None], x.flip(3), x)
    return _blanked(x, cutout, generator) if cutout else x


def _shifted(x: Tensor, generator: torch.Generator) -> Tensor:
    """A window of the padded image, at a place of its own for each image."""
    n, channels, height, width = x.shape
    most = max(1, min(height, width) // 8)
    padded = F.pad(x, (most, most, most, most))
    down, right = torch.randint(0, 2 * most + 1, (2, n), generator=generator).to(x.device)
    rows = down[:, None] + torch.arange(height, device=x.device)
    columns = right[:, None] + torch.arange(width, device=x.device)
    image = torch.arange(n, device=x.device)[:, None, None, None]
    channel = torch.arange(channels, device=x.device)[None, :, None, None]
    return padded[image, channel, rows[:, None, :, None], columns[:, None, None, :]]


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
    """Validation accuracy after each epoch, in percent."""

    train_loss: float
    """Mean loss over the images of the last epoch, that of an auxiliary head included."""


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
    """Trains a network in place.

    Args:
        network: maps images to logits, or to logits and those of an auxiliary head.
        train: what is learned from.
        valid: what is measured on after each epoch.
        config: the recipe.
        seed: of the order of the images and of their augmentation.
        deadline: time on the monotonic clock at which to give up.
        drop_path: probability to which a network that has `set_drop_path` is raised from zero, epoch by epoch
            (Zoph et al., 2018: linearly).

    Raises:
        EvaluationFailed: the training diverged, or the deadline passed.
    """
    x, y = train
    generator = torch.Generator().manual_seed(seed)
    steps = config.epochs * math.ceil(len(x) / config.batch_size)
    optimizer = _optimizer(network, config)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _factor(config, steps))
    set_drop_path: Callable[[float], None] | None = getattr(network, "set_drop_path", None)
    curve, total, seen = [], 0.0, 0
    for epoch in range(config.epochs):
        network.train()
        if drop_path > 0 and set_drop_path is not None:
            set_drop_path(drop_path * epoch / config.epochs)
        total, seen = 0.0, 0
        for rows in torch.randperm(len(x), generator=generator).split(config.batch_size):
            if time.monotonic() > deadline:
                raise EvaluationFailed(f"it passed the time limit of {config.time_limit:g} s in epoch {epoch + 1}")
            if len(rows) > 1:  # batch norm needs two images
                images = augment(x[rows], config.augmentation, config.cutout, generator)
                loss = _loss(network(images), y[rows], config.label_smoothing)
                if not math.isfinite(loss.item()):
                    raise EvaluationFailed(f"it diverged in epoch {epoch + 1}: its loss is {loss.item()}")
                optimizer.zero_grad()
                loss.backward()
                if config.clip is not None:
                    nn.utils.clip_grad_norm_(network.parameters(), config.clip)
                optimizer.step()
                total, seen = total + loss.item() * len(rows), seen + len(rows)
            schedule.step()
        curve.append(accuracy(network, valid))
    return Fitted(tuple(curve), total / seen)


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
    return torch.optim.SGD(network.parameters(), momentum=config.momentum, nesterov=config.momentum > 0, **options)


def _factor(config: CandidateTraining, steps: int) -> Callable[[int], float]:
    """Share of the highest learning rate at a step (from 0)."""
    rising = round(config.warm_up * steps)

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        done = (step - rising) / max(1, steps - rising)
        falls = {"constant": 1.0, "linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}
        return falls[config.schedule]

    return factor
