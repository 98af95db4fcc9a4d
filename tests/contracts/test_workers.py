"""Workers keep the contract: the own process and local processes; a Ray cluster has tests of its own."""

from __future__ import annotations

import pytest

from archllm.errors import InvalidInput
from archllm.objectives import load_objective
from archllm.study.workers import start_workers
from archllm.testing import ProcessWorkersContract, WorkersContract


class TestOwnProcess(WorkersContract):
    kind = "own"


class TestOneProcess(ProcessWorkersContract):
    kind = "1"


class TestTwoProcesses(ProcessWorkersContract):
    kind = "2"


@pytest.mark.parametrize("kind", ["0", "-1", "two", "ray:", "ray://", "", "1.5"])
def test_workers_that_can_not_be_had_are_refused(kind, nasbench201):
    with pytest.raises(InvalidInput, match="workers must be own, a number of processes, ray"):
        start_workers(kind, [load_objective("params", nasbench201)])


def test_code_of_users_gets_a_process_of_its_own_unless_told_otherwise(nasbench201):
    foreign = load_objective("python:archllm.testing.functions:key", nasbench201)
    with start_workers(None, [foreign]) as apart, start_workers(None, [load_objective("params", nasbench201)]) as own:
        assert type(apart).__name__ == "LocalProcesses" and type(own).__name__ == "OwnProcess"


def test_no_more_processes_are_started_than_evaluations_are_wanted(nasbench201):
    with start_workers(8, [load_objective("params", nasbench201)], most=2) as workers:
        assert workers.size == 2
