"""Training and held-out cells of a space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archllm.data.keyset import KeySet
from archllm.errors import InvalidInput
from archllm.graphs import Graphs, concatenate
from archllm.spaces.base import SearchSpace

_RARE = 1e-3  # expected repeats in a sample that need not be looked for
KEPT_BYTES = 150_000_000  # of the graphs of training cells that are held in memory
CHUNK = 8_192  # cells of a stream that are drawn at once


class Stream:
    """Further members to learn from, drawn chunk by chunk each time they are gone through; always the same ones.

    In memory are one chunk, and 8 bytes for each member.

    Args:
        space: the space, too large to list.
        draws: how many to draw; repeats, and members that are known, are left out.
        seed: seed of the draws.
        known: keys of members that are not to be drawn again.

    Example:
        >>> from archllm.spaces import load_space
        >>> stream = Stream(load_space("darts"), draws=100, seed=0, known=np.zeros(0, dtype=np.int64))
        >>> [len(chunk) for chunk in stream]
        [100]
    """

    def __init__(self, space: SearchSpace, draws: int, seed: int, known: NDArray[np.int64]) -> None:
        self.space, self.draws, self.seed, self._known = space, draws, seed, known

    def __iter__(self) -> Iterator[Graphs]:
        """Chunks of normalised members."""
        rng, seen = np.random.default_rng([self.seed, 20_231]), KeySet(self._known)
        for start in range(0, self.draws, CHUNK):
            drawn = self.space.sample(min(CHUNK, self.draws - start), rng)
            yield drawn[seen.add(self.space.keys(drawn))]


@dataclass(frozen=True)
class Cells:
    """A space's members (or, for a space too large to list, a sample of them), split at random.

    Example:
        >>> from archllm.spaces import load_space
        >>> cells = split_cells(load_space("nasbench201"), 0.9, 1_000, seed=0)
        >>> len(cells.train), len(cells.held_out)
        (14062, 1563)
    """

    train: Graphs
    """Members to learn from, normalised."""

    held_out: Graphs
    """Members never shown to tokenizer or prior."""

    further: Stream | None = None
    """More members for the prior to learn from, where the graphs of all of them would take too much memory."""


def split_cells(
    space: SearchSpace,
    split: float,
    sampled: int,
    seed: int,
    *,
    streamed: bool = True,
    corpus: Graphs | None = None,
) -> Cells:
    """Splits the whole space, a uniform sample of a space too large to list, or a corpus.

    Args:
        space: the space.
        split: share of the cells to train on.
        sampled: training cells to draw where the space can't be listed.
        seed: seed of the split; the same seed gives the same cells.
        streamed: whether training cells that would take too much memory are drawn again whenever they are needed;
            otherwise they are left out.
        corpus: different members to split in place of all that.

    Raises:
        InvalidInput: a side of the split would be empty.
    """
    check_split(split)
    check_seed(seed)
    rng = np.random.default_rng([seed, 20_230])
    kept = min(sampled, KEPT_BYTES // space.member_bytes)
    cells = corpus
    if cells is None:
        cells = space.enumerate() if space.enumerable else _different(space, round(kept / split), rng)
    order = rng.permutation(len(cells))
    cut = round(split * len(cells))
    if cut < 2 or cut >= len(cells):
        raise InvalidInput(
            f"split {split} of {len(cells)} cells leaves {cut} to train on and {len(cells) - cut} held out"
        )
    further = None
    if corpus is None and streamed and not space.enumerable and sampled > kept:
        further = Stream(space, sampled - kept, seed, known(space, cells))
    return Cells(cells[order[:cut]], cells[order[cut:]], further)


def _different(space: SearchSpace, n: int, rng: np.random.Generator) -> Graphs:
    """About `n` uniform members; repeats are left out where the space is small enough for some to occur."""
    # Birthday bound: E[pairs that repeat] = n (n - 1) / (2 size); below `_RARE` the keys need not be computed.
    cells = space.sample(n, rng)
    if n * n / (2 * space.size) < _RARE:
        return cells
    return cells[np.sort(np.unique(space.keys(cells), return_index=True)[1])]


def with_permutations(space: SearchSpace, cells: Graphs, permutations: int, seed: int) -> Graphs:
    """Each of `n` cells under as many random node permutations; for 1 the cells as they stand.

    Raises:
        InvalidInput: `permutations` is below 1.
    """
    if permutations < 1:
        raise InvalidInput(f"permutations must be at least 1, got {permutations}")
    if permutations == 1:
        return cells
    rng = np.random.default_rng([seed, 7])
    return concatenate([space.permute(cells, rng) for _ in range(permutations)])


def known(space: SearchSpace, cells: Graphs) -> NDArray[np.int64]:
    """Sorted distinct keys of cells."""
    return np.unique(space.keys(cells))


def check_split(split: float) -> None:
    """Makes sure that a share leaves cells on both sides.

    Raises:
        InvalidInput: it does not lie between 0 and 1.
    """
    if not 0 < split < 1:
        raise InvalidInput(f"split must lie between 0 and 1, got {split}")


def check_seed(seed: int) -> None:
    """Makes sure that every random generator takes the seed.

    Raises:
        InvalidInput: it is negative or has more than 63 bits.
    """
    if not 0 <= seed < 2**63:
        raise InvalidInput(f"a seed must be 0 to 2^63 - 1, got {seed}")
