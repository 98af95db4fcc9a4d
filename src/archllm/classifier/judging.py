"""How good a classifier is on images that nothing saw: accuracy with its interval, confusions, telling examples."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Z = 1.959963984540054  # the 97.5 % quantile of the normal distribution


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson, 1927).

    With p = right / n and z the normal quantile,

        (p + z²/2n ± z sqrt(p (1 - p)/n + z²/4n²)) / (1 + z²/n),

    which stays within 0 and 1 and holds what it says for few images and for shares near 1, too.

    Example:
        >>> [round(end, 3) for end in wilson(9, 10)], [round(end, 3) for end in wilson(0, 0)]
        ([0.596, 0.982], [0.0, 1.0])
    """
    if not n:
        return 0.0, 1.0
    share, z2 = right / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, eq=False)
class Judged:
    """Probabilities of a classifier for labelled images.

    Example:
        >>> found = Judged(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]))
        >>> found.right, round(found.accuracy, 1), found.confusion.tolist()
        (2, 66.7, [[1, 0], [1, 1]])
    """

    labels: NDArray[np.int64]
    """`n` labels."""

    probabilities: NDArray[np.float32]
    """`n x classes` probabilities."""

    @property
    def answers(self) -> NDArray[np.int64]:
        """`n` most probable classes."""
        found: NDArray[np.int64] = self.probabilities.argmax(1).astype(np.int64)
        return found

    @property
    def right(self) -> int:
        """Images whose most probable class is theirs."""
        return int((self.answers == self.labels).sum())

    @property
    def accuracy(self) -> float:
        """Their share, in percent."""
        return 100.0 * self.right / len(self.labels)

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval, in percent."""
        low, high = wilson(self.right, len(self.labels))
        return 100.0 * low, 100.0 * high

    @property
    def chance(self) -> float:
        """Accuracy of who always names the commonest class, in percent."""
        return 100.0 * float(np.bincount(self.labels).max()) / len(self.labels)

    @property
    def confusion(self) -> NDArray[np.int64]:
        """`classes x classes` counts: rows are labels, columns answers."""
        classes = self.probabilities.shape[1]
        pairs = np.bincount(self.labels * classes + self.answers, minlength=classes * classes)
        counts: NDArray[np.int64] = pairs.reshape(classes, classes)
        return counts

    def examples(self, right: bool, most: int) -> list[int]:
        """Rows of images got right or wrong, one of each class in turn, the surest answers first."""
        rows = np.flatnonzero((self.answers == self.labels) == right)
        sure = self.probabilities.max(1)
        rows = rows[np.argsort(-sure[rows], kind="stable")]
        seen: dict[int, int] = {}
        turns = []
        for row in rows.tolist():
            label = int(self.labels[row])
            seen[label] = seen.get(label, -1) + 1
            turns.append((seen[label], row))
        return [row for _, row in sorted(turns, key=lambda each: each[0])][:most]
