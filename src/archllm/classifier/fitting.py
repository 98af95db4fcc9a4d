"""Fitting: from labelled images to a trained network, phase by phase, each of which can be gone on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from archllm.classifier.config import FitRequest, recipe
from archllm.classifier.designs import all_designs, known_designs
from archllm.classifier.fitted import Finalist, Fitted
from archllm.classifier.folder import STORE, STUDY, FitFolder
from archllm.classifier.front import measured_front, worth_measuring
from archllm.classifier.informed import informed_searcher
from archllm.classifier.judging import Judged
from archllm.classifier.known import Known, train_known
from archllm.classifier.latency import FileLatency
from archllm.classifier.limits import Limits
from archllm.classifier.members import met
from archllm.classifier.plan import Plan
from archllm.classifier.planning import check_time, new_plan
from archllm.classifier.raw import as_bytes, batches, bytes_statistics, deployed, other_sizes, timed
from archllm.classifier.rounds import Finalists, Rounds
from archllm.classifier.scale import image_sizes, scales_of
from archllm.classifier.timed import TimedTraining
from archllm.classifier.timetable import Clock, Timetable
from archllm.errors import ArchLLMError, EvaluationFailed, RunFolderError
from archllm.objectives.identity import Identity
from archllm.objectives.images import Summary, summarise
from archllm.objectives.train import TrainObjective
from archllm.searchers.domain import Domain
from archllm.spaces.registry import load_space
from archllm.study.kept_space import kept_of
from archllm.study.loop import LoopOptions, run_search
from archllm.study.result import Result, result
from archllm.study.store import Study, open_store
from archllm.training.progress import Event, Listener

if TYPE_CHECKING:
    from archllm.networks.export.deploying import Deployment
    from archllm.networks.latency import Timing

MOST_TRIALS = 100_000

VERIFIED = 256
"""Test images on which files are compared with the network; all of them are what accuracy is measured on."""

KNOWN_SHARE = 0.15
"""Share of the search's time in which known small networks are trained as shortly, for comparison."""

LEAST_LEFT = 0.3
"""Share of the time for search and full training that must be left for known networks to be trained at all."""

LEAST_SEARCH = 0.5
"""Share of the search's time that is for trainings, however long it takes to prepare them."""

Say = Callable[[str], None]
"""Takes a line for the user."""


class Fitting:
    """One fit: `run` goes through the phases that are not done yet.

    Args:
        request: what is asked for.
        folder: the run folder; what it holds is gone on with.
        say: takes what was found and what will be done.
        listener: is told how far it is.
        clock: what time it is.
        began: when the whole began, by this clock; by default now.
    """

    def __init__(
        self,
        request: FitRequest,
        folder: FitFolder,
        say: Say,
        listener: Listener | None,
        clock: Clock,
        began: float | None = None,
    ) -> None:
        self.request, self.folder, self.say, self.listener, self.clock = request, folder, say, listener, clock
        self.space = load_space(request.space)
        scales_of(self.space)  # another space is refused before anything is read
        self.networks = self.space.require_networks()
        self.limits: Limits = request.limits
        spent = float(folder.record["spent"]) + (0.0 if began is None else clock() - began)
        self.times = Timetable(60 * request.minutes, spent, clock)
        self.seconds: dict[str, float] = dict(folder.get("seconds") or {})

    def run(self) -> Fitted:
        """All phases; an interruption at any time leaves a folder to go on with.

        Raises:
            ArchLLMError: something can't be used, or can't be done in the time.
        """
        try:
            with self._phase("look"):
                objective, summary = self._look()
                plan = self._plan(objective)
                final = self._final(objective, plan)
            with self._phase("search"):
                trials = self._search(final, plan)
            with self._phase("training"):
                rounds = Rounds(self.request, self.folder, self.times, final, plan, self.say, self._tell)
                finalists = rounds.run(trials)
            with self._phase("end"):
                found = self._end(final, summary, plan, trials, finalists)
        except (ArchLLMError, KeyboardInterrupt):
            self._keep_time()
            raise
        return found

    # Looking and planning

    def _look(self) -> tuple[TrainObjective, Summary]:
        """The objective of full trainings, with the images read, and what they are."""
        plan = self.folder.get("plan")
        if plan is None:
            check_time(self.request, self.times)
        size = Plan.from_json(plan).scale.image_size if plan else self.request.image_size
        objective = self._objective(size)
        summary = summarise(objective.images)
        for line in summary.lines():
            self.say(line)
        if plan is None and size is None:
            _, height, width = summary.shape
            size = image_sizes(height, width)[0]
            if (height, width) != (size, size):
                objective = self._objective(size)
        return objective, summary

    def _objective(self, size: int | None) -> TrainObjective:
        return TrainObjective(self.space, self.request.data, recipe(size), self.request.seed)

    def _plan(self, objective: TrainObjective) -> Plan:
        split = objective.split
        train, valid, test = (f"{len(labels):,}" for labels in (split.train_y, split.valid_y, split.test_y))
        self.say(f"images are split: {train} to train on, {valid} to choose by, {test} for the test")
        stored = self.folder.get("plan")
        if stored is not None:
            plan = Plan.from_json(stored)
            self.times.reserve = plan.reserve
            return plan
        return new_plan(self.request, self.space, objective, self.times, self.say)

    def _final(self, objective: TrainObjective, plan: Plan) -> TrainObjective:
        """The objective of full trainings under a plan, which a fit that goes on has to have been begun with.

        Raises:
            RunFolderError: it was begun with other images.
        """
        scale = plan.scale
        config = replace(objective.config, image_size=scale.image_size, network=dict(scale.network))
        final = objective.with_training(config)
        begun = self.folder.get("identity")
        if begun is None:
            self.folder.note(plan=plan.to_json(), identity=final.identity.to_json())
            return final
        differences = Identity.from_json(begun).differences(final.identity)
        if differences:
            raise RunFolderError(
                f"{self.folder.path} was begun with other images or settings: {'; '.join(differences)}; begin a new fit"
            )
        return final

    # Searching

    def _search(self, final: TrainObjective, plan: Plan) -> Result:
        """The short trainings."""
        begins, ends, opened = self.times.elapsed, self.times.search_ends(), self.times.open
        goal = TimedTraining(final, plan.short, self.clock)
        setting = goal.network_setting
        limit = self.limits.latency
        latency = None
        if limit is not None:
            latency = FileLatency(self.space, setting, limit, plan.overhead, all_designs(self.space))
        predict = None if latency is None else latency.predicted
        allowed = met(self.limits, self.space, setting, predict) if self.limits else None
        domain = Domain(self.space, None, allowed)
        searcher = informed_searcher(plan.method, domain, self.request.seed)
        with open_store(self.folder.path / STORE) as store:
            if STUDY not in {study.name for study in store.studies()}:
                about = Study(
                    STUDY,
                    self.space.name,
                    (goal.spec,),
                    (goal.direction,),
                    plan.method,
                    self.request.seed,
                    {"limits": asdict(self.limits)} | kept_of(self.space),
                    vars(setting),
                    (goal.identity,),
                )
                store.create(about)
                if plan.method != "random":  # which is there to be compared with
                    designs = known_designs(self.space, setting, self.limits, latency)
                    self.folder.note(favourite=designs[0].text if designs else None)
                    store.add(STUDY, designs, MOST_TRIALS)
            if self.folder.get("searched"):
                return result(store, STUDY)
            # What prepares a search (costs of layers here, counts of members) is a part of its time, so that it doesn't
            # shorten the full training; a part of that time is left for trainings in any case.
            ends = max(ends, self.times.elapsed + LEAST_SEARCH * (ends - begins))
            known_seconds = KNOWN_SHARE * (ends - self.times.elapsed)
            ends -= known_seconds
            loop = LoopOptions(
                budget=min(MOST_TRIALS, domain.size or MOST_TRIALS),
                stop=lambda: self.times.elapsed >= ends,
                listener=lambda event: self._tell("search", begins, ends, event.metrics),
            )
            found = run_search(searcher, [goal], store, STUDY, loop)
        if found.best is None or found.best.values is None:
            reasons = [trial.evaluation.failure for trial in found.trials if trial.evaluation.failure]
            why = f"; the last reason: {reasons[-1]}" if reasons else ""
            raise EvaluationFailed(f"none of {found.queries} short trainings gave a score{why}")
        late = self.times.open < LEAST_LEFT * opened
        known = [] if late else train_known(goal, known_seconds)
        self.folder.note(searched=True, known=[each.to_json() for each in known])
        trainings = "1 short training" if found.queries == 1 else f"{found.queries} short trainings"
        self.say(f"search: {trainings}, the best reaches {found.best.values[0]:.1f} % on the images to choose by")
        return found

    # The end

    def _end(self, final: TrainObjective, summary: Summary, plan: Plan, trials: Result, trained: Finalists) -> Fitted:
        """Tests the chosen network by its file, writes the files."""
        from archllm.networks.export.deployed import DeployedModel
        from archllm.networks.export.deploying import FILES

        begins = self.times.elapsed
        images, labels = as_bytes(final, final.split.test_x), final.split.test_y
        chosen, deployment, timing = self._choose(final, [*trained.fully, *trained.earlier])
        if chosen not in trained.fully:
            self.say("the network that is taken was trained in an earlier round only")
        finalists = [chosen, *(each for each in trained.fully if each is not chosen)]
        self._tell("files", begins, self.times.seconds, {})
        probabilities = np.concatenate([deployment.probabilities(part) for part in batches(images)])
        judged = Judged(labels, probabilities)
        about = self._about(summary, plan, chosen, judged, timing)
        verified = [images[:VERIFIED], *other_sizes(images)]
        files = tuple(deployment.write(self.folder.path, to, about, verified) for to in (*FILES, *self.request.also))
        known = tuple(Known(**each) for each in self.folder.get("known") or ())
        told = [each.arch.text for each in finalists]
        milliseconds = measured_front(final, worth_measuring(trials, told), known)
        model = DeployedModel(self.folder.path / FILES["onnx"])
        by_file = np.concatenate([model.probabilities(part) for part in batches(images)])
        return Fitted(
            self.request,
            self.folder.path,
            summary,
            plan,
            trials,
            tuple(finalists),
            tuple(each for each in trained.earlier if each is not chosen),
            Judged(labels, by_file),
            images,
            timing,
            files,
            known,
            self.seconds,
            milliseconds,
        )

    def _choose(self, final: TrainObjective, finalists: Sequence[Finalist]) -> tuple[Finalist, Deployment, Timing]:
        """The best by validation whose file keeps to the limits, measured again."""
        slow: list[float] = []
        for each in finalists:
            blueprint = self.networks.blueprint(each.arch.graph, final.network_setting)
            deployment = deployed(blueprint, each.trained.network, *bytes_statistics(final))
            timing = timed(deployment, self.limits.latency)
            if not self.limits.broken(each.params, each.macs, timing.ms):
                return each, deployment, timing
            slow.append(timing.ms)
            self.say(f"a network takes {timing.ms:.3g} ms, more than {self.limits.latency:g} ms: the next one is taken")
        raise EvaluationFailed(
            f"no trained network keeps to {self.limits}: the fastest takes {min(slow):.3g} ms now; the machine may be "
            "busier than it was; go on with --resume"
        )

    def _about(self, summary: Summary, plan: Plan, chosen: Finalist, judged: Judged, timing: Timing) -> dict[str, Any]:
        """What stands in the files beside the network."""
        low, high = judged.interval
        return {
            "classes": list(summary.classes),
            "channels": summary.shape[0],
            "image_size": plan.scale.image_size,
            "input": "images: bytes n x height x width x channels, any height and width",
            "output": "probabilities: n x classes",
            "white": 255.0 if summary.reading is None else summary.reading.white,
            "test_accuracy": round(judged.accuracy, 3),
            "test_interval": [round(low, 3), round(high, 3)],
            "test_images": len(judged.labels),
            "params": chosen.params,
            "macs": chosen.macs,
            "latency_ms": round(timing.ms, 4),
            "space": self.space.name,
            "architecture": chosen.arch.text,
            "seed": self.request.seed,
        }

    def _tell(self, stage: str, begins: float, ends: float, metrics: Mapping[str, float]) -> None:
        """Says how far a phase is, in seconds, and how much time is left of the whole."""
        self._keep_time(phase=stage, best=metrics.get("best"))
        if self.listener is not None:
            length = max(1, round(ends - begins))
            done = min(length, max(0, round(self.times.elapsed - begins)))
            figures = {**metrics, "left": max(0.0, self.times.left)}
            self.listener(Event(stage, done, length, figures, unit="s"))

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        """Adds the time of a block to that of a phase."""
        begun = self.times.elapsed
        self._keep_time(phase=name, best=None)
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + self.times.elapsed - begun

    def _keep_time(self, **now: str | float | None) -> None:
        """Notes the time that was spent, and what is under way, for whoever watches the folder."""
        self.folder.note(spent=self.times.elapsed, seconds=self.seconds, now=now)
