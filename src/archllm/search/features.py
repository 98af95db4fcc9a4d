"""Encoding: architectures as rows of numbers, for predictors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.graphs import Graphs
from archllm.spaces import SearchSpace

Block = Literal["one_hot", "paths", "values", "complexity"]

BLOCKS: tuple[Block, ...] = ("one_hot", "paths", "values", "complexity")
"""One-hot operations and links; counts of paths from input to output; numbers chosen in slots; logarithms of parameters
and MACs. A block without a meaning in a space has no columns there."""


def blocks_of(space: SearchSpace) -> tuple[Block, ...]:
    """The blocks that say something about members of a space."""
    said = {"paths": not space.slotted, "values": space.slotted, "complexity": space.network_config is not None}
    return tuple(block for block in BLOCKS if said.get(block, True))


MOST_WORDS = 512
"""Path features at most: the most frequent words of the reference."""


class Encoding:
    """Features of a space's architectures, fitted to reference members.

    Columns that are constant among these are left out. Each block is centred, and scaled such that the squared distance
    of two random reference members is 1 on average: no block outweighs another by its number of columns.

    Args:
        space: the space.
        reference: members that the features are to tell apart.
        blocks: which features; by default those that say something in the space.

    Raises:
        InvalidInput: there is no reference member, or a block is unknown.
    """

    def __init__(self, space: SearchSpace, reference: Graphs, blocks: Sequence[Block] | None = None) -> None:
        if not len(reference):
            raise InvalidInput("features need at least one reference architecture")
        blocks = blocks_of(space) if blocks is None else blocks
        if not blocks or not set(blocks) <= set(BLOCKS):
            raise InvalidInput(f"blocks of features are {', '.join(BLOCKS)}; got {', '.join(blocks) or 'none'}")
        self.space = space
        self.blocks = tuple(block for block in BLOCKS if block in blocks)
        normal = space.normalise(reference)
        self._words = np.zeros(0, np.int64) if space.slotted else frequent_words(space, normal, MOST_WORDS)
        self._columns: dict[Block, NDArray[np.int64]] = {}
        self._centres: dict[Block, NDArray[np.float32]] = {}
        self._scales: dict[Block, float] = {}
        self.ranges: dict[Block, slice] = {}
        width = 0
        for block in self.blocks:
            raw = self._raw(block, normal)
            varying = np.flatnonzero(raw.min(0) != raw.max(0))
            raw = raw[:, varying]
            spread = 2 * float(raw.var(0).sum())
            self._columns[block], self._scales[block] = varying, spread**-0.5 if spread else 1.0
            self._centres[block] = raw.mean(0)
            self.ranges[block] = slice(width, width + len(varying))
            width += len(varying)
        self.width = width

    def __call__(self, graphs: Graphs) -> NDArray[np.float32]:
        """`n x width` features of members.

        Raises:
            InvalidArchitecture: a graph is not a member.
        """
        normal = self.space.normalise(graphs)
        parts = [
            (self._raw(block, normal)[:, self._columns[block]] - self._centres[block]) * self._scales[block]
            for block in self.blocks
        ]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def _raw(self, block: Block, graphs: Graphs) -> NDArray[np.float32]:
        if block == "one_hot":
            return one_hot(self.space, graphs)
        if block == "paths":
            return path_counts(self.space, graphs, self._words)
        if block == "values":
            return self.space.slot_values(graphs).astype(np.float32)
        return complexity(self.space, graphs)


def one_hot(space: SearchSpace, graphs: Graphs) -> NDArray[np.float32]:
    """`n x d` operations of each node position, and links of each pair of positions, of normalised members."""
    labels = np.arange(-1, len(space.op_names), dtype=np.int8)
    ops = (graphs.ops[:, :, None] == labels).reshape(len(graphs), -1)
    source, target = np.triu_indices(graphs.nodes, 1)
    return np.concatenate([ops, graphs.adjacency[:, source, target]], axis=1).astype(np.float32)


def complexity(space: SearchSpace, graphs: Graphs) -> NDArray[np.float32]:
    """`n x 2` logarithms of parameters and MACs, with no column where the space has no networks."""
    if space.network_config is None:
        return np.zeros((len(graphs), 0), dtype=np.float32)
    return np.log(np.stack([space.params(graphs), space.macs(graphs)], axis=1)).astype(np.float32)


def frequent_words(space: SearchSpace, graphs: Graphs, most: int) -> NDArray[np.int64]:
    """Sorted codes of the words that most paths of the members spell.

    A word is the sequence of operations on a path from an input to an output. Rare words say little (White et al.,
    2021, "BANANAS", who call this the truncated path encoding).
    """
    codes = [word[present] for present, word in _paths(space, graphs)]
    found, counts = np.unique(np.concatenate(codes), return_counts=True) if codes else (np.zeros(0, np.int64),) * 2
    return np.sort(found[np.argsort(-counts, kind="stable")[:most]])


def path_counts(space: SearchSpace, graphs: Graphs, words: NDArray[np.int64]) -> NDArray[np.float32]:
    """`n x w`: how many paths of each normalised member spell each of the words (sorted codes)."""
    counts = np.zeros((len(graphs), len(words)), dtype=np.float32)
    if len(words):
        for present, word in _paths(space, graphs):
            rows = np.flatnonzero(present)
            at = np.minimum(np.searchsorted(words, word[rows]), len(words) - 1)
            listed = words[at] == word[rows]
            counts[rows[listed], at[listed]] += 1
    return counts


def _paths(space: SearchSpace, graphs: Graphs) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.int64]]]:
    """For each chain of node positions that some member has as a path: which have it (`n`), and the words (`n`)."""
    possible = np.asarray(graphs.adjacency.any(0), dtype=np.bool_)
    base, output = len(space.op_names) + graphs.nodes, len(space.op_names) - 1
    ops = graphs.ops.astype(np.int64)
    inner = np.asarray(possible.any(0) | ~possible.any(1), dtype=np.bool_)

    def walk(
        node: int, alive: NDArray[np.bool_], word: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.int64]]]:
        for after in np.flatnonzero(possible[node]):
            along = alive & graphs.adjacency[:, node, after]
            ends = ops[:, after] == output
            if (along & ends).any():
                yield along & ends, word
            if (along & ~ends).any():
                yield from walk(int(after), along & ~ends, word * base + ops[:, after])

    for start in np.flatnonzero(~inner):  # inputs are told apart by their position
        begun = np.full(len(graphs), len(space.op_names) + start, dtype=np.int64)
        yield from walk(int(start), np.ones(len(graphs), dtype=np.bool_), begun)
