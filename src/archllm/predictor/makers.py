"""The usual features of members: written by hand, learned without scores, and free of charge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs
from archllm.predictor.computation import path_statistics
from archllm.predictor.features import FeatureMaker
from archllm.spaces import SearchSpace

if TYPE_CHECKING:
    from archllm.baselines import GraphVAE
    from archllm.prior import Prior
    from archllm.tokenizer import Tokenizer
    from archllm.tokenizer.vq import VQTokenizer

MOST_WORDS = 512
"""Path features at most: those of the most frequent words."""


def one_hot(space: SearchSpace) -> FeatureMaker:
    """The operation of each node position, and the links of each pair of positions."""

    def make(graphs: Graphs) -> NDArray[np.float32]:
        normal = space.normalise(graphs).padded(space.max_nodes)
        ops = normal.ops[:, :, None] == np.arange(-1, len(space.op_names), dtype=np.int8)
        source, target = np.triu_indices(space.max_nodes, 1)
        return np.concatenate([ops.reshape(len(graphs), -1), normal.adjacency[:, source, target]], 1).astype(np.float32)

    return FeatureMaker("one_hot", make)


def path(space: SearchSpace, reference: Graphs) -> FeatureMaker:
    """How many paths spell each word of operations (White et al., 2021, "BANANAS").

    Args:
        space: the space.
        reference: members whose most frequent words are looked for.
    """
    found, counts = np.unique(np.concatenate([word for _, word in _paths(space, reference)]), return_counts=True)
    words = np.sort(found[np.argsort(-counts, kind="stable")[:MOST_WORDS]])

    def make(graphs: Graphs) -> NDArray[np.float32]:
        table = np.zeros((len(graphs), len(words)), dtype=np.float32)
        for rows, word in _paths(space, graphs):
            at = np.minimum(np.searchsorted(words, word), len(words) - 1)
            known = words[at] == word
            table[rows[known], at[known]] += 1
        return table

    return FeatureMaker("path", make)


def tokenizer(model: Tokenizer) -> FeatureMaker:
    """The encoder's vectors before quantization."""
    return FeatureMaker("tokenizer", model.embed)


def codes(model: VQTokenizer) -> FeatureMaker:
    """The codebook vectors of the codes."""

    def make(graphs: Graphs) -> NDArray[np.float32]:
        found = model.codebook()[model.encode(graphs)]
        return found.reshape(len(graphs), -1)

    return FeatureMaker("codes", make)


def prior(model: Tokenizer, language_model: Prior) -> FeatureMaker:
    """The prior's hidden states after each code."""
    return FeatureMaker("prior", lambda graphs: language_model.embed(model.encode(graphs)))


def vae(model: GraphVAE) -> FeatureMaker:
    """The means of a variational autoencoder's latent."""
    return FeatureMaker("vae", model.embed)


def free(space: SearchSpace) -> FeatureMaker:
    """Logarithms of parameters and MACs, where the space has networks, and statistics of the paths that have an effect.

    See `path_statistics`; nothing is trained and no network is built.
    """

    def make(graphs: Graphs) -> NDArray[np.float32]:
        counted = [] if space.network_config is None else [space.params(graphs), space.macs(graphs)]
        sizes = [np.log(count)[:, None] for count in counted]
        return np.concatenate([*sizes, path_statistics(space, graphs)], axis=1).astype(np.float32)

    return FeatureMaker("free", make)


def _paths(space: SearchSpace, graphs: Graphs) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """For each chain of node positions from an input to an output: the graphs that have it, and their words.

    A word is a number: where the path begins, then the labels on the way.
    """
    normal = space.normalise(graphs).padded(space.max_nodes)
    base, output = len(space.op_names) + space.max_nodes, len(space.op_names) - 1
    entered = np.asarray(normal.adjacency.any(1), dtype=np.bool_)
    waiting: list[tuple[int, NDArray[np.int64], NDArray[np.int64]]] = []
    for start in range(space.max_nodes):
        rows = np.flatnonzero(~entered[:, start] & normal.adjacency[:, start].any(1))
        if len(rows):
            waiting.append((start, rows, np.full(len(rows), len(space.op_names) + start, dtype=np.int64)))
    while waiting:
        node, rows, words = waiting.pop()
        for after in range(node + 1, space.max_nodes):
            linked = normal.adjacency[rows, node, after]
            ends = linked & (normal.ops[rows, after] == output)
            goes_on = linked & ~ends
            if ends.any():
                yield rows[ends], words[ends]
            if goes_on.any():
                labels = normal.ops[rows[goes_on], after].astype(np.int64)
                waiting.append((after, rows[goes_on], words[goes_on] * base + labels))
