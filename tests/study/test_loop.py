"""The loop: what is asked for is stored, evaluated once, stored, and told; whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import pytest
from tests.searchers.searchers import Blind

from archllm.errors import DataMissing, EvaluationFailed, InvalidInput, StoreError, WorkersError
from archllm.objectives import Evaluation, Objective, load_objective
from archllm.spaces import Architecture, SearchSpace
from archllm.study.loop import LoopOptions, run_search
from archllm.study.result import Result
from archllm.study.store import MEMORY, Store, Study, open_store
from archllm.study.store.memory import MemoryStore
from archllm.study.store.owner import owning
from archllm.testing.functions import FOLDER, traces
from archllm.training.progress import Event


class Scores(Objective):
    """The key as a score, with a test figure; calls a function of the test's before each evaluation."""

    spec = "scores"

    def __init__(
        self,
        space: SearchSpace,
        before: Callable[[int], None] = lambda count: None,
        direction: Literal["maximise", "minimise"] = "maximise",
        scale: float = 1.0,
    ) -> None:
        self.space, self.before, self.direction, self.scale = space, before, direction, scale
        self.calls = 0
        self.seen: list[str] = []

    def _evaluate(self, arch: Architecture) -> Evaluation:
        self.calls += 1
        self.before(self.calls)
        self.seen.append(arch.text)
        return Evaluation(self.scale * arch.key, {"params": 1.0}, {"accuracy": -1.0}, 2.5, {self.spec: (1.0, 2.0)})


def failing(*counts: int) -> Callable[[int], None]:
    def before(count: int) -> None:
        if count in counts:
            raise EvaluationFailed("it diverged", 1.0)

    return before


def study_of(objectives: Sequence[Objective]) -> Study:
    specs, directions = tuple(o.spec for o in objectives), tuple(o.direction for o in objectives)
    return Study("s", objectives[0].space.name, specs, directions, "blind", 0)


def searched(store: Store, *objectives: Objective, budget: int = 6, seed: int = 0, **options) -> tuple[Result, Blind]:
    """One call of the loop with a new searcher, on a study that is begun if need be."""
    if not store.studies():
        store.create(study_of(objectives))
    searcher = Blind(objectives[0].space, seed, options.pop("limit", None), len(objectives))
    return run_search(searcher, objectives, store, "s", LoopOptions(budget=budget, **options)), searcher


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path):
    with open_store(MEMORY if request.param == "memory" else tmp_path / "search.db") as store:
        yield store


# ------------------------------------------------------------------------------------------------ what is done


def test_so_many_different_architectures_are_evaluated_and_stored(store, nasbench201):
    objective = Scores(nasbench201)
    result, searcher = searched(store, objective)
    assert result.queries == len(result.trials) == len(set(objective.seen)) == 6
    assert [trial.text for trial in result.trials] == objective.seen == [arch.text for arch in searcher.asked]
    first = result.trials[0]
    found = Evaluation(float(first.key), {"params": 1.0}, {"accuracy": -1.0}, 2.5, {"scores": (1.0, 2.0)})
    assert first.evaluation == found and (first.state, first.attempts) == ("complete", 1)
    assert list(result.trials) == store.trials("s") and result.study == store.study("s")


def test_one_seed_gives_one_search(nasbench201):
    def texts(seed: int, workers: object) -> list[str]:
        result, _ = searched(MemoryStore(), load_objective("params", nasbench201), seed=seed, workers=workers)
        return [trial.text for trial in result.trials]

    assert texts(3, "own") == texts(3, "1") != texts(4, "own")


def test_the_searcher_is_told_after_every_evaluation_before_it_is_asked_again(store, nasbench201):
    objective = Scores(nasbench201)
    told_when_asked: list[int] = []

    class Watched(Blind):
        def ask(self, n=1):
            told_when_asked.append(len(self.told))
            assert n == 1
            return super().ask(n)

    store.create(study_of([objective]))
    run_search(Watched(nasbench201), [objective], store, "s", LoopOptions(budget=4))
    assert told_when_asked == [0, 1, 2, 3]


def test_the_searcher_hears_that_more_is_better_and_nothing_of_test_scores(store, nasbench201):
    up, down = Scores(nasbench201), Scores(nasbench201, direction="minimise", scale=3.0)
    _, searcher = searched(store, up, down)
    assert len(searcher.told) == 6
    for arch, seen in searcher.told.items():
        assert seen.values == (float(arch.key), -3.0 * arch.key)
        assert seen.cost == 5.0 and seen.test == {} and "accuracy" not in repr(seen)


def test_failed_evaluations_are_told_stored_and_counted(store, nasbench201):
    result, searcher = searched(store, Scores(nasbench201, failing(2, 3)))
    states = [trial.state for trial in result.trials]
    assert states == ["complete", "failed", "failed", "complete", "complete", "complete"] and result.queries == 6
    assert [trial.evaluation.failure for trial in result.trials[:3]] == [None, "it diverged", "it diverged"]
    assert [seen.values is None for seen in searcher.told.values()] == [state == "failed" for state in states]
    assert [seen.cost for seen in list(searcher.told.values())[:2]] == [2.5, 1.0]


def test_where_everything_fails_there_is_no_best(store, nasbench201):
    result, _ = searched(store, Scores(nasbench201, failing(1, 2, 3)), budget=3)
    assert result.queries == 3 and result.best is None and result.front == ()


def test_the_best_is_by_the_direction_of_the_objective(store, nasbench201):
    up, _ = searched(store, Scores(nasbench201))
    down, _ = searched(MemoryStore(), Scores(nasbench201, direction="minimise"))
    keys = [trial.key for trial in up.trials]
    assert up.best is not None and up.best.key == max(keys)
    assert down.best is not None and down.best.key == min(keys)
    assert down.front == (down.best,)


def test_with_several_objectives_there_is_a_front(store, nasbench201):
    objectives = [load_objective(spec, nasbench201) for spec in ("maximise:macs", "params")]
    result, _ = searched(store, *objectives, budget=30)
    points = {trial.number: trial.values for trial in result.trials}
    brute = {
        number
        for number, (macs, params) in points.items()
        if not any(m >= macs and p <= params and (m, p) != (macs, params) for m, p in points.values())
    }
    assert {trial.number for trial in result.front} == brute
    assert result.best is not None and result.best.values[0] == max(macs for macs, _ in points.values())


def test_a_listener_hears_of_every_finished_trial(store, nasbench201):
    heard: list[Event] = []
    searched(store, Scores(nasbench201, failing(2)), budget=3, listener=heard.append)
    assert [(event.stage, event.step, event.steps) for event in heard] == [("search", n, 3) for n in (1, 2, 3)]
    assert "failed" not in heard[0].metrics and heard[-1].metrics["failed"] == 1
    first, _, third = store.trials("s")
    assert [event.metrics["best"] for event in heard] == [first.key, first.key, max(first.key, third.key)]
    spec = Scores(nasbench201).spec
    assert [event.metrics.get(spec) for event in heard] == [first.key, None, third.key]
    assert all(event.metrics["cost"] >= 0 for event in heard)


def test_a_listener_hears_once_of_what_was_finished_before(store, nasbench201):
    searched(store, Scores(nasbench201), budget=3)
    heard: list[Event] = []
    searched(store, Scores(nasbench201), budget=4, listener=heard.append)
    assert [event.step for event in heard] == [3, 4]
    assert heard[0].metrics == {"best": max(trial.key for trial in store.trials("s")[:3])}


def test_a_search_ends_when_the_searcher_has_nothing_left(store, nasbench201):
    result, _ = searched(store, Scores(nasbench201), budget=50, limit=4)
    assert result.queries == 4


def test_a_batch_is_asked_for_at_once_and_waits_in_the_store(store, nasbench201):
    states: list[list[str]] = []
    objective = Scores(nasbench201, lambda count: states.append([trial.state for trial in store.trials("s")]))
    _, searcher = searched(store, objective, budget=5, batch=3)
    assert states[0] == ["running", "waiting", "waiting"]
    assert states[3] == ["complete"] * 3 + ["running", "waiting"]
    assert len(searcher.asked) == 5


@pytest.mark.parametrize(
    ("options", "told"), [({"budget": 0}, "budget must be"), ({"batch": 0}, "batch must be"), ({"workers": "x"}, "own")]
)
def test_arguments_that_can_not_be_used_are_refused(nasbench201, options, told):
    with pytest.raises(InvalidInput, match=told):
        searched(MemoryStore(), Scores(nasbench201), **options)


def test_an_objective_of_another_space_is_refused(nasbench201, nasbench101):
    store = MemoryStore()
    store.create(study_of([Scores(nasbench101)]))
    with pytest.raises(InvalidInput, match="scores nasbench101: an architecture of nasbench201"):
        run_search(Blind(nasbench201), [Scores(nasbench101)], store, "s", LoopOptions(budget=3))
    with pytest.raises(InvalidInput, match="at least one objective"):
        run_search(Blind(nasbench201), [], store, "s", LoopOptions(budget=3))


def test_a_searcher_that_repeats_itself_is_found_out(nasbench201):
    class Stubborn(Blind):
        def ask(self, n=1):
            return [nasbench201.parse("0")]

    objective, store = Scores(nasbench201), MemoryStore()
    store.create(study_of([objective]))
    with pytest.raises(RuntimeError, match="Stubborn asks for nothing but what was asked for"):
        run_search(Stubborn(nasbench201), [objective], store, "s", LoopOptions(budget=3))
    assert objective.seen == [nasbench201.parse("0").text]


# ------------------------------------------------------------------------------------------------ going on


def test_a_search_in_two_parts_is_the_search_in_one(store, nasbench201):
    whole, _ = searched(MemoryStore(), Scores(nasbench201, failing(4)), budget=9)
    objective = Scores(nasbench201)
    searched(store, objective, budget=3)
    objective.before = failing(4)
    result, searcher = searched(store, objective, budget=9)
    kept = ("text", "state", "evaluation", "place")
    assert [[getattr(trial, name) for name in kept] for trial in result.trials] == [
        [getattr(trial, name) for name in kept] for trial in whole.trials
    ]
    assert len(searcher.told) == 9 and len(searcher.asked) == 6


def test_a_finished_search_is_not_begun_again(store, nasbench201):
    objective = Scores(nasbench201)
    first, _ = searched(store, objective)
    for budget in (6, 2):
        again, searcher = searched(store, objective, budget=budget)
        assert again.trials == first.trials and searcher.asked == [] and len(objective.seen) == 6


@pytest.mark.parametrize("batch", [1, 4])
def test_an_interrupted_search_loses_nothing_and_repeats_nothing(store, nasbench201, batch):
    def interrupt(count: int) -> None:
        if count == 3:
            raise KeyboardInterrupt

    objective = Scores(nasbench201, interrupt)
    with pytest.raises(KeyboardInterrupt):
        searched(store, objective, batch=batch)
    states = [trial.state for trial in store.trials("s")]
    assert states[:3] == ["complete", "complete", "waiting"] and set(states[3:]) <= {"waiting"}
    objective.before = lambda count: None
    result, _ = searched(store, objective, batch=batch)
    assert result.queries == len(objective.seen) == len(set(objective.seen)) == 6
    whole, _ = searched(MemoryStore(), Scores(nasbench201), batch=batch)
    assert [trial.text for trial in result.trials] == [trial.text for trial in whole.trials]


@pytest.mark.parametrize("workers", ["own", "1"])
def test_an_objective_that_can_not_work_at_all_ends_the_search_and_keeps_what_is_there(tmp_path, nasbench201, workers):
    with open_store(tmp_path / "search.db") as store:
        with pytest.raises((DataMissing, WorkersError), match="gone"):
            searched(store, Gone(nasbench201), workers=workers)
        assert [trial.state for trial in store.trials("s")] == ["complete", "complete", "waiting"]
        result, _ = searched(store, load_objective("params", nasbench201), workers=workers)
        assert result.queries == 6


class Gone(Objective):
    spec, direction = "gone", "maximise"
    left = 2

    def __init__(self, space: SearchSpace) -> None:
        self.space = space

    def _evaluate(self, arch: Architecture) -> Evaluation:
        if not self.left:
            raise DataMissing("the images are gone")
        self.left -= 1
        return Evaluation(1.0)


class FullDisk(MemoryStore):
    """A store that takes no evaluation of one trial while the disk is full."""

    full = True

    def finish(self, study: str, number: int, evaluation: Evaluation) -> bool:
        if self.full and number == 2:
            raise StoreError("the disk is full")
        return super().finish(study, number, evaluation)


def test_an_evaluation_that_the_store_does_not_take_is_kept_and_put_in_later(nasbench201, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    store, objective = FullDisk(), Scores(nasbench201)
    with pytest.raises(StoreError, match=r"the disk is full; the evaluation of trial 2, values \d+, is kept in .*json"):
        searched(store, objective)
    store.full = False
    result, _ = searched(store, objective)
    assert result.queries == len(objective.seen) == len(set(objective.seen)) == 6
    assert result.trials[2].values == (float(result.trials[2].key),)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_evaluation_that_no_place_takes_is_told(nasbench201, tmp_path, monkeypatch):
    (tmp_path / "home").write_text("a file, so that no folder can be made here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with pytest.raises(StoreError, match=r"the evaluation of trial 2, values \d+, is lost, as no other place took it"):
        searched(FullDisk(), Scores(nasbench201))


# ------------------------------------------------------------------------------------------------ with others


def test_trials_of_a_process_that_died_are_taken_over_at_once(tmp_path, nasbench201):
    objective = Scores(nasbench201)
    with open_store(tmp_path / "search.db") as store:
        store.create(study_of([objective]))
        store.add("s", Blind(nasbench201).ask(3), 6)
        with owning() as name:
            own = name.split("/")
        store.claim("s", "/".join([*own[:4], "1", own[5]]))  # this process number, begun at another time
        result, searcher = searched(store, objective)
    assert result.queries == len(objective.seen) == 6 and result.trials[0].attempts == 2
    assert len(searcher.asked) == 3


def test_trials_of_a_process_elsewhere_are_taken_over_once_it_is_silent(tmp_path, nasbench201):
    objective = Scores(nasbench201)
    with open_store(tmp_path / "search.db") as store:
        store.create(study_of([objective]))
        store.add("s", Blind(nasbench201).ask(3), 6)
        store.claim("s", "elsewhere/-/-/1/-/0")
        result, _ = searched(store, objective, silence=0.0)
    assert result.queries == len(objective.seen) == 6 and result.trials[0].attempts == 2


def test_what_others_find_is_told_and_what_they_work_on_is_not_asked_for(tmp_path, nasbench201):
    theirs = Blind(nasbench201).ask(6)
    with open_store(tmp_path / "search.db") as store, open_store(tmp_path / "search.db") as other, owning() as name:

        def meanwhile(count: int) -> None:
            if count == 1:
                other.add("s", theirs, 100)
                for _ in range(5):
                    other.claim("s", name)
            if count == 2:
                for number in range(1, 6):
                    other.finish("s", number, Evaluation((0.0,)))

        objective = Scores(nasbench201, meanwhile)
        result, searcher = searched(store, objective, budget=9)
    assert result.queries == 9 and len(searcher.told) == 9
    assert len(objective.seen) == 4 and not set(objective.seen[1:]) & {arch.text for arch in theirs}


def test_nobody_waits_for_the_slowest(tmp_path, nasbench201, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    objective = load_objective("python:archllm.testing.functions:first_is_slow", nasbench201)
    with open_store(tmp_path / "search.db") as store:
        result, _ = searched(store, objective, workers=2)
    places = [trial.place for trial in result.trials]
    # One of the first two waits until the sixth has begun; which of these two ends first is left to chance.
    assert result.queries == 6 and max(places[0], places[1]) >= 5
    assert len(traces()) == 6


def test_signs_of_life_are_given_while_an_evaluation_runs(tmp_path, nasbench201):
    beats: list[int] = []
    with open_store(tmp_path / "search.db") as store:

        def wait_for_beats(count: int) -> None:
            first = store.unfinished("s")[0].heartbeat
            while store.unfinished("s")[0].heartbeat == first:
                pass
            beats.append(count)

        searched(store, Scores(nasbench201, wait_for_beats), budget=1, beat=0.01)
    assert beats == [1]
