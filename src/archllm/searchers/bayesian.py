"""Bayesian optimisation: the baselines `gp`, `ensemble` and `latent` are settings of one searcher."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np

from archllm.config import Bounds, Settings
from archllm.graphs import Graphs
from archllm.objectives.evaluation import Evaluation
from archllm.predictor import PredictorConfig, makers
from archllm.predictor.feature_sets import feature_set
from archllm.predictor.features import FeatureMaker
from archllm.predictor.registry import check_predictor
from archllm.searchers.base import Searcher
from archllm.searchers.candidates import around
from archllm.searchers.domain import Domain
from archllm.searchers.domain_features import DomainFeatures
from archllm.searchers.pareto import best_first
from archllm.searchers.restarts import Restarts
from archllm.searchers.surrogate import Acquisition, Hypothesis, Known, Surrogate, known_from, leading
from archllm.searchers.transfer import HedgedDesign, Prior, informed, prior_knowledge
from archllm.spaces import Architecture

if TYPE_CHECKING:
    from archllm.baselines import GraphVAE


@dataclass(frozen=True)
class BayesianOptions(Settings):
    """Options of Bayesian optimisation with a Gaussian process.

    Example:
        >>> BayesianOptions(target="score").predictor_config(trends=()).target
        'score'
    """

    initial: Annotated[int, Bounds(1)] = 10
    """Random members that are evaluated before the predictor is asked."""

    predictor: str = "gaussian"
    """What predicts scores: a `gaussian` process, a ranking `ensemble`, the mean of `both`, or a predictor of your own,
    `python:MODULE:CLASS`."""

    features: Literal["hand", "free"] = "hand"
    """What the predictor sees: training-free features, `hand` being all there are."""

    target: Literal["rank", "score", "log_regret"] = "rank"
    """What it predicts of a score: the normal score of its `rank`, the `score` itself, or `log_regret`, which spreads
    good scores out."""

    trend: bool = False
    """Whether a Gaussian process follows trends of training-free features, such as size, beyond what was seen."""

    acquisition: Acquisition = "upper_bound"
    """Whether the largest upper confidence bound is evaluated next, or the best of a draw from the predicted
    distribution (`thompson`)."""

    exploration: Annotated[float, Bounds(0, 100)] = 1.0
    """Weight of the standard deviation in the upper confidence bound, mean + weight x deviation."""

    refit: Annotated[float, Bounds(1, 10)] = 1.2
    """By how much the number of observations must have grown before hyperparameters are chosen anew."""

    ranked: Literal["all", "near"] = "all"
    """Whether all members of a small domain are ranked, or neighbours of the best and random members in any domain."""

    random: Annotated[int, Bounds(0, 100_000)] = 1_000
    """Random members that are ranked where not all are."""

    parents: Annotated[int, Bounds(0, 1_000)] = 10
    """Best members whose neighbours are ranked in that case."""

    restart: Annotated[int, Bounds(0, 1_000_000)] = 20
    """Evaluations in a row without a new best after which, in that case, the parents are the best from then on; 0 for
    never."""

    prior: Prior = "none"
    """Whether what published scores of other spaces say of cells (`shipped`) is known before, as a source beside those
    of `--transfer`; `gp` and `sequence` can use it."""

    def _check_together(self) -> None:
        check_predictor(self.predictor)

    def predictor_config(self, trends: tuple[int, ...]) -> PredictorConfig:
        """The predictor with its settings.

        Args:
            trends: blocks of features that may have trends.
        """
        return PredictorConfig(kind=self.predictor, target=self.target, linear=trends if self.trend else ())


@dataclass(frozen=True)
class EnsembleOptions(BayesianOptions):
    """Options of Bayesian optimisation with a deep ensemble (White et al., 2021, "BANANAS").

    Example:
        >>> EnsembleOptions(members=3).predictor_config(trends=()).members
        3
    """

    predictor: str = "ensemble"
    target: Literal["rank", "score", "log_regret"] = "score"
    acquisition: Acquisition = "thompson"
    ranked: Literal["all", "near"] = "near"
    random: Annotated[int, Bounds(0, 100_000)] = 50
    parents: Annotated[int, Bounds(0, 1_000)] = 5
    restart: Annotated[int, Bounds(0, 1_000_000)] = 0

    members: Annotated[int, Bounds(1, 100_000)] = 5
    """Networks."""

    width: Annotated[int, Bounds(1, 100_000)] = 64
    """Width of their hidden layers."""

    layers: Annotated[int, Bounds(1, 100_000)] = 3
    """Hidden layers."""

    steps: Annotated[int, Bounds(1, 100_000)] = 200
    """Optimiser steps of a training."""

    learning_rate: Annotated[float, Bounds(1e-6, 1)] = 5e-3
    """Peak learning rate of a training."""

    def predictor_config(self, trends: tuple[int, ...]) -> PredictorConfig:
        return PredictorConfig(
            kind=self.predictor,
            target=self.target,
            loss="absolute",
            members=self.members,
            width=self.width,
            layers=self.layers,
            steps=self.steps,
            learning_rate=self.learning_rate,
        )


@dataclass(frozen=True)
class LatentOptions(BayesianOptions):
    """Options of Bayesian optimisation in a VAE's latent space (Yan et al., 2020, "arch2vec")."""

    features: Literal["latent"] = "latent"  # type: ignore[assignment]
    """What the predictor sees: the posterior means of a VAE that was trained without scores."""

    vae: str = ""
    """Folder that `GraphVAE.save` wrote; without one, a VAE is trained when it is first needed, which takes minutes."""

    steps: Annotated[int, Bounds(0)] = 0
    """Optimiser steps of that training; 0 stands for what is recommended for the space."""

    restart: Annotated[int, Bounds(0, 1_000_000)] = 0

    cells: Annotated[int, Bounds(1)] = 50_000
    """Members that the training sees, at most."""


class BayesianSearch(Searcher):
    """Asks for what a predictor of scores expects most of.

    Random members are evaluated first. Failed evaluations get the worst score seen. With several objectives, each is
    predicted by itself, and what would add most to the hypervolume is chosen.

    Example:
        >>> from archllm.objectives.evaluation import Evaluation
        >>> from archllm.searchers.domain import Domain
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench201")
        >>> domain = Domain(space, space.sample(200, np.random.default_rng(0)))  # a closed pool
        >>> searcher = BayesianSearch(domain, seed=0, options=BayesianOptions(initial=3))
        >>> for _ in range(15):
        ...     (arch,) = searcher.ask()
        ...     searcher.tell({arch: Evaluation(float(arch.params))})
        >>> best = max(searcher.evaluations, key=lambda arch: arch.params)
        >>> bool(best.params >= np.quantile(domain.params, 0.98))
        True
    """

    name = "gp"
    options_class: ClassVar[type[Settings]] = BayesianOptions
    uses_sources = True
    options: BayesianOptions

    def __init__(self, domain: Domain, seed: int, objectives: int = 1, options: Settings | None = None) -> None:
        super().__init__(domain, seed, objectives, options)
        self._everything = domain.scanned and self.options.ranked == "all"
        self._restarts = Restarts(self.options.restart, self.options.initial)
        if self.options.prior == "shipped":
            self.use(prior_knowledge(domain.space))

    def _learn(self, arch: Architecture, evaluation: Evaluation) -> None:
        self._restarts.learn(evaluation.values, len(self.known))

    def _propose(self, rng: np.random.Generator) -> Architecture | None:
        if len(self._taken) < self.options.initial or len(self._succeeded) < 2:
            designed = None if self._design is None else self._design.next(self.evaluations, self._taken)
            return designed or self._random(rng)
        return self._most_promising(rng)

    def _most_promising(self, rng: np.random.Generator) -> Architecture | None:
        """What the predictor says most for of what is not taken."""
        if self._everything:
            unknown = self._unknown_rows()
            merits = self._surrogate.merits(self._known, [self._features.of_all], rng)
            return self._member(int(unknown[leading(merits[unknown])])) if len(unknown) else None
        graphs = around(self.domain, self._parents(), self.options.random, self._taken, rng)
        if not len(graphs):
            return self._random(rng)
        merits = self._surrogate.merits(self._known, [self._features(graphs)], rng)
        return self.domain.space.architecture(graphs[leading(merits)])

    @property
    def _known(self) -> Known:
        return known_from(self.evaluations, self._pending, self._features)

    @cached_property
    def _features(self) -> DomainFeatures:
        return DomainFeatures(self.domain, self._makers)

    def _makers(self, reference: Graphs) -> list[FeatureMaker]:
        found = feature_set(self.options.features, self.domain.space, reference)
        return found if self.knowledge is None else [*found, self.knowledge.maker]

    @cached_property
    def _design(self) -> HedgedDesign | None:
        """What comes first, instead of random members, where something is known from other tasks."""
        if self.knowledge is None:
            return None
        rng = np.random.default_rng([self.seed, 1])
        others = self.domain.space.architectures(self.domain.sample(self.options.initial, rng))
        return HedgedDesign(self.domain, self.knowledge, others, self.options.initial, rng)

    @cached_property
    def _surrogate(self) -> Surrogate:
        config, known = self.options.predictor_config(self._features.blocks("free")), self._features.blocks("knowledge")
        own = tuple(at for at in range(self._features.count) if at not in known)
        found = [Hypothesis((config,), own if known else None)]
        if known:
            found.append(informed((replace(config, linear=()),), own, known))
        return Surrogate(
            found,
            self.seed,
            acquisition=self.options.acquisition,
            exploration=self.options.exploration,
            growth=self.options.refit,
        )

    def _parents(self) -> list[Architecture]:
        climbing = self._restarts.since(self.known, self.evaluations)
        return [climbing[at] for at in best_first(self._values(climbing))[: self.options.parents]] if climbing else []


class EnsembleSearch(BayesianSearch):
    """Bayesian optimisation with a deep ensemble that ranks mutations of the best (White et al., 2021, "BANANAS")."""

    name = "ensemble"
    options_class = EnsembleOptions
    uses_sources = False


class LatentSearch(BayesianSearch):
    """Bayesian optimisation in the latent space of a VAE that never saw a score (Yan et al., 2020, "arch2vec")."""

    name = "latent"
    options_class = LatentOptions
    uses_sources = False
    options: LatentOptions

    def __init__(self, domain: Domain, seed: int, objectives: int = 1, options: Settings | None = None) -> None:
        super().__init__(domain, seed, objectives, options)
        self._loaded: GraphVAE | None = None
        if self.options.vae:
            from archllm.baselines import GraphVAE

            self._loaded = GraphVAE.load(Path(self.options.vae), domain.space)

    def _makers(self, reference: Graphs) -> list[FeatureMaker]:
        return [makers.vae(self._loaded or train_vae(self.domain, self.options, self.seed))]


def train_vae(domain: Domain, options: LatentOptions, seed: int) -> GraphVAE:
    """A VAE trained on the domain's members, or on a sample of them; it sees no score.

    Args:
        domain: whose members it learns.
        options: how long, and on how many of them.
        seed: of the choice of members and of the training.
    """
    from archllm.baselines import GraphVAE, recommended_vae

    config = recommended_vae(domain.space)
    rng = np.random.default_rng(seed)
    if domain.enumerable:
        cells = domain.enumerate()[rng.permutation(len(domain.keys))[: options.cells]]
    else:
        cells = domain.sample(options.cells, rng)
    return GraphVAE(domain.space, replace(config, steps=options.steps or config.steps)).fit(cells, seed)
