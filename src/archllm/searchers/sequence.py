"""Search by a language of architectures that learns from scores what to write next."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.graphs import Graphs, concatenate
from archllm.objectives.evaluation import Evaluation, LowerFidelity
from archllm.predictor import Features, Prediction, PredictorConfig, build_predictor
from archllm.predictor.computation import computes_nothing
from archllm.predictor.config import Target
from archllm.predictor.equivalence import fewest_params, one_of_each
from archllm.predictor.targets import targets
from archllm.searchers.base import Searcher
from archllm.searchers.candidates import Candidates, around
from archllm.searchers.domain import Domain
from archllm.searchers.language import Language
from archllm.searchers.learned_features import LearnedFeatures
from archllm.searchers.lower_fidelity import LowerFidelityScores
from archllm.searchers.pareto import added_volume, best_first, random_weights
from archllm.searchers.sequence_options import SequenceOptions
from archllm.searchers.spread import farthest_first
from archllm.spaces import Architecture
from archllm.training.loop import Schedule

_FEWEST = 200  # candidates that must be left of the generator's draws; else random members of the domain join them
_BASE, _ROUND = 15_485_863, 32_452_843  # keep the seeds of the parts apart


class SequenceSearch(Searcher):
    """Lets a generator write candidates, ranks them with a predictor, and teaches the generator what was found.

    It starts with very different ones of the largest architectures that the untaught generator writes. In each round a
    copy of the generator learns from all that was evaluated, and from replayed draws, with a token for the level of
    performance; asked for the highest level, it writes new candidates, which join those of the untaught generator and
    the neighbours of the best. Before each evaluation, the largest upper confidence bound of a predictor on the
    tokenizer's embedding and on what is free to know chooses among them. A closed pool that holds few of the space's
    members is ranked as a whole, as what is written freely is hardly ever in it.

    With several objectives, each is predicted by itself, and what would add most to the hypervolume is chosen; what the
    generator learns are objectives joined by random augmented Chebyshev weights (Knowles, 2006, "ParEGO"), drawn anew
    each time. Failed evaluations get the worst score seen.
    """

    name = "sequence"

    def __init__(self, domain: Domain, seed: int, objectives: int = 1, options: SequenceOptions | None = None) -> None:
        super().__init__(domain, seed, objectives)
        self.options = options or SequenceOptions()
        self.cheap = LowerFidelityScores(domain.space, self.options.cheap)
        self._loaded = Language.load(Path(self.options.run), domain) if self.options.run else None
        self._written: tuple[int, Candidates] | None = None  # how often it had learned, and what it wrote then
        if self._loaded is not None and self.options.learn and self._loaded.prior.config.kind == "marginal":
            raise InvalidInput(
                f"the generator {self.options.run} has a prior of marginals, which can't learn; set learn to false"
            )

    def lower_fidelity(self) -> tuple[LowerFidelity, ...]:
        return self.cheap.new()

    def _learn(self, arch: Architecture, evaluation: Evaluation) -> None:
        self.cheap.note(evaluation.lower_fidelity)

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
        known = self._anchored(list(self.known.values()))
        merits = self._merits(known, candidates.features[left], rng)
        if self.options.cheap:
            return self._bought(candidates, left[np.argsort(-merits, kind="stable")], rng)
        return self.domain.space.architecture(candidates.graphs[int(left[merits.argmax()])])

    # --- what is expected ---

    def _anchored(self, known: list[Architecture]) -> list[Architecture]:
        """Known architectures, and one that is worst without being evaluated."""
        anchor = self._anchor
        return known if anchor is None or anchor.key in self.known else [*known, anchor]

    def _scored(self, known: list[Architecture], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores of anchored ones, see `_scores`."""
        anchored = known[-1] is self._anchor
        scores = self._scores(known[:-1] if anchored else known, weights)
        return np.append(scores, np.nextafter(np.nanmin(scores), -np.inf)) if anchored else scores

    def _merits(
        self,
        known: list[Architecture],
        candidates: Features,
        rng: np.random.Generator,
        more: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
    ) -> NDArray[np.float64]:
        """What speaks for each of `k` candidates.

        Its upper confidence bound; with several objectives, the volume that the bounds of all of them would add.

        Args:
            known: `n` anchored architectures.
            candidates: `k` rows of features.
            rng: chooses the directions in which volumes are looked at.
            more: see `_bound`.
        """
        each = [self._scored(known, weights) for weights in np.eye(self.objectives)]
        bounds = [self._bound(known, scores, candidates, self.options.exploration, more) for scores in each]
        if self.objectives == 1:
            return bounds[0]
        told = ~np.isnan(each[0])
        reached = [np.mean([targets(scores[told], kind) for kind in self._kinds], axis=0) for scores in each]
        return added_volume(np.stack(bounds, axis=1), np.stack(reached, axis=1), rng)

    def _bound(
        self,
        known: list[Architecture],
        scores: NDArray[np.float64],
        candidates: Features,
        exploration: float,
        more: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
    ) -> NDArray[np.float64]:
        """Upper confidence bounds of candidates, each the mean of those of all that is predicted of a score.

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
        found = [self._predicted(kind, places, scores, candidates) for kind in self._kinds]
        bound: NDArray[np.float64] = np.mean([each.mean + exploration * each.std for each in found], axis=0)
        return bound

    def _predicted(
        self, kind: Target, places: Features, scores: NDArray[np.float64], candidates: Features
    ) -> Prediction:
        """What is expected of candidates from `n` places with scores, or without one while pending."""
        free, learned = self._features.free, self._features.learned
        config = PredictorConfig(
            kind=self.options.predictor,  # type: ignore[arg-type]
            target=kind,
            linear=free if self.options.trend else (),
            weights=tuple(self.options.trust if free and at in learned else 1.0 for at in range(len(places.blocks))),
        )
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
        return model.predict(candidates)

    @property
    def _kinds(self) -> list[Target]:
        """What is predicted of a score."""
        return self.options.target.split("+")  # type: ignore[return-value]

    def _bought(self, candidates: Candidates, best: NDArray[np.int64], rng: np.random.Generator) -> Architecture:
        """The best of a short list, by a predictor that knows the cheap scores besides; no anchor has such scores."""
        known = list(self.known.values())
        short = best[: self.options.shortlist]
        listed = self.domain.space.architectures(candidates.graphs[short])
        more = self.cheap(known), self.cheap(listed)
        scale = np.concatenate(more)
        centre, spread = scale.mean(0), np.maximum(scale.std(0), 1e-9) * np.sqrt(2 * scale.shape[1])
        own, theirs = (((each - centre) / spread).astype(np.float32) for each in more)
        return listed[int(self._merits(known, candidates.features[short], rng, (own, theirs)).argmax())]

    # --- what is proposed ---

    def _candidates(self) -> Candidates:
        """What may be asked for: what was written when it learned last, and neighbours of the best so far."""
        number = 0 if self._everything else len(self.evaluations) // self.options.every
        if self._written is None or self._written[0] != number:
            graphs = self.domain.enumerate() if self._everything else self._write(number)
            self._written = number, Candidates(graphs, self.domain.space.keys(graphs), self._features)
        written, succeeded = self._written[1], self._succeeded
        if self._everything or not succeeded:
            return written
        best = [succeeded[at] for at in best_first(self._values(succeeded))[: self.options.parents]]
        return written.joined(around(self.domain, best, 0, (), np.random.default_rng(self.seed)), self.domain.space)

    @property
    def _everything(self) -> bool:
        return self.domain.scanned and (self.options.candidates == "all" or self.domain.sparse)

    def _write(self, number: int) -> Graphs:
        """What the generator writes after it learned for the `number`-th time, and what it wrote before it learned."""
        told = list(self.evaluations)[: number * self.options.every]
        parts = [self._replayed]
        if self.options.learn and sum(self.evaluations[arch].values is not None for arch in told) >= 2:
            better = self._inside(self._better(told, number))
            parts = [better, self._replayed] if len(better) else parts
        graphs = concatenate(parts)
        return graphs[np.sort(np.unique(self.domain.space.keys(graphs), return_index=True)[1])]

    def _better(self, told: list[Architecture], number: int) -> Graphs:
        """What a copy of the generator writes that was taught the observations, asked for the best."""
        options, seed = self.options, self.seed + _ROUND * (number + 1)
        rng = np.random.default_rng([self.seed, number, 1])
        weights = random_weights(self.objectives, rng) if self.objectives > 1 else np.ones(1)
        known = self._anchored(told)
        scores = self._scored(known, weights)
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
        space, options = self.domain.space, self.options
        rng, graphs = np.random.default_rng([self.seed, 2]), one_of_each(space, self._replayed)
        if options.start == "large" and self.objectives == 1 and space.networks is not None:
            order = np.lexsort((rng.random(len(graphs)), -fewest_params(space, graphs)))
            graphs = graphs[order[: max(options.initial, round(options.largest * len(graphs)))]]
        if options.start == "random":
            chosen = rng.permutation(len(graphs))[: options.initial]
        else:
            chosen = farthest_first(self._features(graphs).values, options.initial, rng)
        return space.architectures(graphs[chosen])

    @cached_property
    def _anchor(self) -> Architecture | None:
        """A member that computes nothing, if there is one and it says something."""
        space = self.domain.space
        if not (self.options.anchor and self.options.start == "large" and self.objectives == 1 and space.enumerable):
            return None
        graphs = space.enumerate()
        rows = np.flatnonzero(computes_nothing(space, graphs))
        rng = np.random.default_rng([self.seed, 4])
        return space.architecture(graphs[int(rng.choice(rows))]) if len(rows) else None

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


def _as_scores(
    wanted: NDArray[np.float64], predicted: NDArray[np.float64], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Scores that predictions stand for, by what is predicted where scores are known."""
    order = np.argsort(predicted)
    found: NDArray[np.float64] = np.interp(wanted, predicted[order], np.sort(scores))
    return found
