"""Surrogate: what predictors expect of candidates, kept up to date while observations come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from archllm.objectives.evaluation import Evaluation
from archllm.predictor import Features, Prediction, Predictor, PredictorConfig, build_predictor
from archllm.predictor.targets import targets
from archllm.searchers.domain_features import DomainFeatures
from archllm.searchers.pareto import added_volume, scalarised
from archllm.spaces import Architecture

Acquisition = Literal["upper_bound", "thompson"]

_Key = tuple[int, int, int]
"""Numbers of a hypothesis, an objective and a target."""

_PATIENCE = 3  # evaluations that find nothing better, after which what is doubted steps aside for as many
_FIRST = 16  # observations up to which hyperparameters are chosen anew after each, unless more is asked for
_ROUNDING = 1e-5  # of merits, whose scale is that of standardised scores; features are single precision


@dataclass(frozen=True)
class Known:
    """Architectures that were evaluated, in the order in which they were evaluated, then pending ones.

    Example:
        >>> places = Features(np.eye(3, dtype=np.float32), (slice(0, 3),))
        >>> known = Known(places, np.array([[1.0], [-np.inf]]))  # the second failed, the third is pending
        >>> known.evaluated, known.scores(np.ones(1)).tolist()
        (2, [1.0, 1.0])
    """

    features: Features
    """`n` rows: pseudo-observations, evaluated ones, pending ones."""

    values: NDArray[np.float64]
    """`evaluated x objectives` scores, more is better; minus infinity where an evaluation failed."""

    pseudo: int = 0
    """How many of the first rows are pseudo-observations: they count as evaluated."""

    @property
    def evaluated(self) -> int:
        """How many have scores."""
        return len(self.values)

    @property
    def real(self) -> Known:
        """The same without pseudo-observations."""
        return Known(self.features[self.pseudo :], self.values[self.pseudo :]) if self.pseudo else self

    def scores(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """`evaluated` scores, several objectives joined by augmented Chebyshev weights, failed ones the worst."""
        values = np.stack([filled(column) for column in self.values.T], axis=1)
        return values[:, 0] if values.shape[1] == 1 else scalarised(values, weights)


def known_from(
    evaluations: Mapping[Architecture, Evaluation],
    pending: Sequence[Architecture],
    features: DomainFeatures,
    worst: Architecture | None = None,
) -> Known:
    """What is known from evaluations, one of which has values.

    Args:
        evaluations: in the order in which they were evaluated.
        pending: architectures whose evaluation is under way.
        features: of the domain's architectures.
        worst: a pseudo-observation: counts as evaluated, with a score just below all others, unless it is among the
            others.
    """
    found = [each.values for each in evaluations.values()]
    objectives = max(len(each or ()) for each in found)
    values = np.array([each or (-np.inf,) * objectives for each in found], dtype=np.float64)
    order, pseudo = list(evaluations), 0
    if worst is not None and worst not in order and worst not in pending:
        finite = np.where(np.isfinite(values), values, np.inf)
        values = np.concatenate([np.nextafter(finite.min(0), -np.inf)[None], values])
        order.insert(0, worst)
        pseudo = 1
    return Known(features.of([*order, *pending]), values, pseudo)


@dataclass(frozen=True)
class Hypothesis:
    """What might be true of scores, as a way of predicting them.

    Example:
        >>> Hypothesis((PredictorConfig(kind="gaussian", target="score"),), blocks=(0,)).pseudo_observations
        True
    """

    configs: tuple[PredictorConfig, ...]
    """One predictor for each target; all hypotheses of a surrogate have the same targets."""

    blocks: tuple[int, ...] | None = None
    """Blocks of features that it sees; all of them without."""

    pseudo_observations: bool = True
    """Whether pseudo-observations are believed."""

    exploration: float = 1.0
    """Its share of the surrogate's weight of the standard deviation."""

    doubted: bool = False
    """Whether it has to earn its say, as what comes from outside of the search may mislead: every third choice is made
    without it unless it predicts better than all others, by a factor of e in likelihood, and all are if it predicts
    worse by as much. After three evaluations that found nothing better, three are chosen without it, too: what predicts
    most scores well may still be wrong about the best."""

    def seen(self, features: Features) -> Features:
        """The features that it sees."""
        return features if self.blocks is None else features.select(self.blocks)


class _Scanned:
    """Candidates, and how each model follows them from one choice to the next."""

    def __init__(self, features: Features) -> None:
        self.features = features
        self._scans: dict[_Key, tuple[Predictor, Callable[[], Prediction]]] = {}

    def predictions(self, key: _Key, model: Predictor, hypothesis: Hypothesis) -> Prediction:
        """What a model, the one of this key, expects of the candidates."""
        asked, scan = self._scans.get(key, (None, None))
        if scan is None or asked is not model:
            scan = model.scan(hypothesis.seen(self.features))
            self._scans[key] = model, scan
        return scan()


class Surrogate:
    """Models of the objectives, and what they say in favour of candidates.

    Each objective has a predictor for each target, and their bounds are averaged. Where there are several hypotheses,
    each has predictors of its own, and their bounds are averaged with weights that say how well each score is predicted
    from all others: exp(sum of log densities), normalised over the hypotheses (pseudo-BMA, Yao et al., 2018, section
    3.1; the densities are exact here). So what turns out not to hold loses its say. Hyperparameters (for networks:
    weights) come from the first observations only, `growth` times as many each time, so that a search that was resumed
    has the same ones; the observations since then are taken in by `Predictor.condition`. Pending architectures count as
    evaluated, with the expected score (Ginsbourger et al., 2010, "Kriging believer"), which leaves means as they are
    and makes their surroundings less uncertain.

    Args:
        hypotheses: ways of predicting; predictors without leave-one-out densities get equal weights.
        seed: seed of all randomness.
        acquisition: a candidate's merit: its upper confidence bound, or a draw from the predicted distribution.
        exploration: weight of the standard deviation in that bound.
        growth: by how much the number of observations must have grown before hyperparameters are chosen anew; 1 is
            after each.
        believe: whether pending ones count as evaluated.
    """

    def __init__(
        self,
        hypotheses: Sequence[Hypothesis],
        seed: int,
        *,
        acquisition: Acquisition = "upper_bound",
        exploration: float = 1.0,
        growth: float = 1.0,
        believe: bool = True,
    ) -> None:
        self.hypotheses, self.seed, self.acquisition = tuple(hypotheses), seed, acquisition
        self.exploration, self.growth, self.believe = exploration, growth, believe
        self._models: dict[_Key, tuple[int, Predictor]] = {}
        self._scans: list[_Scanned] = []

    def merits(self, known: Known, candidates: Sequence[Features], rng: np.random.Generator) -> NDArray[np.float64]:
        """What speaks for each of `k` candidates.

        With several objectives, the volume that their merits in each would add to what is reached.

        Args:
            known: `n` architectures, two of them with values.
            candidates: `k` rows of features in one part or several; a part that was asked about the last time, the
                same object, is cheaper than a new one.
            rng: of draws, and of the directions in which volumes are measured.
        """
        kept = {id(each.features): each for each in self._scans}
        self._scans = [kept.get(id(part)) or _Scanned(part) for part in candidates]
        objectives = known.values.shape[1]
        merits = [self._merit(known, at, rng) for at in range(objectives)]
        if objectives == 1:
            return merits[0]
        scores = [filled(column) for column in known.values.T]
        kinds = [config.target for config in self.hypotheses[0].configs]
        reached = [np.mean([targets(each, kind) for kind in kinds], axis=0) for each in scores]
        return added_volume(np.stack(merits, axis=1), np.stack(reached, axis=1), rng)

    def _merit(self, known: Known, objective: int, rng: np.random.Generator) -> NDArray[np.float64]:
        merits = []
        fruitless = _fruitless(known.real.values[:, objective])
        for target in range(len(self.hypotheses[0].configs)):
            bounds, evidence = [], []
            for number, hypothesis in enumerate(self.hypotheses):
                seen = known if hypothesis.pseudo_observations else known.real
                key = number, objective, target
                model, densities = self._model(key, hypothesis, seen, seen.values[:, objective])
                evidence.append(None if densities is None else float(densities[seen.pseudo :].sum()))
                found = [part.predictions(key, model, hypothesis) for part in self._scans]
                bounds.append(self._bound(found, self.exploration * hypothesis.exploration, rng))
            merits.append(np.average(bounds, axis=0, weights=self._weights(evidence, len(known.features), fruitless)))
        merit: NDArray[np.float64] = np.mean(merits, axis=0)
        return merit

    def _weights(self, evidence: Sequence[float | None], known: int, fruitless: int) -> NDArray[np.float64]:
        """How much each hypothesis says, at the choice that follows on so many architectures.

        Args:
            evidence: of each hypothesis.
            known: architectures.
            fruitless: how many of the last ones were no better than those before.
        """
        others = [each for each, of in zip(evidence, self.hypotheses, strict=True) if not of.doubted]
        used = np.ones(len(evidence), dtype=np.bool_)
        for at, hypothesis in enumerate(self.hypotheses):
            mine = evidence[at]
            if not hypothesis.doubted or not others:
                continue
            ahead = 0.0 if mine is None or None in others else mine - max(each for each in others if each is not None)
            aside = fruitless // _PATIENCE % 2 == 1
            used[at] = not (aside or ahead < -1 or (ahead < 1 and known % 3 == 2))
        weights = np.zeros(len(evidence))
        weights[used] = _normalised([each for each, kept in zip(evidence, used, strict=True) if kept])
        return weights

    def _bound(self, found: Sequence[Prediction], exploration: float, rng: np.random.Generator) -> NDArray[np.float64]:
        # Upper confidence bound: mean + exploration * std (Srinivas et al., 2010); Thompson: a draw of N(mean, std^2)
        mean, std = (np.concatenate([getattr(each, name) for each in found]) for name in ("mean", "std"))
        return rng.normal(mean, std) if self.acquisition == "thompson" else mean + exploration * std

    def _model(
        self, key: _Key, hypothesis: Hypothesis, known: Known, values: NDArray[np.float64]
    ) -> tuple[Predictor, NDArray[np.float64] | None]:
        """A model of what is known, and the log density of each score given all others."""
        places, evaluated = hypothesis.seen(known.features), len(values)
        fitted, model = self._models.get(key, (0, None))
        chosen = self._chosen(values)
        if model is None:
            model = build_predictor(hypothesis.configs[key[2]])
        if fitted != chosen:
            model.fit(places[:chosen], filled(values[:chosen]), self.seed + chosen)
        scores = filled(values)
        if model.incremental:
            model.condition(places[:evaluated], scores, self.seed)
        self._models[key] = chosen, model
        densities = model.leave_one_out() if len(self.hypotheses) > 1 else None
        if self.believe and len(places) > evaluated:
            there, pending = model.predict(places[:evaluated]).mean, model.predict(places[evaluated:]).mean
            expected = _as_scores(pending, there, scores)
            model.condition(places, np.append(scores, expected), self.seed + evaluated)
            if not model.incremental:
                del self._models[key]
        return model, densities

    def _chosen(self, values: NDArray[np.float64]) -> int:
        """How many of the observations hyperparameters come from."""
        evaluated = len(values)
        chosen = evaluated
        if self.growth > 1 and evaluated > _FIRST:
            steps = np.floor(np.log(evaluated / _FIRST) / np.log(self.growth) + 1e-9)
            chosen = int(_FIRST * self.growth**steps)
        succeeded = np.flatnonzero(np.isfinite(values))
        return max(chosen, int(succeeded[1]) + 1)


def leading(merits: NDArray[np.float64]) -> int:
    """Position of the largest merit; of those that rounding alone tells apart, the first.

    Members that compute the same often have the same features. A model that took in scores one at a time rounds in
    another way than one that was fitted to all of them, and a search that was resumed is to go on as it would have.
    """
    most = float(merits.max())
    least = most - _ROUNDING * max(1.0, abs(most)) if np.isfinite(most) else most
    return int(np.argmax(merits >= least))


def filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores, failed evaluations having the worst one."""
    finite = np.isfinite(values)
    return np.where(finite, values, values[finite].min())


def _as_scores(
    wanted: NDArray[np.float64], predicted: NDArray[np.float64], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Scores that predictions stand for, by what is predicted where scores are known."""
    order = np.argsort(predicted)
    found: NDArray[np.float64] = np.interp(wanted, predicted[order], np.sort(scores))
    return found


def _fruitless(values: NDArray[np.float64]) -> int:
    """How many of the last values are no better than the best before them."""
    return len(values) - 1 - int(values.argmax()) if len(values) else 0


def _normalised(evidence: Sequence[float | None]) -> NDArray[np.float64]:
    """Weights that are proportional to the exponential of the evidence; equal ones where some is not known."""
    known = [each for each in evidence if each is not None]
    if len(known) < len(evidence):
        return np.full(len(evidence), 1 / len(evidence))
    weights = np.exp(np.array(known) - max(known))
    return np.asarray(weights / weights.sum())
