"""The usual features of members: written by hand, learned without scores, and free of charge."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs
from archllm.predictor import encodings
from archllm.predictor.computation import path_statistics
from archllm.predictor.features import FeatureMaker
from archllm.spaces import SearchSpace

if TYPE_CHECKING:
    from archllm.baselines import GraphVAE
    from archllm.prior import Prior
    from archllm.tokenizer import Tokenizer
    from archllm.tokenizer.vq import VQTokenizer


@lru_cache(maxsize=8)
def one_hot(space: SearchSpace) -> FeatureMaker:
    """The operation of each node position, and the links of each pair of positions of a part."""

    def make(graphs: Graphs) -> NDArray[np.float32]:
        parts = space.parted(space.normalise(graphs))
        return np.concatenate([encodings.one_hot(part, members) for part, members in parts], axis=1)

    return FeatureMaker("one_hot", make, of_space_alone=True)


@lru_cache(maxsize=8)
def written(space: SearchSpace) -> FeatureMaker:
    """The same as it is written, beside averages over all that computes the same.

    Scores of cells that compute the same may differ: a skip over a change of resolution is no identity, and trainings
    are noisy.
    """
    return FeatureMaker("written", one_hot(space).make, of_space_alone=True)


def path(space: SearchSpace, reference: Graphs, most: int = encodings.MOST_WORDS) -> FeatureMaker:
    """How many paths spell each word of operations, in the parts that have paths.

    Args:
        space: the space.
        reference: members whose most frequent words are looked for.
        most: how many of these.
    """

    def cells(graphs: Graphs) -> list[tuple[SearchSpace, Graphs]]:
        return [each for each in space.parted(space.normalise(graphs)) if not each[0].slotted]

    words = [encodings.frequent_words(part, members, most) for part, members in cells(reference)]

    def make(graphs: Graphs) -> NDArray[np.float32]:
        both = zip(cells(graphs), words, strict=True)
        return np.concatenate([encodings.path_counts(part, members, own) for (part, members), own in both], axis=1)

    return FeatureMaker("path", make)


def has_paths(space: SearchSpace) -> bool:
    """Whether a part of members has paths that say something."""
    member = space.sample(1, np.random.default_rng(0))
    return any(not part.slotted for part, _ in space.parted(member))


@lru_cache(maxsize=8)
def slot_values(space: SearchSpace) -> FeatureMaker:
    """The numbers that are chosen in slots, as ranks from 0 to 1."""
    return FeatureMaker("slot_values", lambda graphs: space.slot_values(space.normalise(graphs)), of_space_alone=True)


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


@lru_cache(maxsize=8)
def free(space: SearchSpace) -> FeatureMaker:
    """Logarithms of parameters and MACs, where the space has networks, and statistics of the paths that have an effect.

    See `path_statistics`; of sequences, which have no paths, `slot_values`. Nothing is trained and no network is built.
    """

    def make(graphs: Graphs) -> NDArray[np.float32]:
        networks = space.networks
        counted = [] if networks is None or not networks.countable else [networks.params(graphs), networks.macs(graphs)]
        sizes = [np.log(count)[:, None] for count in counted]
        others = [
            part.slot_values(members) if part.sequential else path_statistics(part, members)
            for part, members in space.parted(space.normalise(graphs))
        ]
        return np.concatenate([*sizes, *others], axis=1).astype(np.float32)

    return FeatureMaker("free", make, of_space_alone=True)
