"""How large a network to look for: image size, channels and cells, by limits, data and the speed of this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.classifier.designs import usual_designs
from archllm.classifier.limits import Limits
from archllm.classifier.members import Predict, met, rough_latency, smallest, some_members
from archllm.classifier.timetable import Clock
from archllm.errors import InvalidInput, shown
from archllm.graphs import Graphs
from archllm.spaces import SearchSpace
from archllm.spaces.kinds.product.space import Product

SCALES: dict[str, tuple[Mapping[str, int], ...]] = {
    "nasbench201": tuple(
        {"channels": channels, "cells": cells}
        for channels, cells in ((4, 1), (8, 1), (12, 1), (16, 1), (16, 2), (24, 2), (32, 2), (32, 3))
    ),
    "nasbench101": tuple(
        {"channels": channels, "stacks": 3, "cells": cells}
        for channels, cells in ((8, 1), (12, 1), (16, 1), (24, 1), (32, 1), (32, 2), (64, 2))
    ),
    "mobile": tuple({"channels": channels} for channels in (8, 16, 24, 32)),
}
"""Spaces that a fit can search -> network settings from the smallest to the largest."""

CHOICE = 0.1
"""Share of the members that must meet the limits, so that a search has something to choose from, unless known designs
of usual width meet them: then neighbours of good networks do."""

DESIGNS_SHARE = 0.5
"""Share of the designs that must."""

LARGEST_IMAGE = 64
"""Height and width of the largest images that are looked at; photos are resized to it."""

IMAGE_SIZES = (64, 48, 32, 24, 16)
"""Sizes to fall back on, one after the other, where larger images leave no network or no time."""

MEASURING = 0.1
"""Share of the time of one full training that goes to timing networks of different sizes, the small ones first."""

BATCH = 64
"""Images of a step that is timed."""

_EPOCHS, _FEWEST, _ENOUGH = 10, 20_000, 60_000
"""Training long enough to tell networks apart: so many epochs, but no fewer and no more images than these."""


@dataclass(frozen=True)
class Scale:
    """What is chosen before a search."""

    image_size: int
    """Height and width of the images."""

    network: dict[str, int]
    """Fields of the network setting that say how large a network is."""

    speed: float
    """Training images a second of a network in the middle."""


def wanted_images(images: int) -> int:
    """Training images that a full training should see, those of all epochs.

    Args:
        images: training images that there are.
    """
    return int(np.clip(_EPOCHS * images, _FEWEST, _ENOUGH))


def scales_of(space: SearchSpace) -> tuple[Mapping[str, int], ...]:
    """The network settings of a space, from the smallest to the largest.

    Raises:
        InvalidInput: a fit can't search the space.
    """
    if isinstance(space, Product) and space.networks is not None:
        return ({},)  # members choose how large their networks are
    if space.name not in SCALES:
        raise InvalidInput(
            f"a fit searches one of {', '.join(SCALES)}, or a product whose file says under [network] how networks are "
            f"made, got {shown(space.name)}"
        )
    return SCALES[space.name]


def image_sizes(height: int, width: int, asked: int | None = None) -> list[int]:
    """Sizes to try, the largest first: that of the images themselves if it is not too large, then smaller ones.

    Sizes are multiples of four, so that networks can halve them twice.

    Example:
        >>> image_sizes(480, 640), image_sizes(28, 28), image_sizes(8, 8)
        ([64, 48, 32, 24, 16], [28, 24, 16], [8])
    """
    if asked is not None:
        return [asked]
    own = max(8, -(-min(LARGEST_IMAGE, height, width) // 4) * 4)
    return [own, *(size for size in IMAGE_SIZES if size < own)]


class Scaler:
    """Chooses the largest networks that meet the limits and can be trained in the time.

    Args:
        space: the space.
        limits: what networks may take.
        options: the network setting but for image size and scale: classes, channels of the images.
        clock: what time it is.
    """

    def __init__(
        self,
        space: SearchSpace,
        limits: Limits,
        options: Mapping[str, int],
        clock: Clock,
    ) -> None:
        self.space, self.limits, self.options, self.clock = space, limits, options, clock
        self.networks, self.members = space.require_networks(), some_members(space)
        self.overhead = 0.0
        """Milliseconds that a file takes beyond its network."""

    def choose(self, sizes: Sequence[int], images: int, seconds: float) -> Scale:
        """The scale, and the image size, of which the first that leaves a choice and the time is taken.

        Args:
            sizes: image sizes, the preferred one first.
            images: training images.
            seconds: time of one full training.

        Raises:
            InvalidInput: no network of the space meets the limits; the message tells the smallest there is.
        """
        needed = wanted_images(images) / max(seconds, 1e-9)
        ends = self.clock() + MEASURING * seconds
        modest: Scale | None = None
        fastest: Scale | None = None
        for size in sizes:
            chosen: Scale | None = None
            for rank, network in enumerate(scales_of(self.space)):
                least = CHOICE if rank or size != sizes[-1] else 0.0  # the last resort may leave a single network
                inside = self._inside(size, network, least)
                if inside is None:
                    if chosen is None and self.limits.latency is not None:
                        continue  # runtimes compute channels in blocks: 16 may well be faster than 12
                    break
                scale = Scale(size, dict(network), self.speed(inside, size, network))
                if fastest is None or scale.speed > fastest.speed:
                    fastest = scale
                if scale.speed < needed:
                    break
                chosen = scale
                if self.clock() > ends:
                    return chosen
            smallest_only = chosen is not None and chosen.network == scales_of(self.space)[0]
            if chosen is not None and not (smallest_only and self._designs(size, chosen.network) is None):
                return chosen  # where only the smallest fits, and no known designs, smaller images may serve better
            modest = modest or chosen
        found = modest or fastest  # too slow for all that is wanted, and still the best that can be done
        if found is None:
            raise InvalidInput(self._nothing(sizes[-1]))
        return found

    def setting(self, size: int, network: Mapping[str, int]) -> Any:
        """The network setting of a scale."""
        return self.networks.setting(**self.options, **network, image_size=size)

    def predictor(self, setting: Any) -> Predict | None:
        """What predicts the latency of members' files under a setting, where it is limited."""
        if self.limits.latency is None:
            return None
        rough = rough_latency(self.space, setting)
        return lambda graphs: rough(graphs) + self.overhead

    def measured(self, graphs: Graphs, setting: Any) -> NDArray[np.float64]:
        """Milliseconds of members' files."""
        from archllm.networks.latency import measure_members

        found = measure_members(self.networks, graphs, setting)
        return np.array([timing.fastest for timing in found]) + self.overhead

    def speed(self, graph: Graphs, size: int, network: Mapping[str, int]) -> float:
        """Training images a second of a member's network, by timing steps whose learning rate is zero.

        Raises:
            EvaluationFailed: its loss is infinite from the start.
        """
        import torch

        from archllm.objectives.candidate import CandidateTraining
        from archllm.objectives.fitting import Training
        from archllm.training.randomness import torch_seeded

        setting = self.setting(size, network)
        with torch_seeded(0):
            module = self.networks.build(graph, setting)
            x, y = torch.randn(BATCH, *setting.image), torch.zeros(BATCH, dtype=torch.int64)
        training = Training(module, (x, y), CandidateTraining(batch_size=BATCH), 0)
        seconds = []
        for _ in range(3):
            before = self.clock()
            training.step(0.0, 0.0)
            seconds.append(self.clock() - before)
        return BATCH / max(min(seconds[1:]), 1e-9)  # the first step also pays for what torch sets up

    def _inside(self, size: int, network: Mapping[str, int], least: float) -> Graphs | None:
        """The median member, by multiply-accumulates, of those that meet the limits.

        Returns:
            `None` where these are none, or a smaller share than `least`, and too few known designs are among them.
        """
        setting = self.setting(size, network)
        members = self.members
        good = np.flatnonzero(met(self.limits, self.space, setting, self.predictor(setting))(members))
        if not len(good) or len(good) < least * len(members):
            designs = self._designs(size, network)
            if designs is None or not len(good):  # where no random member keeps to them, a search draws none
                return None
            members, good = designs, np.arange(len(designs))
        macs = self.networks.macs(members[good], setting)
        return members[good[np.argsort(macs, kind="stable")[len(good) // 2]]]

    def _designs(self, size: int, network: Mapping[str, int]) -> Graphs | None:
        """Known designs of usual width that meet the limits; `None` where these are too few, or none are known."""
        setting, known = self.setting(size, network), usual_designs(self.space)
        if known is None:
            return None
        keep = met(self.limits, self.space, setting, lambda graphs: self.measured(graphs, setting))(known)
        return known[np.flatnonzero(keep)] if keep.mean() >= DESIGNS_SHARE else None

    def _nothing(self, size: int) -> str:
        setting = self.setting(size, scales_of(self.space)[0])
        least = smallest(self.limits, self.space, setting, self.predictor(setting))
        return (
            f"no network of {self.space.name} keeps to {self.limits}: the smallest there is takes {least} on images "
            f"of {size} x {size} pixels; loosen the limits"
        )
