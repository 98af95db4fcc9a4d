"""Encodings of members written by hand: one-hot operations and links, and counts of paths; for all that predicts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs
from archllm.spaces import SearchSpace

MOST_WORDS = 512
"""Path features at most: those of the most frequent words."""


def one_hot(space: SearchSpace, graphs: Graphs) -> NDArray[np.float32]:
    """`n x d` operations of each node position, and links of each pair of positions, of normalised members."""
    wide = graphs.padded(space.max_nodes)
    ops = wide.ops[:, :, None] == np.arange(-1, len(space.op_names), dtype=np.int8)
    if space.sequential:
        labels: NDArray[np.float32] = ops.reshape(len(graphs), -1).astype(np.float32)
        return labels
    source, target = np.triu_indices(space.max_nodes, 1)
    return np.concatenate([ops.reshape(len(graphs), -1), wide.adjacency[:, source, target]], 1).astype(np.float32)


def frequent_words(space: SearchSpace, graphs: Graphs, most: int = MOST_WORDS) -> NDArray[np.int64]:
    """Sorted codes of the words that most paths of normalised members spell.

    A word is the sequence of operations on a path from an input to an output. Rare words say little (White et al.,
    2021, "BANANAS", who call this the truncated path encoding).
    """
    codes = [word for _, word in _paths(space, graphs)]
    found, counts = np.unique(np.concatenate(codes), return_counts=True) if codes else (np.zeros(0, np.int64),) * 2
    return np.sort(found[np.argsort(-counts, kind="stable")[:most]])


def path_counts(space: SearchSpace, graphs: Graphs, words: NDArray[np.int64]) -> NDArray[np.float32]:
    """`n x w`: how many paths of each normalised member spell each of the words (sorted codes)."""
    counts = np.zeros((len(graphs), len(words)), dtype=np.float32)
    if len(words):
        for rows, word in _paths(space, graphs):
            at = np.minimum(np.searchsorted(words, word), len(words) - 1)
            listed = words[at] == word
            counts[rows[listed], at[listed]] += 1
    return counts


def _paths(space: SearchSpace, graphs: Graphs) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """For each chain of node positions from an input to an output: the graphs that have it, and their words.

    A word is a number: where the path begins, as inputs are told apart by their position, then the labels on the way.
    """
    wide = graphs.padded(space.max_nodes)
    base, output = len(space.op_names) + space.max_nodes, len(space.op_names) - 1
    entered = np.asarray(wide.adjacency.any(1), dtype=np.bool_)
    waiting: list[tuple[int, NDArray[np.int64], NDArray[np.int64]]] = []
    for start in range(space.max_nodes):
        rows = np.flatnonzero(~entered[:, start] & wide.adjacency[:, start].any(1))
        if len(rows):
            waiting.append((start, rows, np.full(len(rows), len(space.op_names) + start, dtype=np.int64)))
    while waiting:
        node, rows, words = waiting.pop()
        for after in range(node + 1, space.max_nodes):
            linked = wide.adjacency[rows, node, after]
            ends = linked & (wide.ops[rows, after] == output)
            goes_on = linked & ~ends
            if ends.any():
                yield rows[ends], words[ends]
            if goes_on.any():
                labels = wide.ops[rows[goes_on], after].astype(np.int64)
                waiting.append((after, rows[goes_on], words[goes_on] * base + labels))
