"""Real training as an objective: validation accuracy of a candidate on images.

    objective = TrainObjective(load_space("nasbench201"), "digits")
    network, evaluation = objective.train(arch)

The network is a plain module. Its weights are saved and taken up again as any module's are, and exported files carry
them:

    safetensors.torch.save_file(network.state_dict(), "weights.safetensors")
    again = arch.build(**objective.network_options)
    again.load_state_dict(safetensors.torch.load_file("weights.safetensors"))
    arch.export("network.onnx", "onnx", weights=network, **objective.network_options)

It takes images as `objective.prepared(x)` makes them of those of the source: minus `objective.statistics[0]`, divided
by `objective.statistics[1]`, each per channel, then resized or padded with zeros to the size it was built for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archllm.config import check_seed
from archllm.errors import EvaluationFailed, InvalidInput
from archllm.networks.setting import NetworkSetting
from archllm.objectives.base import Objective
from archllm.objectives.candidate import SET_BY_IMAGES, CandidateTraining, TrainingSpec
from archllm.objectives.evaluation import Evaluation
from archllm.objectives.identity import Identity, fingerprint
from archllm.objectives.images import Images, Split, load_images, split_images
from archllm.spaces import Architecture, SearchSpace
from archllm.spaces.base import check_same_space
from archllm.spaces.network_interface import Networks

if TYPE_CHECKING:
    from torch import Tensor, nn

    from archllm.objectives.fitting import Training

MOST_PADDING = 32
"""Padding of a side to look for a size that the space's networks allow stays below this, in pixels."""

_NOT_IDENTITY = ("device", "time_limit", "network")
"""Settings of the training that its scores do not depend on, and what the network setting says."""


class TrainObjective(Objective):
    """Trains a candidate and scores it by validation accuracy, in percent, after the last epoch.

    Images are split class by class: test images by a fixed rule (or as the source does), validation images by `seed`.
    The test accuracy goes to `Evaluation.test` and nowhere else. Images that are not square, or of a size that the
    space's networks can't halve often enough, are padded with the mean to the next size that can.

    One seed gives one result on one machine. A pickled objective holds the definition of its space and its settings
    alone; where it is unpickled, images are read again when they are first needed.

    Args:
        space: the space.
        data: `digits`, or a path; see `archllm.objectives.images.load_images`.
        config: budget and recipe.
        seed: of the validation split, the weights and the order of images.

    Raises:
        DataMissing: the images are not there.
        DataError: the images can't be used, or are too few.
        InvalidInput: the space has no networks, a network option is wrong, or there is no such device.
        MissingExtra: an optional library that reads the images is not installed.
    """

    direction = "maximise"

    def __init__(self, space: SearchSpace, data: str, config: CandidateTraining | None = None, seed: int = 0) -> None:
        self._set(space, data, config or CandidateTraining(), check_seed(seed))
        size = self.network_options["image_size"]
        if self.config.cutout >= size:
            raise InvalidInput(f"cutout must be smaller than the images of {size} pixels, got {self.config.cutout}")
        _ = self.split, self._device  # what is wrong with them comes up now, not in the middle of a search

    @classmethod
    def of(cls, text: str, space: SearchSpace, default: CandidateTraining | None = None) -> TrainObjective:
        """The objective that `DATA` or `DATA?KEY=VALUE&…` stands for, see `TrainingSpec`.

        Args:
            text: what stands behind `train:`.
            space: the space.
            default: settings that the text changes.
        """
        spec = TrainingSpec.of(text, space.require_networks().setting_type, default)
        objective = cls(space, spec.data, spec.config, spec.seed)
        objective.spec = f"train:{text}"
        return objective

    def notes(self) -> list[str]:
        """What became of the files of images."""
        return self.images.reading.lines() if self.images.reading is not None else []

    def lower_fidelities(self) -> tuple[str, ...]:
        """Trainings of a ninth and of a third of the epochs."""
        epochs = self.config.passes(len(self.split.train_y))
        shorter = sorted({max(1, round(epochs / share)) for share in (3, 9)} - {epochs})
        configs = (replace(self.config, epochs=epochs) for epochs in shorter)
        return tuple(f"train:{TrainingSpec(self.data, config, self.seed)}" for config in configs)

    def _set(self, space: SearchSpace, data: str, config: CandidateTraining, seed: int) -> None:
        self.space, self.data, self.config, self.seed = space, data, config, seed
        self.spec: str = f"train:{data}"
        self.time_limit: float | None = config.time_limit

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("space", "data", "config", "seed", "spec", "direction")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._set(state["space"], state["data"], state["config"], state["seed"])
        self.spec, self.direction = state["spec"], state["direction"]

    @cached_property
    def network_setting(self) -> NetworkSetting:
        """Channels, classes and size are those of the images, all else is `CandidateTraining.network`."""
        setting: NetworkSetting = self.space.require_networks().setting(**self.network_options)
        return setting

    @cached_property
    def identity(self) -> Identity:
        settings = {name: value for name, value in vars(self.config).items() if name not in _NOT_IDENTITY}
        parts = [each for name, (x, y) in self.images.parts.items() for each in (name, x, y)]
        content = fingerprint(*self.images.classes, *parts)
        named = f"train:{self.data}"
        return Identity.of(named, settings | {"seed": self.seed}, {"images": content}, self.network_setting)

    def with_network(self, options: Mapping[str, Any]) -> TrainObjective:
        fixed = {name: value for name, value in options.items() if name in (*SET_BY_IMAGES, *self.config.network)}
        super().with_network(fixed)
        free = {name: value for name, value in options.items() if name not in fixed}
        setting = self.space.require_networks().setting(**vars(self.network_setting) | free)
        if setting == self.network_setting:
            return self
        again = TrainObjective.__new__(TrainObjective)
        again.__setstate__(self.__getstate__() | {"config": replace(self.config, network=self.config.network | free)})
        vars(again).update({name: vars(self)[name] for name in ("images", "split", "statistics") if name in vars(self)})
        return again

    def with_training(self, config: CandidateTraining) -> TrainObjective:
        """The objective with another budget or recipe; images that stay the same are not read again."""
        again = TrainObjective.__new__(TrainObjective)
        again.__setstate__(self.__getstate__() | {"config": config})
        size = self.images.x.shape[2:] if self.images.reading is not None else (config.image_size, config.image_size)
        same = config.image_size == self.config.image_size or size == (config.image_size, config.image_size)
        shared = ["images"] if same else []
        parts = ("validation_share", "test_share", "most_images")
        if shared and all(getattr(config, name) == getattr(self.config, name) for name in parts):
            shared += ["split", "statistics"]
        vars(again).update({name: vars(self)[name] for name in shared if name in vars(self)})
        return again

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
    def statistics(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of each channel of the training images, as read."""
        channels = list(self.split.train_x.swapaxes(0, 1))
        mean = np.array([channel.mean(dtype=np.float64) for channel in channels], dtype=np.float32)
        std = np.array([channel.std(dtype=np.float64) for channel in channels], dtype=np.float32)
        return mean, np.where(std > 0, std, np.float32(1))

    @cached_property
    def network_options(self) -> dict[str, Any]:
        """Options with which candidates are built; pass them to `Architecture.export` with a trained network."""
        _, channels, height, width = self.images.x.shape
        networks = self.space.require_networks()
        options = dict(networks.small) | self.config.network
        options |= {"num_classes": len(self.images.classes), "in_channels": channels}
        if self.config.image_size is None:
            return options | {"image_size": _allowed_size(networks, options, max(height, width))}
        options["image_size"] = self.config.image_size
        networks.setting(**options)
        return options

    def prepared(self, x: NDArray[Any]) -> Tensor:
        """Images of the source, `n x c x h x w`, as a network takes them: normalised, and of the right size.

        Raises:
            InvalidInput: they have another number of channels, or are larger than those of the source.
        """
        import torch
        from torch.nn import functional as F

        mean, std = self.statistics
        size = int(self.network_options["image_size"])
        if x.ndim != 4 or x.shape[1] != len(mean):
            raise InvalidInput(f"images must be n x {len(mean)} x h x w, got shape {x.shape}")
        images = torch.tensor(x, dtype=torch.float32)  # a copy
        images.sub_(torch.from_numpy(mean)[:, None, None]).div_(torch.from_numpy(std)[:, None, None])
        down, right = size - x.shape[2], size - x.shape[3]
        if self.config.image_size is not None and (down or right):
            return F.interpolate(images, size=(size, size), mode="bilinear", antialias=True)
        if down < 0 or right < 0:
            raise InvalidInput(f"images must be at most {size} x {size} pixels, got {x.shape[2]} x {x.shape[3]}")
        return F.pad(images, (right // 2, right - right // 2, down // 2, down - down // 2))

    def train(self, arch: Architecture) -> tuple[nn.Module, Evaluation]:
        """Trains a candidate.

        Returns:
            The trained network, in evaluation mode and on the CPU, and what was found.

        Raises:
            InvalidInput: the architecture is of another space.
            EvaluationFailed: it is too large, diverged, ran out of memory, or passed its time limit.
        """
        start = time.monotonic()
        try:
            with running_out_of_memory():
                return self._train(arch, start)
        except EvaluationFailed as error:
            raise EvaluationFailed(str(error), time.monotonic() - start) from error

    def training(self, arch: Architecture, begun: nn.Module | None = None, earlier: int = 0) -> Training:
        """A training of a candidate with these images and this recipe that has not begun: its caller says how long.

        Args:
            arch: the candidate.
            begun: its network after another training, whose weights this one begins with; by default fresh ones.
            earlier: how many trainings of it came before; each sees the images in an order of its own.

        Raises:
            InvalidInput: the architecture is of another space.
        """
        from archllm.objectives.fitting import Training
        from archllm.training.randomness import torch_seeded

        check_same_space(self.space, arch.space)
        seed = self._seed_of(arch)
        with torch_seeded(seed):
            network = self.space.require_networks().build(arch.graph, self.network_setting).to(self._device)
        if begun is not None:
            network.load_state_dict(begun.state_dict())
        if earlier:
            seed = int(np.random.SeedSequence([seed, earlier]).generate_state(1)[0])
        drop_path = float(self.network_options.get("drop_path") or 0.0)
        return Training(network, self.sets[0], self.config, seed, drop_path=drop_path)

    def _evaluate(self, arch: Architecture) -> Evaluation:
        return self.train(arch)[1]

    def _seed_of(self, arch: Architecture) -> int:
        """The seed of one architecture in one search; SeedSequence mixes the two and is the same everywhere."""
        return int(np.random.SeedSequence([self.seed, arch.key % 2**64]).generate_state(1)[0])

    def _train(self, arch: Architecture, start: float) -> tuple[nn.Module, Evaluation]:
        from torch.backends import cudnn

        from archllm.objectives.fitting import accuracy, best_guess, fit
        from archllm.training.randomness import torch_seeded

        config, options, networks = self.config, self.network_options, self.space.require_networks()
        setting = self.network_setting
        check_same_space(self.space, arch.space)
        params = int(networks.params(arch.graph, setting)[0])
        if params > config.most_params:
            raise EvaluationFailed(f"it has {params:,} parameters, more than {config.most_params:,}")
        train, valid, test = self.sets
        seed = self._seed_of(arch)
        with torch_seeded(seed), cudnn.flags(True, benchmark=False, deterministic=True):
            network = networks.build(arch.graph, setting).to(self._device)
            fitted = fit(
                network,
                train,
                valid,
                config,
                seed,
                deadline=start + config.time_limit,
                drop_path=float(options.get("drop_path") or 0.0),
            )
        tested = accuracy(network, test)
        chance, limit = best_guess(valid[1])
        seconds = time.monotonic() - start
        metrics = {
            "params": float(params),
            "macs": float(networks.macs(arch.graph, setting)[0]),
            "train_loss": fitted.train_loss,
            "best_valid": max(fitted.curve),
            "steps": float(fitted.steps),
            "scoring_seconds": fitted.scoring,
            "chance": chance,
            "at_chance": float(fitted.curve[-1] <= limit),
            "stopped_early": float(fitted.stopped),
            "seconds": seconds,
        }
        found = Evaluation(fitted.curve[-1], metrics, {"accuracy": tested}, seconds, {self.spec: fitted.curve})
        return network.cpu(), found

    @cached_property
    def _device(self) -> str:
        from archllm.training.loop import resolve_device

        return resolve_device(self.config.device)

    @cached_property
    def sets(self) -> list[tuple[Tensor, Tensor]]:
        """Training, validation and test images and their labels, prepared, on the device."""
        import torch

        split = self.split
        parts = ((split.train_x, split.train_y), (split.valid_x, split.valid_y), (split.test_x, split.test_y))
        return [(self.prepared(x).to(self._device), torch.from_numpy(y).to(self._device)) for x, y in parts]


@contextmanager
def running_out_of_memory() -> Iterator[None]:
    """Turns that into a failure of the candidate, which another one may not share.

    Raises:
        EvaluationFailed: it ran out of memory.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        raise EvaluationFailed("it ran out of memory") from error


def _allowed_size(networks: Networks, options: dict[str, Any], size: int) -> int:
    """The smallest size of at least `size` that the networks allow.

    Raises:
        InvalidInput: there is none nearby, or another option is wrong.
    """
    first: InvalidInput | None = None
    for larger in range(size, size + MOST_PADDING):
        try:
            networks.setting(**options, image_size=larger)
        except InvalidInput as error:
            first = first or error
        else:
            return larger
    raise first or InvalidInput(f"networks of this space allow no images of {size} pixels")


def _out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python, of torch's CPU allocator, or of a GPU says that memory is short."""
    words = ("out of memory", "not enough memory", "allocate memory")
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in words)
