"""The features that did best in trials."""

from __future__ import annotations

from archllm.predictor import makers
from archllm.predictor.equivalence import averaged, has_synonyms
from archllm.predictor.features import FeatureMaker
from archllm.tokenizer import Tokenizer


def recommended_makers(tokenizer: Tokenizer) -> list[FeatureMaker]:
    """The tokenizer's embedding and the free features, averaged over what computes the same where cells can be listed.

    `benchmarks/predictor.py` compares them with others.
    """
    space = tokenizer.space
    found = [makers.tokenizer(tokenizer), makers.free(space)]
    if has_synonyms(space) and not space.enumerable:
        return found
    return [averaged(maker, space) for maker in found]
