"""The promises of workers, kept by the own process and by local processes; a Ray cluster has tests of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.study.functions import FOLDER

from archllm.errors import DataMissing, EvaluationFailed, InvalidInput, WorkersError
from archllm.objectives import Evaluation, Objective, load_objective
from archllm.objectives.callable import CallableObjective
from archllm.spaces import Architecture, SearchSpace
from archllm.study.workers import Workers, start_workers

KINDS = ("own", "1", "2")

Start = Callable[..., Workers]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def cells(nasbench201: SearchSpace) -> list[Architecture]:
    return nasbench201.architectures(nasbench201.enumerate()[:32])


@pytest.fixture
def start(nasbench201: SearchSpace) -> Iterator[Start]:
    started: list[Workers] = []

    def begin(kind: str, *specs: str | Objective, time_limit: float = 600.0) -> Workers:
        objectives = [
            load_objective(spec, nasbench201, time_limit) if isinstance(spec, str) else spec for spec in specs
        ]
        started.append(start_workers(kind, objectives))
        return started[-1]

    yield begin
    for workers in started:
        workers.close()


def evaluated(workers: Workers, cells: Sequence[Architecture]) -> dict[int, Evaluation]:
    """Outcomes by the key of the cell, as many at a time as the workers can take."""
    waiting, flying, found = list(enumerate(cells)), 0, {}
    while waiting or flying:
        while waiting and flying < workers.size:
            workers.submit(*waiting.pop(0))
            flying += 1
        for number, evaluation in workers.wait(30.0):
            flying -= 1
            assert cells[number].key not in found
            found[cells[number].key] = evaluation
    return found


def test_each_architecture_gets_its_own_evaluation(start, kind, cells):
    found = evaluated(start(kind, "python:tests.study.functions:key", "params"), cells)
    assert {key: evaluation.values for key, evaluation in found.items()} == {
        cell.key: (float(cell.key), float(cell.params)) for cell in cells
    }


def test_what_goes_wrong_is_told_and_the_rest_goes_on(start, kind, cells):
    usable = [cell for cell in cells if cell.key % 8 not in (4, 5, 6)]  # these crash the process, or hang
    found = evaluated(start(kind, "python:tests.study.functions:crooked"), usable)
    reasons = {1: "raised ValueError: no luck", 2: "returned 'text', which is no number", 3: "the score is nan"}
    for key, evaluation in found.items():
        assert reasons.get(key % 8, "") in (evaluation.failure or "")
        assert evaluation.values == (None if key % 8 in reasons else (float(key),))


class Broken(Objective):
    spec, direction = "broken", "maximise"

    def __init__(self, space: SearchSpace) -> None:
        self.space = space

    def _evaluate(self, arch: Architecture) -> Evaluation:
        raise DataMissing("the images are gone")


class Buggy(Broken):
    def _evaluate(self, arch: Architecture) -> Evaluation:
        raise KeyError("a mistake of ours")


class Failing(Broken):
    def _evaluate(self, arch: Architecture) -> Evaluation:
        raise EvaluationFailed("it diverged", 4.0)


def test_an_objective_that_can_not_work_at_all_ends_it(start, kind, cells, nasbench201):
    workers = start(kind, Broken(nasbench201))
    workers.submit(0, cells[0])
    with pytest.raises((DataMissing, WorkersError), match="the images are gone"):
        workers.wait(60.0)


def test_a_mistake_in_an_objective_is_a_failed_evaluation(start, kind, cells, nasbench201):
    found = evaluated(start(kind, Buggy(nasbench201)), cells[:2])
    assert [evaluation.failure for evaluation in found.values()] == ["KeyError: 'a mistake of ours'"] * 2


def test_after_a_failure_the_other_objectives_are_not_paid_for(start, kind, cells, nasbench201):
    found = evaluated(start(kind, "params", Failing(nasbench201), Broken(nasbench201)), cells[:1])
    (evaluation,) = found.values()
    assert evaluation == Evaluation(
        None, metrics={"params": float(cells[0].params)}, cost=4.0, failure="broken: it diverged"
    )


def test_waiting_ends_without_anything_to_wait_for(start, kind):
    assert start(kind, "params").wait(0.01) == []


def test_closing_stops_evaluations_that_are_under_way(start, cells, monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    workers = start("2", "python:tests.study.functions:starts_another")
    workers.submit(0, cells[0])
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
        assert workers.wait(0.05) == []
    workers.close()
    assert ends(int((tmp_path / "child").read_text()))


# ------------------------------------------------------------------------------------------------ local processes


@pytest.mark.parametrize("kind", ["1", "2"])
def test_a_process_that_crashes_or_hangs_is_replaced(start, kind, cells):
    chosen = [cell for cell in cells if cell.key % 8 in (0, 4, 5, 6)][:6]
    assert {cell.key % 8 for cell in chosen} == {0, 4, 5, 6}
    found = evaluated(start(kind, "python:tests.study.functions:crooked", time_limit=0.5), chosen)
    told = {4: "ended with exit code 3", 5: "was killed by signal 9", 6: "gave no answer within 0.5 s"}
    for key, evaluation in found.items():
        assert told.get(key % 8, "") in (evaluation.failure or "")
        assert evaluation.values == (None if key % 8 in told else (float(key),))


def test_a_hanging_objective_is_named_and_what_was_found_before_is_timed_apart(start, cells):
    hanging = next(cell for cell in cells if cell.key % 8 == 6)
    found = evaluated(start("1", "params", "python:tests.study.functions:crooked", time_limit=0.3), [hanging])
    assert found[hanging.key].failure == "python:tests.study.functions:crooked gave no answer within 0.3 s"


def test_what_a_hanging_evaluation_started_ends_with_it(start, cells, monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    evaluated(start("1", "python:tests.study.functions:starts_another", time_limit=2.0), cells[:1])
    assert ends(int((tmp_path / "child").read_text()))


def test_processes_compute_with_one_thread_and_are_not_this_one(start, cells, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    specs = ["python:tests.study.functions:threads", "python:tests.study.functions:process"]
    found = [evaluation.values for evaluation in evaluated(start("2", *specs), cells[:4]).values()]
    assert {threads for threads, _ in found} == {1.0}
    assert os.getpid() not in {process for _, process in found}


def test_what_an_objective_prints_does_not_reach_standard_output(start, cells, capfd):
    evaluated(start("1", "command:sh -c 'echo 3'", "python:tests.study.functions:talks"), cells[:1])
    assert capfd.readouterr().out == ""


def test_a_function_that_no_other_process_finds_is_refused(start, nasbench201):
    with pytest.raises(WorkersError, match=r"python:.*lambda.*by its module and name"):
        start("1", CallableObjective(nasbench201, lambda arch: 1.0))


def test_a_module_that_can_not_be_loaded_there_ends_it(nasbench201, tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("def score(arch):\n    return 1.0\n")
    monkeypatch.chdir(tmp_path)
    objective = load_objective("python:only_here:score", nasbench201)
    (tmp_path / "only_here.py").write_text("raise OSError('no licence, and more words')\n")
    with start_workers("1", [objective]) as workers, pytest.raises(WorkersError, match="no licence"):
        workers.wait(60.0)


@pytest.mark.parametrize("kind", ["0", "-1", "two", "ray:", "ray://", "", "1.5"])
def test_workers_that_can_not_be_had_are_refused(start, kind):
    with pytest.raises(InvalidInput, match="workers must be own, a number of processes, ray"):
        start(kind, "params")


def test_code_of_users_gets_a_process_of_its_own_unless_told_otherwise(nasbench201):
    foreign = load_objective("python:tests.study.functions:key", nasbench201)
    with start_workers(None, [foreign]) as apart, start_workers(None, [load_objective("params", nasbench201)]) as own:
        assert type(apart).__name__ == "LocalProcesses" and type(own).__name__ == "OwnProcess"


def test_no_more_processes_are_started_than_evaluations_are_wanted(nasbench201):
    with start_workers(8, [load_objective("params", nasbench201)], most=2) as workers:
        assert workers.size == 2


def ends(pid: int) -> bool:
    """Whether a process ends soon; one that was killed may take a moment."""
    until = time.monotonic() + 30.0
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{pid}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] in "ZX":
            return True
        time.sleep(0.02)
    return False
