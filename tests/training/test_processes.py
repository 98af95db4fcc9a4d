"""Who was started with whom, and a process that is alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.training.test_loop import Line

from archllm.cli import main
from archllm.errors import InvalidInput, MissingExtra
from archllm.training.loop import Loop, Schedule
from archllm.training.processes import SINGLE_PROCESS, ProcessGroup, _buckets, check_launch, process_group, started
from archllm.training.progress import Metrics

TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "RANK": "1", "WORLD_SIZE": "3", "LOCAL_RANK": "1", "MASTER_ADDR": "a"}
MPI = {"ACCELERATE_MIXED_PRECISION": "no", "OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "4", "MASTER_ADDR": "a"}
SINGLE = {"ACCELERATE_MIXED_PRECISION": "no", "ACCELERATE_USE_CPU": "True"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (0, 1)),
        (TORCHRUN, (1, 3)),
        (MPI, (2, 4)),
        (SINGLE, (0, 1)),
        ({"RANK": "1", "WORLD_SIZE": "3"}, (0, 1)),  # of something else
        (TORCHRUN | {"WORLD_SIZE": "many"}, (1, 1)),
    ],
)
def test_a_process_knows_with_how_many_it_was_started(environment: dict[str, str], expected: tuple[int, int]) -> None:
    assert started(environment) == expected


@pytest.mark.parametrize("environment", [{}, TORCHRUN, MPI, SINGLE, {"MASTER_ADDR": "a"}])
def test_a_launch_that_started_what_it_was_asked_for_is_taken(environment: dict[str, str]) -> None:
    check_launch(environment)


def test_a_launch_that_started_one_process_instead_of_several_is_refused_with_what_to_do() -> None:
    with pytest.raises(InvalidInput, match="--multi_gpu"):
        check_launch(SINGLE | {"MASTER_ADDR": "127.0.0.1"})


def test_a_process_by_itself_is_the_main_one_and_needs_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archllm.training.processes.find_spec", lambda _: None)
    group = process_group("cpu")
    assert group == SINGLE_PROCESS and group.is_main
    assert group.broadcast(lambda: 3) == group.on_main(lambda: 3) == 3
    rows, gradient = torch.arange(5), torch.ones(2)
    group.all_reduce([gradient])
    assert torch.equal(group.shard(rows), rows) and torch.equal(gradient, torch.ones(2))


def test_without_accelerate_several_processes_are_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("archllm.training.processes.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"archllm\[llm\]"):
        process_group("cpu")


def test_every_row_belongs_to_one_process() -> None:
    rows = torch.arange(11)
    parts = [ProcessGroup(rank, 3).shard(rows) for rank in range(3)]
    assert torch.equal(torch.cat(parts).sort().values, rows)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_messages_hold_every_tensor_once_one_type_each_and_are_not_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archllm.training.processes.BUCKET", 10)
    sizes = [4, 4, 4, 25, 1, 1]
    tensors = [torch.zeros(size, dtype=torch.float64 if size == 1 else torch.float32) for size in sizes]
    buckets = [[len(tensor) for tensor in bucket] for bucket in _buckets(tensors)]
    assert buckets == [[4, 4], [4], [25], [1, 1]]
    assert list(_buckets([])) == []


def test_what_is_shared_folder_lies_in_a_folder_that_goes_away(tmp_path: Path) -> None:
    with SINGLE_PROCESS.shared_folder(lambda folder: (folder / "a").write_text("b")) as folder:
        assert (folder / "a").read_text() == "b"
    assert not folder.exists()


def test_more_processes_than_examples_in_a_batch_are_refused() -> None:
    module = Line()

    def loss(step: int, rows: torch.Tensor) -> tuple[torch.Tensor, Metrics]:
        return module.weight.sum(), {}

    with pytest.raises(InvalidInput, match="batches of 4"):
        Loop("prior", module, Schedule(2, 4, 0.1, 0.0), seed=1, loss=loss, rows=10, group=ProcessGroup(0, 5)).run()


def test_only_training_can_be_started_in_several_processes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    assert main(["spaces"]) == 2
    assert capsys.readouterr().err == (
        "archllm, process 1: only archllm train can be started in several processes, not spaces\n"
    )
