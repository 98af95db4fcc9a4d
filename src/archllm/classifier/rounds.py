"""Rounds: some networks of the search are trained longer, the better half of these again, the best to the end.

What learns fast in a short training need not be the best in the end: larger networks catch up late. So those go on
that no other one beats in both, accuracy and size, and longer trainings tell them apart, as successive halving does
(Jamieson and Talwalkar, 2016). Each round has a learning rate of its own that comes down to zero, or accuracies would
tell nothing, and begins with the weights of the one before (warm restarts: Loshchilov and Hutter, 2017), so that little
is lost. One network is known beforehand to catch up in long trainings and to look bad in short ones: the first known
design of a space, where it keeps to the limits, is the favourite, and only the last comparison may leave it behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from archllm.classifier.config import FitRequest
from archllm.classifier.fitted import Finalist
from archllm.classifier.folder import CHECKPOINTS, FitFolder
from archllm.classifier.plan import SHARES, Network, Plan, within
from archllm.classifier.raw import bytes_statistics, deployed, timed
from archllm.classifier.timetable import Timetable
from archllm.errors import EvaluationFailed
from archllm.files import make_folder
from archllm.objectives.train import TrainObjective, running_out_of_memory
from archllm.searchers.pareto import non_dominated
from archllm.spaces import Architecture
from archllm.study.result import Result
from archllm.study.store import Trial

MEASURED_AT_ONCE = 8
"""Networks that are measured in turns before it is known whether more have to be."""

IN_REACH = 0.8
"""Share of the best accuracy of the search below which no network is expected to catch up."""

PhaseListener = Callable[[str, float, float, Mapping[str, float]], None]
"""Is told a phase, when it began, when it is to end, and figures."""


@dataclass(frozen=True, eq=False)
class Finalists:
    """Networks that were trained, each sequence with the best by validation accuracy first."""

    fully: Sequence[Finalist]
    """Those of the last round, one at least; one whose last training failed is what it was before."""

    earlier: Sequence[Finalist]
    """Those that were left behind: what there is, should no file of the others keep to the limits in the end."""


class Rounds:
    """The trainings after a search.

    Args:
        request: what is asked for.
        folder: the run folder; what it holds is gone on with.
        times: what time there is.
        final: the objective of full trainings.
        plan: how many networks are trained how long.
        say: takes what was found.
        tell: is told how far it is.
    """

    def __init__(
        self,
        request: FitRequest,
        folder: FitFolder,
        times: Timetable,
        final: TrainObjective,
        plan: Plan,
        say: Callable[[str], None],
        tell: PhaseListener,
    ) -> None:
        self.limits, self.seed, self.folder, self.times = request.limits, request.seed, folder, times
        self.final, self.plan, self.say, self.tell = final, plan, say, tell
        self.networks = final.space.require_networks()
        favourite = folder.get("favourite")
        self._favourite = None if favourite is None else final.space.parse(favourite)
        self._begins = times.elapsed
        self._best = 0.0
        make_folder(folder.path / CHECKPOINTS)

    def run(self, trials: Result) -> Finalists:
        """Trains what promises most, longer and longer, until one or a few are left.

        Raises:
            EvaluationFailed: no training gave a network, or none of the best keeps to the limit on latency.
        """
        shares, last = SHARES[len(self.plan.rounds)], len(self.plan.rounds)
        going: list[Finalist] = []
        left_behind: list[Finalist] = []
        chosen = self._entrants(trials)
        for number, (count, share) in enumerate(zip(self.plan.rounds, shares, strict=True), start=1):
            open_ = max(0.0, self.times.training_ends() - self.times.elapsed)
            ends = self.times.elapsed + open_ * share / sum(shares[number - 1 :])
            begun: dict[Architecture, Finalist] = {}
            if number > 1:
                going, left_behind = self._parted(going, left_behind, count, last=number == last)
                begun = {each.arch: each for each in going}
                chosen = [*begun]
            named = f"round {number} of {last}, network" if last > 1 else "finalist"
            going = self._trained(chosen, ends, number, named, begun)
            tried = set(chosen)  # where all of these fail, the next of the search have their turn
            while not going and number == 1 and self.times.elapsed < ends and (chosen := self._entrants(trials, tried)):
                tried |= set(chosen)
                going = self._trained(chosen, ends, number, named, begun)
            if not going:
                raise EvaluationFailed("none of the trainings after the search gave a network; the reasons stand above")
        return Finalists(going, sorted(left_behind, key=_rank))

    def _parted(
        self, going: list[Finalist], left_behind: list[Finalist], count: int, last: bool
    ) -> tuple[list[Finalist], list[Finalist]]:
        """Those that go on to the next round, and those that are left behind.

        Where latency is limited, files are measured before the last round, and one of those that go on leaves a margin
        if any does; one that was left behind before comes back where no other keeps to the limit.
        """
        limit, ranked = self.limits.latency, [*going, *sorted(left_behind, key=_rank)]
        chosen = self._favoured(going, count, lambda each: each.arch)[:count]
        if last and limit is not None:
            files = ((each, self.file_ms(each.arch, each.trained.network)) for each in ranked)
            chosen = within(limit, count, files) or chosen
        return chosen, [each for each in ranked if each not in chosen]

    def _favoured(self, ranked: list[Network], count: int, arch_of: Callable[[Network], Architecture]) -> list[Network]:
        """The favourite comes first, if it is there and several go on."""
        return sorted(ranked, key=lambda each: arch_of(each) != self._favourite) if count > 1 else ranked

    def file_ms(self, arch: Architecture, network: Any = None) -> float:
        """Measured milliseconds of the file of an architecture, with the weights of a network or fresh ones."""
        measured: dict[str, float] = dict(self.folder.get("files") or {})
        if arch.text not in measured:
            blueprint = self.networks.blueprint(arch.graph, self.final.network_setting)
            network = (network or blueprint.build()).eval()
            deployment = deployed(blueprint, network, *bytes_statistics(self.final))
            measured[arch.text] = timed(deployment, self.limits.latency).ms
            self.folder.note(files=measured)
        return measured[arch.text]

    def _trained(
        self,
        chosen: Sequence[Architecture],
        ends: float,
        number: int,
        named: str,
        begun: Mapping[Architecture, Finalist],
    ) -> list[Finalist]:
        """Networks that are trained one after the other until a time, the best first; they go on from what was begun.

        One that fails stays what it was, if it was anything.
        """
        from archllm.classifier.training import train_for

        found: list[Finalist] = []
        key = f"lengths {number}"
        lengths: dict[str, float] = dict(self.folder.get(key) or {})
        failed: dict[str, str] = dict(self.folder.get("failed") or {})
        for place, arch in enumerate(chosen):
            if (why := failed.get(f"{number} {arch.text}")) is not None:  # in an earlier call
                found += [begun[arch]] if arch in begun else []
                self.say(f"{named} {place + 1} failed: {why}")
                continue
            left = max(1.0, ends - self.times.elapsed)
            seconds = lengths.setdefault(arch.text, left / (len(chosen) - place))
            self.folder.note(**{key: lengths})
            try:
                with running_out_of_memory():
                    trained = train_for(
                        self.final.training(arch, begun[arch].trained.network if arch in begun else None, number - 1),
                        self.final.sets[1],
                        seconds,
                        self.times.clock,
                        seed=self.seed,
                        checkpoint=self.folder.path / CHECKPOINTS / f"{number}-{arch.key % 2**64:016x}",
                        listener=self._on_accuracy,
                    )
            except EvaluationFailed as error:
                self.say(f"{named} {place + 1} failed: {error}")
                failed[f"{number} {arch.text}"] = str(error)
                self.folder.note(failed=failed)
                found += [begun[arch]] if arch in begun else []
                continue
            if arch in begun:
                trained = begun[arch].trained.then(trained)
            setting = self.final.network_setting
            params, macs = (int(count(arch.graph, setting)[0]) for count in (self.networks.params, self.networks.macs))
            found.append(Finalist(arch, trained, params, macs))
            self._best = max(self._best, trained.accuracy)
            told = f"{trained.accuracy:.1f} % on the images to choose by, {params:,} parameters"
            self.say(f"{named} {place + 1} of {len(chosen)}: {told}")
        return sorted(found, key=_rank)

    def _on_accuracy(self, accuracy: float) -> None:
        figures = {"best": max(self._best, accuracy), "accuracy": accuracy}
        self.tell("training", self._begins, self.times.training_ends(), figures)

    def _entrants(self, trials: Result, tried: Set[Architecture] = frozenset()) -> list[Architecture]:
        """What promises most and was not tried; where latency is limited, of those that were measured to keep to it."""
        catching_up = len(self.plan.rounds) > 1
        archs = (self.final.space.parse(trial.text) for trial in promising(trials.trials, catching_up=catching_up))
        n = self.plan.rounds[0]
        ranked = self._favoured([arch for arch in archs if arch not in tried], n, lambda arch: arch)
        limit = self.limits.latency
        if limit is None:
            return ranked[:n]
        measured: dict[str, float] = dict(self.folder.get("measured") or {})

        def milliseconds() -> Iterator[tuple[Architecture, float]]:
            for first in range(0, len(ranked), MEASURED_AT_ONCE):
                some = ranked[first : first + MEASURED_AT_ONCE]
                if any(arch.text not in measured for arch in some):
                    measured.update(zip((arch.text for arch in some), self.estimated_ms(some), strict=True))
                    self.folder.note(measured=measured)
                for arch in some:
                    exact = not catching_up and measured[arch.text] <= limit  # there is no later round before the last
                    yield arch, self.file_ms(arch) if exact else measured[arch.text]

        chosen = within(limit, n, milliseconds())
        if not chosen and not tried:
            least = min(measured.values())
            raise EvaluationFailed(
                f"none of the {len(measured)} networks of the search keeps to {limit:g} ms when it is "
                f"measured; the fastest takes {least:.3g} ms; allow more, or smaller images (--image-size)"
            )
        return chosen

    def estimated_ms(self, some: Sequence[Architecture]) -> list[float]:
        """Milliseconds that the files of architectures will take."""
        from archllm.graphs import concatenate
        from archllm.networks.latency import measure_members
        from archllm.objectives.latency.kept import usual_milliseconds

        graphs = concatenate([arch.graph for arch in some])
        found = usual_milliseconds(measure_members(self.networks, graphs, self.final.network_setting))
        return [float(ms) + self.plan.overhead for ms in found]


def _rank(each: Finalist) -> tuple[float, int]:
    return -each.trained.accuracy, each.params


def promising(trials: Sequence[Trial], catching_up: bool = True) -> list[Trial]:
    """Trials with a score, in the order in which longer trainings of them are worthwhile.

    A network that is both less accurate and smaller than another one can't be expected to overtake it, so those come
    first to which that does not apply, in either group the most accurate. One that is far behind is not expected to
    catch up, however large it is.

    Args:
        trials: what the search evaluated.
        catching_up: whether longer trainings will tell which do catch up; else the most accurate come first.
    """
    scored = [trial for trial in trials if trial.values]

    def value(trial: Trial, name: str) -> float:
        metrics: Mapping[str, Any] = trial.evaluation.metrics
        return float(metrics.get(name, 0.0))

    accuracy = np.array([trial.values[0] for trial in scored if trial.values], dtype=np.float64)
    front = np.zeros(len(scored), dtype=np.bool_)
    if catching_up and scored:
        macs = np.array([value(trial, "macs") for trial in scored], dtype=np.float64)
        front = np.asarray(non_dominated(np.stack([accuracy, macs], 1)), dtype=np.bool_)
        front &= accuracy >= IN_REACH * accuracy.max()
    return [scored[row] for row in np.lexsort((-accuracy, ~front))]
