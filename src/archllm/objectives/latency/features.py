"""What a latency model sees of an architecture: operations and sizes, under every assumption, in comparable units."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs
from archllm.networks.setting import NetworkSetting
from archllm.objectives.latency.execution import Work, work
from archllm.predictor.computation import computes_nothing
from archllm.spaces import SearchSpace

REFERENCE = 2_000
"""Random members by which features are scaled, and among which those to be timed are chosen."""

_CHUNK = 20_000
_FLOOR = 0.1  # cost of an operation without weights, where that of the heaviest is 1; for choosing what to time alone


@dataclass(frozen=True)
class Seen:
    """Features of `n` members under one assumption, centred and of unit variance over random members."""

    operations: NDArray[np.float64]
    """`n x k`: how often each operation is computed."""

    sizes: NDArray[np.float64]
    """`n x w`: amounts of work; see `Networks.work`."""

    @property
    def all(self) -> NDArray[np.float64]:
        """`n x (k + w)`, side by side."""
        return np.concatenate([self.operations, self.sizes], axis=1)


class LatencyFeatures:
    """Features of the members of one space under one network setting.

    Args:
        space: a space with networks.
        setting: setting of the networks; by default that of the space's paper.

    Raises:
        InvalidInput: no networks are made of the space's members.
    """

    def __init__(self, space: SearchSpace, setting: NetworkSetting | None = None) -> None:
        space.require_networks()
        self.space, self.setting = space, setting

    @cached_property
    def reference(self) -> Graphs:
        """Different random members, all of which compute something."""
        members = self.space.sample(REFERENCE, np.random.default_rng(0))
        if not self.space.slotted:
            idle = computes_nothing(self.space, members)
            members = members if idle.all() else members[np.flatnonzero(~idle)]
        return members[np.sort(np.unique(self.space.keys(members), return_index=True)[1])]

    @cached_property
    def _scales(self) -> dict[str, tuple[Work, Work]]:
        """Means and deviations of the reference, of the assumptions that differ there."""
        found: dict[str, tuple[Work, Work]] = {}
        before: list[Work] = []
        for name, seen in work(self.space, self.reference, self.setting).items():
            if any(np.array_equal(seen.operations, other.operations) for other in before):
                continue
            before.append(seen)
            middle = Work(seen.operations.mean(0), seen.sizes.mean(0))
            found[name] = middle, Work(_deviation(seen.operations), _deviation(seen.sizes))
        return found

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Names of the assumptions that are told apart in this space."""
        return tuple(self._scales)

    def __call__(self, graphs: Graphs) -> dict[str, Seen]:
        """Features of `n` members, by assumption."""
        parts = [
            work(self.space, graphs[np.arange(first, min(first + _CHUNK, len(graphs)))], self.setting)
            for first in range(0, max(len(graphs), 1), _CHUNK)
        ]
        found = {}
        for name, (middle, deviation) in self._scales.items():
            operations = np.concatenate([part[name].operations for part in parts])
            sizes = np.concatenate([part[name].sizes for part in parts])
            found[name] = Seen(
                (operations - middle.operations) / deviation.operations, (sizes - middle.sizes) / deviation.sizes
            )
        return found

    def design(self) -> NDArray[np.float64]:
        """`r x d` columns of the reference that timings should tell apart.

        Costs of the operations, and what one assumption would have computed beyond another; of the latter no more than
        one heavy operation counts, as networks that differ in several are odd ones.
        """
        seen = work(self.space, self.reference, self.setting)
        first = seen[self.assumptions[0]]
        columns = [self(self.reference)[self.assumptions[0]].all]
        costs = _FLOOR + _costs(first)
        amounts = [(seen[name].operations * costs).sum(1) for name in self.assumptions]  # of work, by assumption
        for more, less in zip(amounts[:1] * (len(amounts) - 1), amounts[1:], strict=True):
            columns.append(np.clip(more - less, -1 - _FLOOR, 1 + _FLOOR)[:, None])
        return np.concatenate(columns, axis=1)


def _deviation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    deviation = values.std(0)
    return np.where(deviation > 0, deviation, np.inf)  # what never changes says nothing


def _costs(seen: Work) -> NDArray[np.float64]:
    """`k` multiply-accumulates of the operations, as their counts explain those of networks; the heaviest counts 1."""
    counts = np.column_stack([np.ones(len(seen.operations)), seen.operations])
    found = np.linalg.lstsq(counts, seen.sizes[:, 0], rcond=None)[0][1:]
    found = np.maximum(found - min(found.min(), 0.0), 0.0) if not (found > 0).any() else np.maximum(found, 0.0)
    heaviest = float(found.max())
    return np.asarray(found / heaviest if heaviest > 0 else found)
