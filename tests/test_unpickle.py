from __future__ import annotations

import io
import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from archllm.errors import DataError
from archllm.unpickle import load_restricted


class Attack:
    """Runs a command when it is unpickled the usual way."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data_comes_back(protocol):
    data = OrderedDict(a=[1, 2.5, "x", b"y", None], b={"m": np.arange(6.0).reshape(2, 3), "s": np.float32(1.5)})
    found = load_restricted(io.BytesIO(pickle.dumps(data, protocol)), "data.pickle")
    assert list(found) == ["a", "b"] and found["a"] == data["a"]
    assert (found["b"]["m"] == data["b"]["m"]).all() and found["b"]["s"] == np.float32(1.5)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_runs_a_command_is_refused_and_nothing_is_executed(tmp_path, protocol):
    content = pickle.dumps({"scores": [1, Attack(tmp_path / "owned")]}, protocol)
    with pytest.raises(DataError, match=r"evil\.pickle.*system.*refused"):
        load_restricted(io.BytesIO(content), "evil.pickle")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("reference", [("builtins", "eval"), ("builtins", "getattr"), ("numpy", "load")])
def test_other_globals_are_named(reference):
    content = f"c{reference[0]}\n{reference[1]}\n.".encode()
    with pytest.raises(DataError, match=rf"{reference[0]}\.{reference[1]}"):
        load_restricted(io.BytesIO(content), "x.pickle")


@pytest.mark.parametrize("cut", [0, 1, 10, -1])
def test_a_truncated_pickle_is_damaged(cut):
    content = pickle.dumps({"a": list(range(100))})
    with pytest.raises(DataError, match=r"x\.pickle is damaged"):
        load_restricted(io.BytesIO(content[:cut]), "x.pickle")
