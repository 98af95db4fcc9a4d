"""The features that did best in trials."""

from __future__ import annotations

from collections.abc import Sequence

from archllm.predictor import makers
from archllm.predictor.equivalence import averaged, has_synonyms
from archllm.predictor.features import FeatureMaker
from archllm.spaces import SearchSpace
from archllm.tokenizer import Tokenizer


def recommended_makers(tokenizer: Tokenizer) -> list[FeatureMaker]:
    """The tokenizer's embedding and the free features, averaged over what computes the same where cells can be listed.

    `benchmarks/predictor.py` compares them with others.
    """
    return averaged_where_listed([makers.tokenizer(tokenizer), makers.free(tokenizer.space)], tokenizer.space)


def averaged_where_listed(found: Sequence[FeatureMaker], space: SearchSpace) -> list[FeatureMaker]:
    """The features, averaged over what computes the same; as they are where cells can't be listed."""
    if has_synonyms(space) and not space.enumerable:
        return list(found)
    return [averaged(maker, space) for maker in found]
