"""Search by a language of architectures that learns from scores what to write next."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.graphs import Graphs, concatenate
from archllm.predictor import Features, PredictorConfig, build_predictor
from archllm.search.base import Searcher
from archllm.search.candidates import around
from archllm.search.cheap import CheapScores
from archllm.search.domain import Domain
from archllm.search.language import Language
from archllm.search.learned_features import Kind, LearnedFeatures
from archllm.search.observation import Observation
from archllm.search.options import Options
from archllm.search.pareto import best_first, random_weights
from archllm.search.purchase import Purchase
from archllm.search.spread import farthest_first
from archllm.spaces import Architecture
from archllm.training import Schedule

_FEWEST = 200  # candidates that must be left of the generator's draws; else random members of the domain join them
_BASE, _ROUND = 15_485_863, 32_452_843  # keep the seeds of the parts apart


@dataclass(frozen=True)
class SequenceOptions(Options):
    """Options of the search by sequences; every ingredient can be left out."""

    run: str = ""
    """Run folder of a trained generator; without one, a generator is trained when it is first needed."""

    steps: int = 0
    """Optimiser steps of that training, which then sees 1,000 members; 0 stands for what is recommended."""

    start: Literal["large", "spread", "random"] = "large"
    """What is evaluated first, of the generator's draws: very different ones among the `largest`, or among all of them
    (`spread`), or any (`random`)."""

    initial: int = 5
    """How many are evaluated before anything is learned."""

    largest: float = 0.1
    """Share of the draws, by parameters, that `start` `large` chooses from."""

    learn: bool = True
    """Whether the generator learns from scores; otherwise its draws stay what they are."""

    every: int = 10
    """Observations after which it learns anew."""

    labels: Literal["predicted", "observed"] = "predicted"
    """Whether sequences that were not evaluated are replayed with what the predictor expects of them, or untold."""

    teaching: int = 40
    """Optimiser steps of each learning."""

    replay: int = 4_000
    """Draws of the untaught generator: they are replayed, and stay candidates."""

    draws: int = 2_000
    """Draws of the taught generator for each round of candidates."""

    guidance: float = 1.5
    """How strongly the level of performance that is asked for counts."""

    parents: int = 5
    """Best architectures whose neighbours are candidates, too."""

    candidates: Literal["drawn", "all"] = "drawn"
    """Whether the predictor ranks what was drawn, or all members of a domain that can be listed."""

    predictor: Literal["gaussian", "ensemble", "both", "none"] = "gaussian"
    """What ranks the candidates; with `none`, they are evaluated as they are drawn."""

    features: Kind = "embedding+free"
    """What the predictor sees: the tokenizer's embedding, what is free to know, both, or features made by hand."""

    target: Literal["rank", "log_regret", "score"] = "rank"
    """What it predicts of a score."""

    exploration: float = 0.5
    """Weight of the standard deviation in the upper confidence bound, mean + weight x deviation."""

    spread: bool = True
    """Whether pending architectures count as evaluated, with the expected score, so that a batch is spread."""

    cheap: tuple[str, ...] = ()
    """Objectives that cost little, such as `proxy:synflow` or the column of a short training: bought for the most
    promising candidates, and one more feature each. What they cost counts as a cost of the search."""

    shortlist: int = 20
    """Most promising candidates for which they are bought, before each choice."""

    def __post_init__(self) -> None:
        self._text("run")
        self._whole("steps", 0)
        self._choice("start", ("large", "spread", "random"))
        for name in ("initial", "every", "teaching", "draws", "shortlist"):
            self._whole(name, 1, 1_000_000)
        self._whole("replay", 10, 1_000_000)
        self._number("largest", 1e-6, 1)
        self._choice("labels", ("predicted", "observed"))
        self._number("guidance", 0.01, 100)
        self._whole("parents", 0, 1_000)
        self._choice("candidates", ("drawn", "all"))
        self._choice("predictor", ("gaussian", "ensemble", "both", "none"))
        self._choice("features", ("embedding+free", "embedding", "free", "hand"))
        self._choice("target", ("rank", "log_regret", "score"))
        self._number("exploration", 0, 100)
        for name in ("learn", "spread"):
            self._flag(name)
        self._texts("cheap")
        if self.predictor == "none" and self.cheap:
            raise InvalidInput("cheap scores are features of the predictor, and predictor is none")
        if self.predictor == "none" and self.labels == "predicted" and self.learn:
            raise InvalidInput("without a predictor nothing can be predicted; set labels to observed")


class SequenceSearch(Searcher):
    """Lets a generator write candidates, ranks them with a predictor, and teaches the generator what was found.

    It starts with very different ones of the largest architectures that the untaught generator writes. In each round a
    copy of the generator learns from all that was evaluated, and from replayed draws, with a token for the level of
    performance; asked for the highest level, it writes new candidates, which join those of the untaught generator and
    the neighbours of the best. Before each evaluation, the largest upper confidence bound of a predictor on the
    tokenizer's embedding and on what is free to know chooses among them. A closed pool that holds few of the space's
    members is ranked as a whole, as what is written freely is hardly ever in it.

    Several objectives are joined to one by random augmented Chebyshev weights, drawn anew for each choice (Knowles,
    2006, "ParEGO"). Failed evaluations get the worst score seen.
    """

    name = "sequence"

    def __init__(self, domain: Domain, seed: int, objectives: int = 1, options: SequenceOptions | None = None) -> None:
        super().__init__(domain, seed, objectives)
        self.options = options or SequenceOptions()
        self.cheap = CheapScores(domain.space, self.options.cheap)
        self._loaded = Language.load(Path(self.options.run), domain) if self.options.run else None
        self._round: _Round | None = None
        if self._loaded is not None and self.options.learn and self._loaded.prior.config.kind == "marginal":
            raise InvalidInput(
                f"the generator {self.options.run} has a prior of marginals, which can't learn; set learn to false"
            )

    def receipts(self) -> tuple[Purchase, ...]:
        return self.cheap.receipts()

    def _learn(self, observation: Observation) -> None:
        self.cheap.note(observation.bought)

    def _propose(self, rng: np.random.Generator) -> Architecture | None:
        if len(self.known) < self.options.initial or len(self._succeeded) < 2:
            return next((arch for arch in self._design if arch.key not in self.known), None) or self._random(rng)
        candidates = self._candidates()
        left = np.flatnonzero(~np.isin(candidates.keys, np.fromiter(self.known, np.int64, len(self.known))))
        if not len(left):
            return self._random(rng)
        if self.options.predictor == "none":
            row = rng.choice(left) if self._everything else left[0]  # what was listed has no order that says anything
            return self.domain.space.architecture(candidates.graphs[int(row)])
        weights = random_weights(self.objectives, rng) if self.objectives > 1 else np.ones(1)
        known = list(self.known.values())
        scores = self._scores(known, weights)
        bound = self._bound(known, scores, self._places(candidates)[left], self.options.exploration)
        if self.options.cheap:
            return self._bought(known, scores, candidates, left[np.argsort(-bound, kind="stable")])
        return self.domain.space.architecture(candidates.graphs[int(left[bound.argmax()])])

    # --- what is expected ---

    def _bound(
        self,
        known: list[Architecture],
        scores: NDArray[np.float64],
        candidates: Features,
        exploration: float,
        more: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
    ) -> NDArray[np.float64]:
        """Upper confidence bounds of candidates, in the unit of the predictor's target.

        Args:
            known: `n` architectures.
            scores: their scores, not a number while pending.
            candidates: `k` rows of features.
            exploration: weight of the standard deviation.
            more: features of known ones and candidates that are bought, `n x d` and `k x d`.
        """
        places = self._features(concatenate([arch.graph for arch in known]))
        if more is not None:
            places, candidates = places.joined(more[0]), candidates.joined(more[1])
        config = PredictorConfig(kind=self.options.predictor, target=self.options.target)  # type: ignore[arg-type]
        told = np.flatnonzero(~np.isnan(scores))
        seed = self.seed + len(told)
        model = build_predictor(config).fit(places[told], scores[told], seed)
        waiting = np.flatnonzero(np.isnan(scores))
        if len(waiting) and self.options.spread:
            filled = scores.copy()
            filled[waiting] = _as_scores(
                model.predict(places[waiting]).mean, model.predict(places[told]).mean, scores[told]
            )
            model = build_predictor(config).fit(places, filled, seed)
        predicted = model.predict(candidates)
        bound: NDArray[np.float64] = predicted.mean + exploration * predicted.std
        return bound

    def _bought(
        self, known: list[Architecture], scores: NDArray[np.float64], candidates: _Round, best: NDArray[np.int64]
    ) -> Architecture:
        """The best of a short list, by a predictor that knows the cheap scores besides."""
        short = best[: self.options.shortlist]
        graphs = candidates.graphs[short]
        listed = self.domain.space.architectures(graphs)
        more = self.cheap(known), self.cheap(listed)
        scale = np.concatenate(more)
        centre, spread = scale.mean(0), np.maximum(scale.std(0), 1e-9) * np.sqrt(2 * scale.shape[1])
        own, theirs = (((each - centre) / spread).astype(np.float32) for each in more)
        bound = self._bound(known, scores, self._places(candidates)[short], self.options.exploration, (own, theirs))
        return listed[int(bound.argmax())]

    # --- what is proposed ---

    def _candidates(self) -> _Round:
        """What may be asked for until the generator learns again; it depends on the observations so far alone."""
        number = len(self.observations) // self.options.every
        if self._everything:
            number = 0
        if self._round is None or self._round.number != number:
            graphs = self.domain.enumerate() if self._everything else self._written(number)
            self._round = _Round(number, graphs, self.domain.space.keys(graphs))
        return self._round

    @property
    def _everything(self) -> bool:
        return self.domain.scanned and (self.options.candidates == "all" or self.domain.sparse)

    def _places(self, candidates: _Round) -> Features:
        """Features of a round's candidates."""
        if candidates.features is None:
            candidates.features = self._features(candidates.graphs)
        return candidates.features

    def _written(self, number: int) -> Graphs:
        """Candidates of a round: what the taught and the untaught generator write, and neighbours of the best."""
        told = list(self.observations.values())[: number * self.options.every]
        succeeded = [each for each in told if each.values is not None]
        parts = []
        if len(succeeded) >= 2:
            if self.options.learn:
                parts.append(self._inside(self._better(told, number)))
            best = best_first(self._values(succeeded))[: self.options.parents]
            rng = np.random.default_rng([self.seed, number])
            parts.append(around(self.domain, [succeeded[at].architecture for at in best], 0, (), rng))
        parts.append(self._replayed)
        graphs = concatenate([part for part in parts if len(part)])
        return graphs[np.sort(np.unique(self.domain.space.keys(graphs), return_index=True)[1])]

    def _better(self, told: list[Observation], number: int) -> Graphs:
        """What a copy of the generator writes that was taught the observations, asked for the best."""
        options, seed = self.options, self.seed + _ROUND * (number + 1)
        rng = np.random.default_rng([self.seed, number, 1])
        weights = random_weights(self.objectives, rng) if self.objectives > 1 else np.ones(1)
        known = [each.architecture for each in told]
        scores = self._scores(known, weights)
        cells = concatenate([arch.graph for arch in known])
        new = self._replayed[~np.isin(self.domain.space.keys(self._replayed), self.domain.space.keys(cells))]
        cells = concatenate([cells, new])
        if options.labels == "predicted":
            values = self._bound(known, scores, self._features(cells), options.exploration)
        else:
            values = np.concatenate([scores, np.full(len(new), np.nan)])
        schedule = Schedule(options.teaching, min(128, len(cells)), 1e-3, 0.01, warmup=10)
        return self._language.better(cells, values, options.draws, schedule, options.guidance, seed)

    @cached_property
    def _design(self) -> list[Architecture]:
        """What is evaluated first, in order."""
        rng, graphs = np.random.default_rng([self.seed, 2]), self._replayed
        space, options = self.domain.space, self.options
        if options.start == "large" and space.network_config is not None:
            order = np.lexsort((rng.random(len(graphs)), -space.params(graphs)))
            graphs = graphs[order[: max(options.initial, round(options.largest * len(graphs)))]]
        if options.start == "random":
            chosen = rng.permutation(len(graphs))[: options.initial]
        else:
            chosen = farthest_first(self._features(graphs).values, options.initial, rng)
        return space.architectures(graphs[chosen])

    @cached_property
    def _replayed(self) -> Graphs:
        """What the untaught generator writes within the domain; random members besides where that is little."""
        graphs = self._inside(self._language.draw(self.options.replay, self.seed + _BASE))
        if len(graphs) >= _FEWEST:
            return graphs
        rng = np.random.default_rng([self.seed, 3])
        size = self.domain.size
        if size is not None and size <= _FEWEST:
            return self.domain.enumerate()[np.arange(size)]
        more = around(self.domain, (), 2 * _FEWEST, (), rng)
        both = concatenate([part for part in (graphs, more) if len(part)])
        return both[np.sort(np.unique(self.domain.space.keys(both), return_index=True)[1])]

    def _inside(self, graphs: Graphs) -> Graphs:
        return graphs[self.domain.contains(graphs)] if len(graphs) else graphs

    @cached_property
    def _language(self) -> Language:
        return self._loaded or Language.train(self.domain, self.seed, self.options.steps)

    @cached_property
    def _features(self) -> LearnedFeatures:
        return LearnedFeatures(self.domain, self._language.tokenizer, self.options.features)


@dataclass
class _Round:
    """The candidates between two learnings."""

    number: int
    """How often was learned."""

    graphs: Graphs
    """`k` members."""

    keys: NDArray[np.int64]
    """Their keys."""

    features: Features | None = field(default=None)
    """Their features, once they are needed."""


def _as_scores(
    wanted: NDArray[np.float64], predicted: NDArray[np.float64], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Scores that predictions stand for, by what is predicted where scores are known."""
    order = np.argsort(predicted)
    found: NDArray[np.float64] = np.interp(wanted, predicted[order], np.sort(scores))
    return found
