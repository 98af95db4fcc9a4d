"""Files of NAS-Bench-Graph: what numbers stand for, what is read, and what is refused."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archllm.errors import DataError
from archllm.objectives.table import TableObjective
from archllm.objectives.tables import import_table
from archllm.objectives.tables.nasbench_graph import text_of
from archllm.spaces import load_space
from archllm.workflows.data import import_data

SPACE = load_space("nasbench-graph")
SCORES = {"valid_perf": 0.81, "perf": np.float64(0.8), "latency": 0.006, "para": np.float64(1.7)}


def written(folder: Path, content: Any) -> Path:
    path = folder / "tiny.bench"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol=4))
    return path


def test_all_numbers_of_a_form_are_different_members() -> None:
    texts = [text_of(10_000 * form + number) for form in (0, 8) for number in (0, 1, 10, 1_234, 8_888)]
    keys = SPACE.keys(SPACE.parse_batch(texts))
    assert len(set(keys.tolist())) == 9  # the order of layers that all read the input says nothing
    assert SPACE.parse(text_of(1)).key == SPACE.parse(text_of(10)).key


def test_layers_read_what_the_number_says() -> None:
    cell = SPACE.parse(text_of(80_127))  # a chain of gat, gcn, gin, fc
    order = cell.graph.adjacency[0].sum(0)
    assert (
        order.max() == 1
        and cell.text == "Genotype(cell=[('gat', 0), ('gcn', 1), ('gin', 2), ('fc', 3)], cell_concat=[4])"
    )


def test_a_file_becomes_a_table_whose_test_scores_no_search_sees(tmp_path: Path) -> None:
    file = written(tmp_path, {10_123: SCORES, 80_127: SCORES | {"valid_perf": 0.7}})
    found = import_data(file, "nasbench-graph", out=tmp_path / "t.parquet")
    assert sorted(found.table.columns) == ["latency", "params", "test", "valid"]
    goal = TableObjective.of(f"{tmp_path / 't.parquet'}/valid", SPACE)
    assert sorted(goal.values.tolist()) == pytest.approx([70.0, 81.0])
    (arch,) = SPACE.architectures(SPACE.parse_batch([text_of(10_123)]))
    assert goal.evaluate(arch).test == pytest.approx({"test": 80.0})


def test_the_table_is_named_after_the_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHLLM_DATA", str(tmp_path))
    assert import_data(written(tmp_path, {1: SCORES}), "nasbench-graph").out.name == "nasbench-graph-tiny.parquet"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "holds no dictionary"),
        ({}, "holds no dictionary"),
        ({"1": SCORES}, "at most five digits"),
        ({90_000: SCORES}, "stands for nothing"),
        ({9: SCORES}, "stands for nothing"),
        ({1: 3}, "expected a number valid_perf, got None"),
        ({1: SCORES | {"perf": "good"}}, "expected a number perf"),
        ({1: SCORES | {"para": float("nan")}}, "para is nan"),
        (b"cos\nsystem\n(S'true'\ntR.", "damaged|asks for"),
        (b"nothing", "damaged"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        import_table(written(tmp_path, content), "nasbench-graph", SPACE)
