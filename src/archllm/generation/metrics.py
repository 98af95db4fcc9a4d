"""Metrics of raw draws, each beside its expected value under uniform sampling of the space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archllm.data.keyset import KeySet
from archllm.errors import InvalidInput
from archllm.graphs import Graphs
from archllm.spaces.base import SearchSpace

NAMES = ("valid", "valid_loose", "unique", "valid_unique", "unique_classes", "novel", "cycle")
"""The metrics, in the order in which tables show them."""


@dataclass(frozen=True)
class Metric:
    """A metric over several seeds."""

    mean: float
    """Mean over the seeds."""

    std: float
    """Sample standard deviation over the seeds; 0 for a single seed."""

    expected: float
    """Its expected value under uniform sampling of the space, in closed form."""

    def to_json(self) -> dict[str, float]:
        """Mean, standard deviation, and the expected value under its contract's name, `ceiling`."""
        return {"mean": self.mean, "std": self.std, "ceiling": self.expected}

    @staticmethod
    def from_json(data: dict[str, float]) -> Metric:
        """What `to_json` wrote."""
        return Metric(data["mean"], data["std"], data["ceiling"])


class Tally:
    """The metrics of raw draws, added up batch by batch; those that the space has no rule for are left out.

    - `valid`: share of draws that are members; `valid_loose`: by the literature's laxer rule.
    - `unique`: distinct keys / valid; `valid_unique`: distinct keys / drawn.
    - `unique_classes`: distinct classes of equivalent networks / drawn.
    - `novel`: distinct keys outside the training set / distinct keys.
    - `cycle`: share of draws whose codes are the ones that the tokenizer gives to the decoded architecture.

    Args:
        space: the space.
        training_keys: keys of the training set.
    """

    def __init__(self, space: SearchSpace, training_keys: NDArray[np.int64]) -> None:
        self.space = space
        self._training, self._distinct, self._classes = KeySet(training_keys), KeySet(), KeySet()
        self._counts = dict.fromkeys(("drawn", "valid", "known"), 0)
        self._optional: dict[str, int] = {}

    def add(self, graphs: Graphs, cycle: NDArray[np.bool_] | None) -> Tally:
        """Takes in draws; gives itself back.

        Args:
            graphs: `n` draws as they came.
            cycle: `n` booleans, or `None` where draws have no codes.
        """
        valid = self.space.validate(graphs)
        members = graphs[valid]
        keys = self.space.keys(members) if len(members) else np.zeros(0, dtype=np.int64)
        new = keys[self._distinct.add(keys)]
        self._counts["drawn"] += len(graphs)
        self._counts["valid"] += len(members)
        self._counts["known"] += int(self._training.contains(new).sum())
        loose = self.space.validate_loosely(graphs)
        if loose is not None:
            self._optional["valid_loose"] = self._optional.get("valid_loose", 0) + int(loose.sum())
        if cycle is not None:
            self._optional["cycle"] = self._optional.get("cycle", 0) + int(cycle.sum())
        classes = self.space.class_keys(members)
        if classes is not None:
            self._classes.add(classes)
            self._optional["unique_classes"] = len(self._classes)
        return self

    def metrics(self) -> dict[str, float]:
        """The metrics of all draws so far."""
        drawn, distinct = max(1, self._counts["drawn"]), len(self._distinct)
        found = {
            "valid": self._counts["valid"] / drawn,
            "unique": distinct / max(1, self._counts["valid"]),
            "valid_unique": distinct / drawn,
            "novel": (distinct - self._counts["known"]) / max(1, distinct),
        }
        found |= {name: count / drawn for name, count in self._optional.items()}
        return {name: found[name] for name in NAMES if name in found}


def expected_metrics(space: SearchSpace, n: int, training_size: int, valid: float = 1.0) -> dict[str, float]:
    """The expected value of each metric for `n` independent uniform draws.

    Args:
        space: the space.
        n: number of draws.
        training_size: number of distinct training members.
        valid: share of the draws that are valid; `unique` goes by those, and fewer draws repeat less.
    """
    distinct = expected_distinct(space.size, n) / n
    members = max(1, round(valid * n))
    found = {
        "valid": 1.0,
        "valid_loose": 1.0,
        "unique": expected_distinct(space.size, members) / members,
        "valid_unique": distinct,
        "novel": 1.0 - training_size / space.size,
        "cycle": 1.0,
    }
    if space.class_count is not None and space.enumerable:
        classes = space.class_keys(space.enumerate())
        if classes is not None:
            shares = np.bincount(classes) / space.size
            found["unique_classes"] = float(-np.expm1(n * np.log1p(-shares[shares > 0])).sum()) / n
    return found


def expected_distinct(size: int, n: int) -> float:
    """Expected number of distinct members among `n` uniform draws: size · (1 − (1 − 1/size)^n).

    Example:
        >>> round(expected_distinct(15_625, 1_000))
        969
    """
    if size > 10**300:  # whose float may not exist; the chance of a repeat is below any
        return float(n)
    return -size * math.expm1(n * math.log1p(-1 / size))


def summarise(runs: Sequence[dict[str, float]], expected: dict[str, float]) -> dict[str, Metric]:
    """Mean and sample standard deviation of each metric over several runs.

    Raises:
        InvalidInput: there is no run.
    """
    if not runs:
        raise InvalidInput("at least one seed is needed")
    summary = {}
    for name in runs[0]:
        values = np.array([run[name] for run in runs])
        std = float(values.std(ddof=1)) if len(values) > 1 else 0.0
        summary[name] = Metric(float(values.mean()), std, expected[name])
    return summary
