"""The features that did best in the benchmark."""

from __future__ import annotations

from archllm.generator import ArchLLM
from archllm.predictor import makers
from archllm.predictor.computation import IDENTITY, ZERO
from archllm.predictor.equivalence import averaged
from archllm.predictor.features import FeatureMaker


def recommended_makers(model: ArchLLM) -> list[FeatureMaker]:
    """The tokenizer's embedding and the free features, averaged over what computes the same where cells can be listed.

    `docs/results/predictor.md` compares them with others.
    """
    found = [makers.tokenizer(model.tokenizer), makers.free(model.space)]
    if set(model.space.op_names) & (ZERO | IDENTITY) and not model.space.enumerable:
        return found
    return [averaged(maker, model.space) for maker in found]
