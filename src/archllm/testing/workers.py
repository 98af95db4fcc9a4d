"""Contract of workers: every evaluation comes back once, whatever the objective does to its process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from archllm.errors import DataMissing, EvaluationFailed, WorkersError
from archllm.objectives import Evaluation, Objective, load_objective
from archllm.objectives.callable import CallableObjective
from archllm.spaces import Architecture, SearchSpace, load_space
from archllm.study.workers import Workers, start_workers
from archllm.testing.functions import FOLDER

Start = Callable[..., Workers]
"""Starts workers for objectives, given as such or as specs; they are closed after the test."""

Cells = list[Architecture]


class Broken(Objective):
    """Can not work at all."""

    spec, direction = "broken", "maximise"

    def __init__(self, space: SearchSpace) -> None:
        self.space = space

    def _evaluate(self, arch: Architecture) -> Evaluation:
        raise DataMissing("the images are gone")


class Buggy(Broken):
    """Has a mistake."""

    def _evaluate(self, arch: Architecture) -> Evaluation:
        raise KeyError("a mistake of ours")


class Failing(Broken):
    """Gives no score, and says what that cost."""

    def _evaluate(self, arch: Architecture) -> Evaluation:
        raise EvaluationFailed("it diverged", 4.0)


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


class WorkersContract:
    """What all workers keep. Set `kind`, or override `begin` to start workers of a class of your own.

    Example:
        >>> class TestThisProcess(WorkersContract):
        ...     kind = "own"
    """

    kind: ClassVar[str]
    """What `start_workers` is told."""

    def begin(self, objectives: Sequence[Objective]) -> Workers:
        """Workers for these objectives."""
        return start_workers(self.kind, objectives)

    @pytest.fixture
    def space(self) -> SearchSpace:
        """The space whose cells are evaluated."""
        return load_space("nasbench201")

    @pytest.fixture
    def cells(self, space: SearchSpace) -> Cells:
        """Cells whose keys run from 0."""
        return space.architectures(space.enumerate()[:32])

    @pytest.fixture
    def start(self, space: SearchSpace) -> Iterator[Start]:
        """Starts workers."""
        started: list[Workers] = []

        def begin(*specs: str | Objective, time_limit: float = 600.0) -> Workers:
            objectives = [load_objective(spec, space, time_limit) if isinstance(spec, str) else spec for spec in specs]
            started.append(self.begin(objectives))
            return started[-1]

        yield begin
        for workers in started:
            workers.close()

    def test_each_architecture_gets_its_own_evaluation(self, start: Start, cells: Cells) -> None:
        found = evaluated(start("python:archllm.testing.functions:key", "params"), cells)
        assert {key: evaluation.values for key, evaluation in found.items()} == {
            cell.key: (float(cell.key), float(cell.params)) for cell in cells
        }

    def test_what_goes_wrong_is_told_and_the_rest_goes_on(self, start: Start, cells: Cells) -> None:
        usable = [cell for cell in cells if cell.key % 8 not in (4, 5, 6)]  # these crash the process, or hang
        found = evaluated(start("python:archllm.testing.functions:crooked"), usable)
        reasons = {1: "raised ValueError: no luck", 2: "returned 'text', which is no number", 3: "the score is nan"}
        for key, evaluation in found.items():
            assert reasons.get(key % 8, "") in (evaluation.failure or "")
            assert evaluation.values == (None if key % 8 in reasons else (float(key),))

    def test_an_objective_that_can_not_work_at_all_ends_it(
        self, start: Start, cells: Cells, space: SearchSpace
    ) -> None:
        workers = start(Broken(space))
        workers.submit(0, cells[0])
        with pytest.raises((DataMissing, WorkersError), match="the images are gone"):
            workers.wait(60.0)

    def test_a_mistake_in_an_objective_is_a_failed_evaluation(
        self, start: Start, cells: Cells, space: SearchSpace
    ) -> None:
        found = evaluated(start(Buggy(space)), cells[:2])
        assert [evaluation.failure for evaluation in found.values()] == ["KeyError: 'a mistake of ours'"] * 2

    def test_after_a_failure_the_other_objectives_are_not_paid_for(
        self, start: Start, cells: Cells, space: SearchSpace
    ) -> None:
        found = evaluated(start("params", Failing(space), Broken(space)), cells[:1])
        (evaluation,) = found.values()
        assert evaluation == Evaluation(
            None, metrics={"params": float(cells[0].params)}, cost=4.0, failure="broken: it diverged"
        )

    def test_waiting_ends_without_anything_to_wait_for(self, start: Start) -> None:
        assert start("params").wait(0.01) == []


class ProcessWorkersContract(WorkersContract):
    """What workers keep that evaluate in processes of their own, on this machine.

    Example:
        >>> class TestProcesses(ProcessWorkersContract):
        ...     kind = "2"
    """

    def test_closing_stops_evaluations_that_are_under_way(
        self, start: Start, cells: Cells, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv(FOLDER, str(tmp_path))
        workers = start("python:archllm.testing.functions:starts_another")
        workers.submit(0, cells[0])
        while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
            assert workers.wait(0.05) == []
        workers.close()
        assert ends(int((tmp_path / "child").read_text()))

    def test_a_process_that_crashes_or_hangs_is_replaced(self, start: Start, cells: Cells) -> None:
        chosen = [cell for cell in cells if cell.key % 8 in (0, 4, 5, 6)][:6]
        assert {cell.key % 8 for cell in chosen} == {0, 4, 5, 6}
        found = evaluated(start("python:archllm.testing.functions:crooked", time_limit=0.5), chosen)
        told = {4: "ended with exit code 3", 5: "was killed by signal 9", 6: "gave no answer within 0.5 s"}
        for key, evaluation in found.items():
            assert told.get(key % 8, "") in (evaluation.failure or "")
            assert evaluation.values == (None if key % 8 in told else (float(key),))

    def test_what_an_objective_raises_is_its_failure_even_if_ctrl_c_raises_that(
        self, start: Start, cells: Cells
    ) -> None:
        (found,) = evaluated(start("python:archllm.testing.functions:interrupts"), cells[:1]).values()
        assert found.failure == "KeyboardInterrupt"

    def test_a_hanging_objective_is_named_and_what_was_found_before_is_timed_apart(
        self, start: Start, cells: Cells
    ) -> None:
        hanging = next(cell for cell in cells if cell.key % 8 == 6)
        found = evaluated(start("params", "python:archllm.testing.functions:crooked", time_limit=0.3), [hanging])
        assert found[hanging.key].failure == "python:archllm.testing.functions:crooked gave no answer within 0.3 s"

    def test_what_a_hanging_evaluation_started_ends_with_it(
        self, start: Start, cells: Cells, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv(FOLDER, str(tmp_path))
        evaluated(start("python:archllm.testing.functions:starts_another", time_limit=2.0), cells[:1])
        assert ends(int((tmp_path / "child").read_text()))

    def test_processes_compute_with_one_thread_and_are_not_this_one(
        self, start: Start, cells: Cells, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        specs = ["python:archllm.testing.functions:threads", "python:archllm.testing.functions:process"]
        found = [evaluation.values or (0.0, 0.0) for evaluation in evaluated(start(*specs), cells[:4]).values()]
        assert {threads for threads, _ in found} == {1.0}
        assert os.getpid() not in {process for _, process in found}

    def test_what_an_objective_prints_does_not_reach_standard_output(
        self, start: Start, cells: Cells, capfd: pytest.CaptureFixture[str]
    ) -> None:
        evaluated(start("command:sh -c 'echo 3'", "python:archllm.testing.functions:talks"), cells[:1])
        assert capfd.readouterr().out == ""

    def test_a_function_that_no_other_process_finds_travels_by_its_code(
        self, start: Start, space: SearchSpace, cells: Cells
    ) -> None:
        added = 0.5
        found = evaluated(start(CallableObjective(space, lambda arch: len(arch.text) + added)), cells[:2])
        assert [each.values for each in found.values()] == [(len(arch.text) + 0.5,) for arch in cells[:2]]

    def test_a_module_that_can_not_be_loaded_there_ends_it(
        self, space: SearchSpace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "only_here.py").write_text("def score(arch):\n    return 1.0\n")
        monkeypatch.chdir(tmp_path)
        objective = load_objective("python:only_here:score", space)
        (tmp_path / "only_here.py").write_text("raise OSError('no licence, and more words')\n")
        with start_workers(self.kind, [objective]) as workers, pytest.raises(WorkersError, match="no licence"):
            workers.wait(60.0)
