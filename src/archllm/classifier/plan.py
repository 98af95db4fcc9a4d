"""Plan: what is decided before the search, by the data, the limits, the time and the speed of this machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from archllm.classifier.limits import MARGIN
from archllm.classifier.scale import Scale
from archllm.errors import RunFolderError

TRIALS = 20
"""Short trainings that the search should have time for."""

LEAST_TRIALS = 3
"""Short trainings that the search has time for on a slow machine, too: they get shorter before they get fewer."""

SHORT_IMAGES = 4_800
"""Images that a network in the middle sees in a short training, those of all passes, where `LEAST_TRIALS` allow."""

FINALISTS = 3
"""Networks that are trained fully, where there is time for so many; else one is, after rounds that tell which."""

FULL_PASSES, FULL_IMAGES = 150, 20_000
"""A full training sees at least so many passes over the images, and at least so many images, where several networks are
trained."""

ENTRANTS = 4
"""Networks of the search that go on to be trained longer, at most; half of them go on again."""

SHARES: dict[int, tuple[float, ...]] = {1: (1.0,), 2: (0.3, 0.7), 3: (0.2, 0.4, 0.4)}
"""Number of rounds -> shares of the time after the search that they take. The last comparison is a long one, as deep
networks catch up late."""

LONGER = 2
"""A training of the first round takes so many times the seconds of a short one, at least: else it tells no more."""

MORE = 2
"""Networks beyond those that go on that are looked at until one leaves that margin."""

Network = TypeVar("Network")

END_PER_EXPORT, END_BESIDES = 2.5, 4.0
"""Seconds for the end: so many times those of one ONNX export, for all files and their verification, and more."""


@dataclass(frozen=True)
class Plan:
    """What is decided before the search."""

    scale: Scale
    """Image size and size of networks."""

    short: float
    """Seconds of a short training."""

    rounds: tuple[int, ...]
    """Networks that are trained in each round after the search; those of the last are the finalists."""

    method: str
    """How the search chooses."""

    export: float
    """Seconds of one export to ONNX on this machine."""

    others: float = 0.0
    """Seconds of one export to each of the forms that were asked for besides."""

    overhead: float = 0.0
    """Milliseconds that bytes, normalisation and probabilities add to a network's own, for images of its size."""

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Plan:
        """What `to_json` gave.

        Raises:
            RunFolderError: it is not of this version.
        """
        try:
            return cls(**{**found, "scale": Scale(**found["scale"]), "rounds": tuple(found["rounds"])})
        except (KeyError, TypeError) as error:
            raise RunFolderError(
                f"the fit was begun by another version of archllm, whose plans differ ({error}); begin a new one"
            ) from error

    @property
    def reserve(self) -> float:
        """Seconds that the end needs: the test, files and their verification."""
        return reserve(self.export, self.others)


def finalists_in(seconds: float, speed: float, images: int) -> int:
    """Networks that are trained fully: `FINALISTS` or one.

    Args:
        seconds: time of all full trainings.
        speed: training images a second.
        images: training images that there are.

    Example:
        >>> finalists_in(200.0, 800.0, 4_000), finalists_in(200.0, 800.0, 300)
        (1, 3)
    """
    full = max(FULL_IMAGES, FULL_PASSES * images)
    return FINALISTS if seconds * speed >= FINALISTS * full else 1


def rounds_in(seconds: float, short: float, finalists: int) -> tuple[int, ...]:
    """Networks that are trained in each round after a search, the last of which are trained fully.

    Args:
        seconds: time of all rounds.
        short: that of a short training.
        finalists: networks that are trained fully; with the most of them, time is not short.

    Example:
        >>> rounds_in(240.0, 4.0, 1), rounds_in(40.0, 3.0, 1), rounds_in(20.0, 4.0, 1), rounds_in(900.0, 2.0, FINALISTS)
        ((4, 2, 1), (2, 1), (1,), (3,))
    """
    first = int(min(SHARES[2][0] * seconds / (LONGER * short), ENTRANTS))
    if finalists >= FINALISTS or first <= finalists:
        return (finalists,)
    return (first, first // 2, finalists) if first // 2 > finalists else (first, finalists)


def within(limit: float, n: int, ranked: Iterable[tuple[Network, float]]) -> list[Network]:
    """The first `n` networks that keep to a limit on latency; one of them leaves a margin if one of the next best does.

    A network at the very limit may exceed it when it is measured again, after its training.

    Args:
        limit: milliseconds.
        n: how many are to be trained.
        ranked: networks, the best first, and their measured milliseconds; no more is taken from it than it needs.

    Example:
        >>> within(1.0, 1, iter([("a", 1.2), ("b", 0.99), ("c", 0.5), ("d", 0.4)]))
        ['c']
    """
    found: list[Network] = []
    ample: list[Network] = []
    for network, ms in ranked:
        if ms <= limit:
            found.append(network)
            ample += [network] * (ms <= MARGIN * limit)
        if len(found) >= n and (ample or len(found) >= n + MORE):
            break
    if ample and ample[0] not in found[:n]:
        found[n - 1] = ample[0]
    return found[:n]


def reserve(export: float, others: float = 0.0) -> float:
    """Seconds that the end of a fit needs, where one export to ONNX takes so many, and those to other forms."""
    return END_PER_EXPORT * export + END_BESIDES + others


def short_training(speed: float, seconds: float) -> float:
    """Seconds of a short training, such that a search has time for `TRIALS` of them, or for fewer that tell something.

    Args:
        speed: training images a second of a network in the middle.
        seconds: time of the search.

    Example:
        >>> short_training(speed=3_000.0, seconds=80.0), short_training(speed=500.0, seconds=80.0)
        (4.0, 9.6)
        >>> short_training(speed=40.0, seconds=30.0)  # a machine that is slow, or busy
        10.0
    """
    return max(seconds / TRIALS, min(SHORT_IMAGES / speed, seconds / LEAST_TRIALS))
