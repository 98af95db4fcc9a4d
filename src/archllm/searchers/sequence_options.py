"""Options of the search by sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from archllm.config import Bounds, Settings
from archllm.errors import InvalidInput
from archllm.predictor.feature_sets import FeatureSet
from archllm.predictor.registry import check_predictor
from archllm.searchers.transfer import Prior


@dataclass(frozen=True)
class SequenceOptions(Settings):
    """Options of the search by sequences; every ingredient can be left out.

    Example:
        >>> SequenceOptions(learn=False).initial
        5
        >>> SequenceOptions(predictor="none")
        Traceback (most recent call last):
        archllm.errors.InvalidInput: without a predictor nothing can be predicted; set labels to observed
    """

    run: str = ""
    """Run folder of a trained generator; without one, a generator is trained when it is first needed."""

    steps: Annotated[int, Bounds(0)] = 0
    """Optimiser steps of that training, which then sees 1,000 members; 0 stands for what is recommended."""

    initial_design: Literal["large", "spread", "random"] = "large"
    """What is evaluated first, of the generator's draws: very different ones among the `largest`, which is the best
    guess where nothing is known, or among all of them (`spread`), or any (`random`, and instead of `large` with several
    objectives and in spaces without networks)."""

    initial: Annotated[int, Bounds(1, 1_000_000)] = 5
    """How many are evaluated before anything is learned; twice as many with several objectives and in spaces without
    networks, where size is no guide."""

    largest: Annotated[float, Bounds(1e-6, 1)] = 0.03
    """Share of the draws that the initial design `large` chooses from, by parameters that have an effect."""

    pseudo_observation: bool = True
    """Whether, with one objective and an initial design that looks at size, a member that computes nothing counts as
    the worst without being evaluated: its output does not depend on its input."""

    learn: bool = True
    """Whether the generator is fine-tuned on scores, where candidates are drawn; otherwise its draws stay what they
    are."""

    every: Annotated[int, Bounds(1, 1_000_000)] = 10
    """Observations after which it is fine-tuned anew."""

    labels: Literal["predicted", "observed"] = "predicted"
    """Whether sequences that were not evaluated are replayed conditioned on what the predictor expects of them, or
    unconditioned."""

    fine_tuning_steps: Annotated[int, Bounds(1, 1_000_000)] = 40
    """Optimiser steps of each fine-tuning."""

    replay: Annotated[int, Bounds(10, 1_000_000)] = 20_000
    """Draws of the pretrained generator: they are replayed, and stay candidates."""

    draws: Annotated[int, Bounds(1, 1_000_000)] = 2_000
    """Draws of the fine-tuned generator for each round of candidates."""

    guidance: Annotated[float, Bounds(0.01, 100)] = 1.5
    """How strongly the condition on performance counts."""

    parents: Annotated[int, Bounds(0, 1_000)] = 5
    """Best architectures whose neighbours are candidates, too."""

    candidates: Literal["all", "drawn"] = "all"
    """Whether the predictor ranks all members of a domain of at most 50,000, or draws and neighbours of the best as in
    larger ones."""

    predictor: str = "gaussian"
    """What ranks the candidates: a `gaussian` process, a ranking `ensemble`, the mean of `both`, or a predictor of your
    own, `python:MODULE:CLASS`; with `none`, they are evaluated as they are drawn."""

    features: FeatureSet = "embedding+free"
    """What the predictor sees as long as it is assumed that scores follow size: the tokenizer's embedding,
    training-free features, both, those and encodings by hand, or all there are."""

    kernel_weight: Annotated[float, Bounds(1e-6, 100)] = 0.05
    """Weight that a Gaussian process expects of the embedding's kernel, against 1 of that of training-free features;
    scores move it."""

    target: Literal["rank+score", "rank", "score", "log_regret"] = "rank+score"
    """What it predicts of a score: the normal score of its `rank`, the `score` itself, `log_regret`, or two of them by
    a predictor each, whose bounds are averaged."""

    trend: bool = True
    """Whether a Gaussian process follows trends of training-free features, such as size, beyond what was seen."""

    hypotheses: Literal["size+structure", "size", "structure"] = "size+structure"
    """What is assumed of scores: that they follow `size`, with the `features` and the pseudo-observation that are set
    here; only that similar `structure` scores alike, with all features there are; or one of them at a time, beginning
    with size: the other one takes over when it has not improved on the best for a while."""

    patience: Annotated[int, Bounds(1, 1_000_000)] = 5
    """Evaluations in a row without a new best (a new member of the front) after which the other hypothesis takes
    over."""

    restart: Annotated[int, Bounds(0, 1_000_000)] = 20
    """Evaluations in a row without a new best after which, where neighbours of the best are candidates, others take
    their place: those of the best from then on. 0 for never."""

    exploration: Annotated[float, Bounds(0, 100)] = 1.0
    """Weight of the standard deviation in the upper confidence bound, mean + weight x deviation."""

    refit: Annotated[float, Bounds(1, 10)] = 1.2
    """By how much the number of observations must have grown before hyperparameters are chosen anew."""

    spread: bool = True
    """Whether pending architectures count as evaluated, with the expected score, so that a batch is spread."""

    lower_fidelity: tuple[str, ...] = ()
    """Objectives that cost little, such as `proxy:synflow` or the column of a short training: evaluated for the most
    promising candidates, and one more feature each. Their cost counts as a cost of the search."""

    shortlist: Annotated[int, Bounds(1, 1_000_000)] = 20
    """Most promising candidates for which they are evaluated, before each choice."""

    prior: Prior = "none"
    """Whether what published scores of other spaces say of cells (`shipped`) is known before, as a source beside those
    of `--transfer`."""

    def _check_together(self) -> None:
        if self.predictor != "none":
            check_predictor(self.predictor)
        if self.predictor == "none" and self.lower_fidelity:
            raise InvalidInput("lower_fidelity scores are features of the predictor, and predictor is none")
        if self.predictor == "none" and self.labels == "predicted" and self.learn:
            raise InvalidInput("without a predictor nothing can be predicted; set labels to observed")
