"""Encoding: architectures as rows of numbers, for predictors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.graphs import Graphs
from archllm.predictor.encodings import frequent_words, one_hot, path_counts
from archllm.spaces import SearchSpace

Block = Literal["one_hot", "paths", "values", "complexity"]

BLOCKS: tuple[Block, ...] = ("one_hot", "paths", "values", "complexity")
"""One-hot operations and links; counts of paths from input to output; numbers chosen in slots; logarithms of parameters
and MACs. A block without a meaning in a space has no columns there."""


def blocks_of(space: SearchSpace) -> tuple[Block, ...]:
    """The blocks that say something about members of a space."""
    said = {"paths": not space.slotted, "values": space.slotted, "complexity": space.networks is not None}
    return tuple(block for block in BLOCKS if said.get(block, True))


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
        self._words = np.zeros(0, np.int64) if space.slotted else frequent_words(space, normal)
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


def complexity(space: SearchSpace, graphs: Graphs) -> NDArray[np.float32]:
    """`n x 2` logarithms of parameters and MACs, with no column where the space has no networks."""
    if space.networks is None:
        return np.zeros((len(graphs), 0), dtype=np.float32)
    return np.log(np.stack([space.networks.params(graphs), space.networks.macs(graphs)], axis=1)).astype(np.float32)
