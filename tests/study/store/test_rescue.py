"""Evaluations that are kept in files: taken in as they were, and named where they are none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from archllm.errors import StoreError
from archllm.objectives.evaluation import Evaluation, LowerFidelity
from archllm.spaces import SearchSpace
from archllm.study.store import Store, Study, open_store
from archllm.study.store.rescue import Rescue, restore

FOUND = Evaluation(
    (0.5,),
    metrics={"loss": float("inf")},
    test={"accuracy": 1.0},
    cost=2.0,
    curves={"accuracy": (0.25, 0.5)},
    lower_fidelity=(LowerFidelity(-7, "proxy:synflow", None, None, "text"),),
)


@pytest.fixture
def kept(tmp_path: Path, nasbench201: SearchSpace):
    """A store with a trial under way, and the file that keeps its evaluation."""
    with open_store(tmp_path / "a.db") as store:
        store.create(Study("s", "nasbench201", ("params",), ("minimise",), "random", 0))
        store.add("s", [nasbench201.parse("0")], 1)
        store.claim("s", "me")
        path = Rescue(store.where, "s", "me").keep(0, FOUND)
        assert path is not None
        yield store, path


def test_an_evaluation_comes_back_as_it_was(kept: tuple[Store, Path]) -> None:
    store, path = kept
    assert restore(store, "s") == 1 and not path.exists()
    (trial,) = store.trials("s")
    assert trial.evaluation == FOUND


@pytest.mark.parametrize("damage", [{"cost": []}, {"values": 3}, {"metrics": [1]}, {"lower_fidelity": [[1]]}, None])
def test_a_file_that_holds_something_else_is_named(kept: tuple[Store, Path], damage: dict[str, object] | None) -> None:
    store, path = kept
    record = json.loads(path.read_text())
    record["evaluation"] |= damage or {}
    path.write_text(json.dumps(record) if damage else "[" * 200_000)
    with pytest.raises(StoreError, match=r"rescued-.*json holds no result of a search"):
        restore(store, "s")


def test_a_pipe_is_not_waited_for(kept: tuple[Store, Path]) -> None:
    store, path = kept
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StoreError, match="no ordinary file"):
        restore(store, "s")
