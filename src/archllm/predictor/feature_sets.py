"""Sets of features that predictors see, by name, and those that are recommended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from archllm.errors import InvalidInput
from archllm.graphs import Graphs
from archllm.predictor import makers
from archllm.predictor.equivalence import averaged, has_synonyms
from archllm.predictor.features import FeatureMaker
from archllm.spaces import SearchSpace
from archllm.tokenizer import Tokenizer

FeatureSet = Literal["all", "embedding+free", "embedding", "free", "hand"]
"""`embedding` is the tokenizer's, `free` what needs no training (parameters, MACs, statistics of paths); `hand` joins
`free`, one-hot operations and links, and paths or the numbers chosen in slots; `all` joins these, the embedding, and,
where features are averaged over what computes the same, operations and links as they are written."""


def feature_set(
    name: FeatureSet, space: SearchSpace, reference: Graphs, tokenizer: Tokenizer | None = None
) -> list[FeatureMaker]:
    """The makers of a set, averaged over what computes the same where cells can be enumerated.

    `benchmarks/predictor.py` compares sets.

    Args:
        name: of the set.
        space: the space.
        reference: members whose most frequent paths are counted.
        tokenizer: whose embedding it is; sets without one need none.

    Raises:
        InvalidInput: there is no such set, or it needs a tokenizer.
    """
    if name not in get_args(FeatureSet):
        raise InvalidInput(f"features must be {' or '.join(map(repr, get_args(FeatureSet)))}, got {name!r}")
    found = []
    if name == "all" or name.startswith("embedding"):
        if tokenizer is None:
            raise InvalidInput(f"the features {name!r} need a trained tokenizer")
        found.append(makers.tokenizer(tokenizer))
    if name in ("all", "hand"):
        found.append(makers.one_hot(space))
        found += [makers.slot_values(space)] * space.slotted
        found += [makers.path(space, reference)] * makers.has_paths(space)
    if name != "embedding":
        found.append(makers.free(space))
    found = averaged_where_enumerable(found, space)
    if name == "all" and any(maker.name == "averaged one_hot" for maker in found):
        found.append(makers.written(space))
    return found


def recommended_makers(tokenizer: Tokenizer) -> list[FeatureMaker]:
    """The features that did best in trials: the tokenizer's embedding and the training-free ones."""
    return averaged_where_enumerable([makers.tokenizer(tokenizer), makers.free(tokenizer.space)], tokenizer.space)


def averaged_where_enumerable(found: Sequence[FeatureMaker], space: SearchSpace) -> list[FeatureMaker]:
    """The features, averaged over what computes the same; as they are where cells can't be enumerated."""
    if has_synonyms(space) and not space.enumerable:
        return list(found)
    return [averaged(maker, space) for maker in found]
