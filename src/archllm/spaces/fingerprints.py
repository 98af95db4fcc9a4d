"""Fingerprints: 64-bit numbers that stand for canonical forms too long to be numbers themselves."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

EXACT_BELOW = 2**63
"""Spaces of fewer numbered members have exact keys."""

MANY = 10_000_000
"""Members for which `collision_chance` is told."""


def fingerprints(words: NDArray[np.int64]) -> NDArray[np.int64]:
    """`n` numbers, equal for equal rows, and for different ones with a chance of 2^-64.

    Stores hold them: the same rows give the same numbers in every version and on every machine.

    Args:
        words: `n x w` numbers.

    Example:
        >>> fingerprints(np.array([[1, 2], [2, 1], [1, 2]])).tolist()
        [-8508799899869142114, -8512670814610108140, -8508799899869142114]
    """
    # A chain as in a Merkle-Damgard hash, with m the bijection `mixed` and arithmetic modulo 2^64:
    #     h_0 = w,   h_k = m(h_{k-1} + m(x_k + k)).
    # For two rows that differ first in column k, m(x_k + k) differs, hence h_k does; from there on they meet by chance
    # only. No key is secret: somebody who looks for two rows of one fingerprint finds them.
    state = np.full(len(words), words.shape[1], dtype=np.uint64)
    for column in range(words.shape[1]):
        state = mixed(state + mixed(words[:, column].astype(np.uint64) + np.uint64(column)))
    return state.astype(np.int64)


def mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A bijection of 64-bit words in which every bit depends on every other (the finaliser of SplitMix64)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def collision_chance(n: int = MANY) -> float:
    """The chance that at least two of `n` different canonical forms have one fingerprint.

    Example:
        >>> f"{collision_chance():.1e}"
        '2.7e-06'
    """
    # Birthday bound: P = 1 - prod_{k<n} (1 - k / 2^64) ~ 1 - exp(-n (n - 1) / 2^65), exact to a relative n / 2^64.
    return -math.expm1(-n * (n - 1) / 2**65)
