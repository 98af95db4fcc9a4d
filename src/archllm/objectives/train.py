"""Real training as an objective: validation accuracy of a candidate on images.

objective = TrainObjective(load_space("nasbench201"), "digits")
network, evaluation = objective.train(arch)
arch.export("best.onnx", "onnx", weights=network, **objective.network_options)
"""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from archllm.errors import DataError, EvaluationFailed, InvalidInput
from archllm.objectives.base import Evaluation, Objective
from archllm.objectives.candidate import SMALL_NETWORKS, CandidateTraining
from archllm.objectives.images import Images, Split, load_images, split_images
from archllm.spaces import Architecture, SearchSpace, load_space

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

AUXILIARY_WEIGHT = 0.4
"""Weight of the loss of an auxiliary head (Liu et al., 2019, appendix A)."""


class TrainObjective(Objective):
    """Trains a candidate and scores it by validation accuracy, in percent, after the last epoch.

    Images are split by class into training, validation (by `seed`) and test; the test accuracy goes to
    `Evaluation.test`. Images of a size that the space's networks can't halve often enough are padded with the mean.

    Args:
        space: the space.
        data: `digits`, or a path; see `archllm.objectives.images.load_images`.
        config: budget and recipe.
        seed: of the validation split, the weights and the order of images; one seed gives one result on one machine.

    Raises:
        DataMissing, DataError: the images can't be used.
        InvalidInput: the space has no networks, or a network option is wrong.
    """

    direction = "maximise"

    def __init__(self, space: SearchSpace, data: str, config: CandidateTraining | None = None, seed: int = 0) -> None:
        self.space, self.data, self.seed = space, data, seed
        self.config = config or CandidateTraining()
        self.spec: str = f"train:{data}"
        space.network_options(**self.network_options)

    def __getstate__(self) -> dict[str, Any]:
        return {"space": self.space.name, "data": self.data, "config": self.config, "seed": self.seed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(load_space(state["space"]), state["data"], state["config"], state["seed"])  # type: ignore[misc]

    @cached_property
    def images(self) -> Images:
        """All images, as read."""
        return load_images(self.data, self.config.image_size)

    @cached_property
    def split(self) -> Split:
        """The images that are trained on, scored on, and kept for the test."""
        config = self.config
        return split_images(self.images, config.validation_share, config.test_share, self.seed, config.most_images)

    @cached_property
    def network_options(self) -> dict[str, Any]:
        """Options with which a candidate is built; pass them to `Architecture.export` with the trained network."""
        _, channels, height, width = self.images.x.shape
        if height != width and self.config.image_size is None:
            size = max(height, width)
        else:
            size = self.config.image_size or height
        options = SMALL_NETWORKS.get(self.space.name, {}) | self.config.network
        options |= {"num_classes": len(self.images.classes), "in_channels": channels}
        return options | {"image_size": _allowed_size(self.space, options, size)}

    def _evaluate(self, arch: Architecture) -> Evaluation:
        return self.train(arch)[1]

    def train(self, arch: Architecture) -> tuple[nn.Module, Evaluation]:
        """Trains a candidate.

        Returns:
            The trained network, in evaluation mode, on the CPU; and what was found. The network takes images as
            `prepared` makes them.

        Raises:
            EvaluationFailed: it is too large, diverged, ran out of memory, or passed its time limit.
        """
        import torch

        start = time.monotonic()
        params = int(self.space.params(arch.graph, **self.network_options)[0])
        if params > self.config.most_params:
            raise EvaluationFailed(f"it has {params:,} parameters, more than {self.config.most_params:,}")
        try:
            return self._train(arch, start, params)
        except (MemoryError, torch.OutOfMemoryError) as error:
            raise EvaluationFailed("it ran out of memory", time.monotonic() - start) from error
        except RuntimeError as error:
            if "memory" not in str(error).lower():
                raise
            raise EvaluationFailed("it ran out of memory", time.monotonic() - start) from error

    def _train(self, arch: Architecture, start: float, params: int) -> tuple[nn.Module, Evaluation]:
        import torch
        from torch.nn import functional as F

        from archllm.objectives.augment import augment

        config, device = self.config, _device(self.config.device)
        seed = int(np.random.default_rng([self.seed, arch.key & 0xFFFFFFFF, arch.key >> 32]).integers(2**31))
        devices = [device] if device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed)
            network: Any = arch.build(**self.network_options).to(device)
            sets = {name: (x.to(device), y.to(device)) for name, (x, y) in self._tensors.items()}
            x, y = sets["train"]
            order = torch.Generator().manual_seed(seed)
            steps = -(-len(x) // config.batch_size)
            optimizer, schedule = _optimizer(network, config, steps * config.epochs)
            curve, loss_sum, drop_path = [], 0.0, float(self.network_options.get("drop_path", 0.0))
            for epoch in range(config.epochs):
                network.train()
                if drop_path > 0 and hasattr(network, "set_drop_path"):
                    network.set_drop_path(drop_path * epoch / config.epochs)
                loss_sum = 0.0
                for rows in torch.randperm(len(x), generator=order).split(config.batch_size):
                    if len(rows) == 1:
                        continue  # batch norm needs two images
                    batch = augment(x[rows], config.augmentation, config.cutout, order)
                    found = network(batch)
                    logits, aside = found if isinstance(found, tuple) else (found, None)
                    loss = F.cross_entropy(logits, y[rows], label_smoothing=config.label_smoothing)
                    if aside is not None:
                        loss = loss + AUXILIARY_WEIGHT * F.cross_entropy(aside, y[rows])
                    value = loss.item()
                    if not np.isfinite(value):
                        raise EvaluationFailed(f"it diverged in epoch {epoch + 1}", time.monotonic() - start)
                    if time.monotonic() - start > config.time_limit:
                        raise EvaluationFailed(
                            f"it passed the time limit of {config.time_limit:g} s in epoch {epoch + 1}",
                            time.monotonic() - start,
                        )
                    optimizer.zero_grad()
                    loss.backward()
                    torch.nn.utils.clip_grad_norm_(network.parameters(), config.clip)
                    optimizer.step()
                    schedule.step()
                    loss_sum += value * len(rows)
                curve.append(_accuracy(network, *sets["valid"]))
            test = _accuracy(network, *sets["test"])
        seconds = time.monotonic() - start
        metrics = {
            "params": float(params),
            "macs": float(self.space.macs(arch.graph, **self.network_options)[0]),
            "train_loss": loss_sum / len(x),
            "best_valid": max(curve),
            "seconds": seconds,
        }
        found = Evaluation(arch, curve[-1], metrics, {"test": test}, seconds, tuple(curve))
        return network.eval().cpu(), found

    def prepared(self, x: np.ndarray[Any, Any]) -> Tensor:
        """Images `n x c x h x w` of the source as a network takes them: normalised, and of the right size.

        Raises:
            InvalidInput: they have another number of channels.
        """
        import torch
        from torch.nn import functional as F

        mean, std = self._statistics
        if x.ndim != 4 or x.shape[1] != len(mean):
            raise InvalidInput(f"images must be n x {len(mean)} x h x w, got shape {x.shape}")
        images = torch.from_numpy((x.astype(np.float32) - mean[:, None, None]) / std[:, None, None])
        size = int(self.network_options["image_size"])
        if self.config.image_size is not None and x.shape[2:] != (size, size):
            return F.interpolate(images, size=(size, size), mode="bilinear", antialias=True)
        down, right = size - x.shape[2], size - x.shape[3]
        return F.pad(images, (right // 2, right - right // 2, down // 2, down - down // 2))

    @cached_property
    def _statistics(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Mean and standard deviation of each channel of the training images."""
        x = self.split.train_x
        mean = np.array([channel.mean(dtype=np.float64) for channel in x.swapaxes(0, 1)], dtype=np.float32)
        std = np.array([channel.std(dtype=np.float64) for channel in x.swapaxes(0, 1)], dtype=np.float32)
        return mean, np.where(std > 0, std, np.float32(1))

    @cached_property
    def _tensors(self) -> dict[str, tuple[Tensor, Tensor]]:
        import torch

        split = self.split
        parts = {
            "train": (split.train_x, split.train_y),
            "valid": (split.valid_x, split.valid_y),
            "test": (split.test_x, split.test_y),
        }
        return {name: (self.prepared(x), torch.from_numpy(y)) for name, (x, y) in parts.items()}


def _allowed_size(space: SearchSpace, options: dict[str, Any], size: int) -> int:
    """The smallest size of at least `size` that the space's networks allow."""
    for larger in range(size, size + 64):
        try:
            space.network_options(**options, image_size=larger)
        except InvalidInput as error:
            if "image_size" not in str(error):
                raise
            continue
        return larger
    raise DataError(f"images of {size} pixels can't be padded to a size that networks of {space.name} allow")


def _device(name: str) -> torch.device:
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise InvalidInput(f"device {name} is not there; use auto or cpu")
    return torch.device(name)


def _optimizer(network: nn.Module, config: CandidateTraining, steps: int) -> tuple[Any, Any]:
    """Optimizer and schedule of the learning rate, step by step."""
    import torch

    if config.optimizer == "sgd":
        optimizer: torch.optim.Optimizer = torch.optim.SGD(
            network.parameters(),
            config.learning_rate,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            nesterov=config.momentum > 0,
        )
    else:
        optimizer = torch.optim.AdamW(network.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    rising = round(config.warm_up * steps)

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        done = (step - rising) / max(1, steps - rising)
        return {"constant": 1.0, "linear": 1 - done, "cosine": 0.5 * (1 + float(np.cos(np.pi * done)))}[config.schedule]

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def _accuracy(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of right answers in percent."""
    import torch

    network.eval()
    with torch.no_grad():
        right = sum(
            int((network(part).argmax(1) == labels).sum())
            for part, labels in zip(x.split(512), y.split(512), strict=True)
        )
    return 100 * right / len(y)
