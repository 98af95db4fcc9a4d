"""Search by a generator of architectures that is fine-tuned on the scores of those it proposed."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np

from archllm.config import Settings
from archllm.errors import InvalidInput
from archllm.graphs import Graphs, concatenate
from archllm.objectives.evaluation import Evaluation, LowerFidelity
from archllm.predictor import PredictorConfig
from archllm.predictor.computation import silent_members
from archllm.predictor.equivalence import fewest_params, one_of_each
from archllm.predictor.feature_sets import feature_set
from archllm.predictor.features import FeatureMaker
from archllm.searchers.base import Searcher
from archllm.searchers.candidates import Candidates, around, farthest_first
from archllm.searchers.domain import Domain
from archllm.searchers.domain_features import DomainFeatures
from archllm.searchers.fine_tuning import SearchGenerator
from archllm.searchers.lower_fidelity import LowerFidelityScores
from archllm.searchers.pareto import best_first, random_weights
from archllm.searchers.restarts import Progress, Restarts
from archllm.searchers.sequence_options import SequenceOptions
from archllm.searchers.surrogate import Hypothesis, Known, Surrogate, known_from, leading
from archllm.searchers.transfer import HedgedDesign, informed, prior_knowledge
from archllm.spaces import Architecture
from archllm.training.loop import Schedule

FEWEST_CANDIDATES = 200  # that must be left of the generator's draws; else random members of the domain join them
_MAKERS = {
    "embedding+free": ("tokenizer", "free"),
    "embedding": ("tokenizer",),
    "free": ("free",),
    "hand": ("one_hot", "path", "slot_values", "free"),
    "all": ("tokenizer", "one_hot", "path", "slot_values", "free", "written"),
}
"""Makers of each set of features."""

_BASE, _ROUND = 15_485_863, 32_452_843  # keep the seeds of the parts apart


class SequenceSearch(Searcher):
    """Samples candidates from a generator, ranks them with a predictor, and fine-tunes the generator on scores.

    It starts with very different ones of the largest architectures among the pretrained generator's draws. In each
    round a copy of the generator is fine-tuned on all that was evaluated, and on replayed draws, conditioned on a bin
    of performance; conditioned on the highest bin, it samples new candidates, which join those of the pretrained
    generator and the neighbours of the best. Before each evaluation, the largest upper confidence bound of a predictor
    chooses among them. A small domain is ranked as a whole, and so is a closed pool that holds few of the space's
    members, as free draws are hardly ever in it.

    The predictor first assumes that scores follow size: it sees the tokenizer's embedding and training-free features,
    and a member that computes nothing counts as the worst. When that has not improved on the best for a few
    evaluations, one that sees all features and assumes nothing takes over, until it does not improve on the best for as
    long, and so on by turns (win-stay, lose-shift: Robbins, 1952). So what does not hold costs a few evaluations, and
    what holds is used at once.

    Where neighbours of the best are candidates and nothing better is found for longer, the search begins anew: some of
    the generator's draws are evaluated next, and then neighbours of the best since.

    With several objectives, each is predicted by itself, and what would add most to the hypervolume is chosen; the
    generator is fine-tuned on objectives joined by random augmented Chebyshev weights (Knowles, 2006, "ParEGO"), drawn
    anew each time. Failed evaluations get the worst score seen.
    """

    name = "sequence"
    options_class = SequenceOptions
    uses_sources = True
    options: SequenceOptions

    def __init__(self, domain: Domain, seed: int, objectives: int = 1, options: Settings | None = None) -> None:
        super().__init__(domain, seed, objectives, options)
        self.lower = LowerFidelityScores(domain.space, self.options.lower_fidelity, domain.network)
        self._loaded = SearchGenerator.load(Path(self.options.run), domain) if self.options.run else None
        self._drawn: tuple[int, list[Candidates]] | None = None  # the round of fine-tuning, and what was drawn by then
        self._progress = Progress()  # its fruitless evaluations are also counted from when another hypothesis took over
        self._restarts = Restarts(self.options.restart, self._initial)
        self._turns = [0]  # after none, one, two ... evaluations: how often another hypothesis has taken over
        if self.options.prior == "shipped":
            self.use(prior_knowledge(domain.space))
        if self._loaded is not None and self.options.learn and self._loaded.prior.config.kind == "marginal":
            raise InvalidInput(
                f"the generator {self.options.run} has a prior of marginals, which can't learn; set learn to false"
            )

    def lower_fidelity(self) -> tuple[LowerFidelity, ...]:
        return self.lower.new()

    def _learn(self, arch: Architecture, evaluation: Evaluation) -> None:
        self.lower.note(evaluation.lower_fidelity)
        self._restarts.learn(evaluation.values, len(self.known))
        self._progress.add(evaluation.values)
        turns = self._turns[-1]
        if len(self._turns) <= self._initial:  # the design is not for improving on itself
            self._progress.fruitless = 0
        if self._progress.fruitless == self.options.patience:
            self._progress.fruitless, turns = 0, turns + 1
        self._turns.append(turns)

    def _propose(self, rng: np.random.Generator) -> Architecture | None:
        if len(self.known) < self._initial or len(self._succeeded) < 2:
            return self._designed or self._random(rng)
        parts = self._candidates()
        graphs, keys = concatenate([part.graphs for part in parts]), np.concatenate([part.keys for part in parts])
        first = np.sort(np.unique(keys, return_index=True)[1]) if len(parts) > 1 else np.arange(len(keys))
        left = first[~np.isin(keys[first], np.fromiter(self.known, np.int64, len(self.known)))]
        if not len(left):
            return self._random(rng)
        if self.options.predictor == "none":
            row = rng.choice(left) if self._everything else left[0]  # an enumeration has no order that says anything
            return self.domain.space.architecture(graphs[int(row)])
        known = known_from(self.evaluations, self._pending, self._features, self._worst)
        surrogate = self._surrogates[self._leading(len(self.evaluations))]
        merits = surrogate.merits(known, [part.features for part in parts], rng)[left]
        if self.options.lower_fidelity:
            best = left[np.argsort(-merits, kind="stable")[: self.options.shortlist]]
            return self._best_of(self.domain.space.architectures(graphs[best]), rng)
        return self.domain.space.architecture(graphs[int(left[leading(merits)])])

    # --- what is expected ---

    @cached_property
    def _surrogates(self) -> list[Surrogate]:
        """A predictor of scores for each hypothesis, kept up to date from one choice to the next."""
        return [self._predictor(number) for number in range(len(self._hypotheses()))]

    def _leading(self, evaluated: int) -> int:
        """Number of the hypothesis whose predictor chooses after so many evaluations."""
        return self._turns[evaluated] % len(self._hypotheses())

    def _predictor(self, number: int, more: int = 0) -> Surrogate:
        """A predictor by one of the hypotheses, which sees so many blocks behind the domain's features, too.

        What is known of other tasks is a hypothesis beside it, whose weight is how well it predicts.
        """
        options, found = self.options, [self._hypotheses(more)[number]]
        if known := self._features.blocks("knowledge"):
            own = self._features.blocks(*_MAKERS["hand"])
            found.append(informed(self._configs(own, trend=False), own, known))
        return Surrogate(
            found,
            self.seed,
            exploration=options.exploration,
            growth=options.refit,
            believe=options.spread,
        )

    def _hypotheses(self, more: int = 0) -> list[Hypothesis]:
        """What may be true of scores: that they follow size, and that similar structure scores alike."""
        others, trend = range(self._features.count, self._features.count + more), self.options.trend
        size, every = ((*self._features.blocks(*each), *others) for each in (self._of_size, _MAKERS["all"]))
        found = [Hypothesis(self._configs(size, trend=trend), size)]
        if self._assumed != "size":
            found.append(Hypothesis(self._configs(every, trend=trend), every, pseudo_observations=False))
        return found[1:] if self._assumed == "structure" else found

    @property
    def _assumed(self) -> str:
        """The hypotheses, by name."""
        sizeless = self._sizeless and self.options.hypotheses == "size+structure"
        return "structure" if sizeless else self.options.hypotheses

    def _configs(self, blocks: tuple[int, ...], *, trend: bool) -> tuple[PredictorConfig, ...]:
        """A predictor from these blocks of features for each target."""
        options = self.options
        free, embedded = self._features.blocks("free"), self._features.blocks("tokenizer")
        small = bool(set(free) & set(blocks))
        weights = tuple(options.kernel_weight if small and block in embedded else 1.0 for block in blocks)
        linear = tuple(at for at, block in enumerate(blocks) if block in free) if trend else ()
        return tuple(
            PredictorConfig(kind=options.predictor, target=target, linear=linear, weights=weights)  # type: ignore[arg-type]
            for target in options.target.split("+")
        )

    def _best_of(self, shortlist: list[Architecture], rng: np.random.Generator) -> Architecture:
        """The best of the most promising ones, by a predictor that sees lower-fidelity scores, too.

        The pseudo-observation is left out, as it has no such scores.
        """
        known = known_from(self.evaluations, self._pending, self._features)
        own = self.lower([*self.evaluations, *self._pending])
        theirs = self.lower(shortlist)
        both = np.concatenate([own, theirs])
        centre, spread = both.mean(0), np.maximum(both.std(0), 1e-9) * np.sqrt(2 * both.shape[1])
        own, theirs = (((each - centre) / spread).astype(np.float32) for each in (own, theirs))
        known = Known(known.features.joined(own), known.values)
        asked = self._features.of(shortlist).joined(theirs)
        surrogate = self._predictor(self._leading(len(self.evaluations)), more=1)
        return shortlist[leading(surrogate.merits(known, [asked], rng))]

    # --- what is proposed ---

    def _candidates(self) -> list[Candidates]:
        """What may be asked for: draws of the last round and of the pretrained generator, neighbours of the best.

        A member that was drawn in both ways is in both. What doesn't change from one choice to the next is the same
        object, so its features and what predictors keep of it are made once.
        """
        number = 0 if self._everything else len(self.evaluations) // self.options.every
        if self._drawn is None or self._drawn[0] != number:
            self._drawn = number, self._draw(number)
        drawn, climbing = self._drawn[1], self._restarts.since(self.known, self.evaluations)
        if self._everything or len(climbing) < (self.options.initial if self._restarts.began else 1):
            return drawn
        best = [climbing[at] for at in best_first(self._values(climbing))[: self.options.parents]]
        graphs = around(self.domain, best, 0, (), np.random.default_rng(self.seed))
        near = self._as_candidates(graphs).without(drawn) if len(graphs) else None
        return drawn if near is None else [*drawn, near]

    def _as_candidates(self, graphs: Graphs) -> Candidates:
        return Candidates.of(graphs, self.domain.space, self._features)

    @property
    def _everything(self) -> bool:
        return self.domain.scanned and (self.options.candidates == "all" or self.domain.sparse)

    def _draw(self, number: int) -> list[Candidates]:
        """Draws of the generator after the `number`-th fine-tuning, and those of the pretrained one."""
        if self._everything:
            return [self._as_candidates(self.domain.enumerate())]
        told = dict(islice(self.evaluations.items(), number * self.options.every))
        if self.options.learn and sum(each.values is not None for each in told.values()) >= 2:
            better = self._inside(self._fine_tuned_draws(told, number))
            if len(better):
                return [self._as_candidates(better), self._pretrained]
        return [self._pretrained]

    def _fine_tuned_draws(self, told: dict[Architecture, Evaluation], number: int) -> Graphs:
        """Draws, conditioned on the highest bin, of a copy of the generator that was fine-tuned on evaluations."""
        options, seed = self.options, self.seed + _ROUND * (number + 1)
        rng = np.random.default_rng([self.seed, number, 1])
        weights = random_weights(self.objectives, rng) if self.objectives > 1 else np.ones(1)
        known = known_from(told, (), self._features, self._worst)
        scores = known.scores(weights)
        cells = [arch.graph for arch in told]
        if len(scores) > len(told) and self._worst is not None:
            cells.insert(0, self._worst.graph)
        labelled, replayed = concatenate(cells), self._pretrained
        new = ~np.isin(replayed.keys, self.domain.space.keys(labelled))
        both = concatenate([labelled, replayed.graphs[new]])
        if options.labels == "predicted":
            joined = Known(known.features, scores[:, None], known.pseudo)
            asked = [known.features, replayed.features[new]]
            values = self._predictor(self._leading(len(told))).merits(joined, asked, rng)
        else:
            values = np.concatenate([scores, np.full(int(new.sum()), np.nan)])
        schedule = Schedule(options.fine_tuning_steps, min(128, len(both)), 1e-3, 0.01, warmup=10)
        return self._generator.sample_fine_tuned(both, values, options.draws, schedule, options.guidance, seed)

    @property
    def _designed(self) -> Architecture | None:
        """What of the initial design is evaluated next; nothing where all of it was."""
        if self._hedged is not None:
            return self._hedged.next(self.evaluations, self.known)
        return next((arch for arch in self._design if arch.key not in self.known), None)

    @cached_property
    def _hedged(self) -> HedgedDesign | None:
        """The design with the sources' best in it, where something is known from other tasks."""
        if self.knowledge is None:
            return None
        rng = np.random.default_rng([self.seed, 5])
        return HedgedDesign(self.domain, self.knowledge, self._design, self._initial, rng)

    @cached_property
    def _design(self) -> list[Architecture]:
        """What is evaluated first without knowledge, in order."""
        space, options = self.domain.space, self.options
        rng, graphs = np.random.default_rng([self.seed, 2]), one_of_each(space, self._pretrained_draws)
        if options.initial_design == "random" or (self._sizeless and options.initial_design == "large"):
            design = space.architectures(graphs[rng.permutation(len(graphs))[: self._initial]])
        else:
            points = self._features(graphs).select(self._features.blocks(*self._of_size)).values
            pool = np.arange(len(graphs))
            if options.initial_design == "large":
                order = np.lexsort((rng.random(len(graphs)), -fewest_params(space, graphs)))
                pool = order[: max(options.initial, round(options.largest * len(graphs)))]
            design = space.architectures(graphs[pool[farthest_first(points[pool], self._initial, rng)]])
        return design

    @property
    def _initial(self) -> int:
        """How many are evaluated before a predictor is asked: more where nothing is assumed that would guide it."""
        return 2 * self.options.initial if self._sizeless else self.options.initial

    @property
    def _sizeless(self) -> bool:
        """Whether size says nothing: there are no networks, or it is paid for."""
        return self.domain.space.networks is None or self.objectives > 1

    @property
    def _of_size(self) -> tuple[str, ...]:
        """Makers of the features that were chosen."""
        return _MAKERS[self.options.features]

    @cached_property
    def _worst(self) -> Architecture | None:
        """The pseudo-observation: a member that computes nothing, if there is one and it says something."""
        space = self.domain.space
        options, believed = self.options, self._assumed != "structure" and not self._sizeless
        if not (believed and options.pseudo_observation and options.initial_design == "large" and space.enumerable):
            return None
        silent = silent_members(space)
        rng = np.random.default_rng([self.seed, 4])
        return space.architecture(silent[int(rng.integers(len(silent)))]) if len(silent) else None

    @cached_property
    def _pretrained_draws(self) -> Graphs:
        """Draws of the pretrained generator within the domain; random members besides where these are few."""
        graphs = self._inside(self._generator.sample(self.options.replay, self.seed + _BASE))
        if len(graphs) >= FEWEST_CANDIDATES:
            return graphs
        rng = np.random.default_rng([self.seed, 3])
        size = self.domain.size
        if size is not None and size <= FEWEST_CANDIDATES:
            return self.domain.enumerate()[np.arange(size)]
        more = around(self.domain, (), 2 * FEWEST_CANDIDATES, (), rng)
        both = concatenate([part for part in (graphs, more) if len(part)])
        return both[np.sort(np.unique(self.domain.space.keys(both), return_index=True)[1])]

    @cached_property
    def _pretrained(self) -> Candidates:
        """The same as candidates."""
        return self._as_candidates(self._pretrained_draws)

    def _inside(self, graphs: Graphs) -> Graphs:
        return graphs[self.domain.contains(graphs)] if len(graphs) else graphs

    @cached_property
    def _generator(self) -> SearchGenerator:
        return self._loaded or SearchGenerator.train(self.domain, self.seed, self.options.steps)

    @cached_property
    def _features(self) -> DomainFeatures:
        space, options = self.domain.space, self.options

        def makers(reference: Graphs) -> list[FeatureMaker]:
            found = feature_set(options.features, space, reference, self._generator.tokenizer)
            if self._assumed != "size":
                known = {maker.name for maker in found}
                every = feature_set("all", space, reference, self._generator.tokenizer)
                found += [maker for maker in every if maker.name not in known]
            elif self.knowledge is not None:
                known = {maker.name for maker in found}
                found += [maker for maker in feature_set("hand", space, reference) if maker.name not in known]
            return found if self.knowledge is None else [*found, self.knowledge.maker]

        return DomainFeatures(self.domain, makers)
