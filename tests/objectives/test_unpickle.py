from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from archllm.errors import DataError
from archllm.objectives.unpickle import load_restricted, load_several


class Attack:
    """Runs a command when it is unpickled the usual way."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data_comes_back(protocol):
    data = OrderedDict(a=[1, 2.5, "x", b"y", None], b={"m": np.arange(6.0).reshape(2, 3), "s": np.float32(1.5)})
    found = load_restricted(pickle.dumps(data, protocol), "data.pickle")
    assert list(found) == ["a", "b"] and found["a"] == data["a"]
    assert (found["b"]["m"] == data["b"]["m"]).all() and found["b"]["s"] == np.float32(1.5)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_runs_a_command_is_refused_and_nothing_is_executed(tmp_path, protocol):
    content = pickle.dumps({"scores": [1, Attack(tmp_path / "owned")]}, protocol)
    with pytest.raises(DataError, match=r"evil\.pickle.*system.*refused"):
        load_restricted(content, "evil.pickle")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("reference", [("builtins", "eval"), ("builtins", "getattr"), ("numpy", "load")])
def test_other_globals_are_named(reference):
    content = f"c{reference[0]}\n{reference[1]}\n.".encode()
    with pytest.raises(DataError, match=rf"{reference[0]}\.{reference[1]}"):
        load_restricted(content, "x.pickle")


@pytest.mark.parametrize("cut", [0, 1, 10, -1])
def test_a_truncated_pickle_is_damaged(cut):
    content = pickle.dumps({"a": list(range(100))})
    with pytest.raises(DataError, match=r"x\.pickle is damaged"):
        load_restricted(content[:cut], "x.pickle")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("code", ["<i8", ">f4", "|u1", "|b1", "<U3", "|S2", "<c16"])
def test_arrays_and_numbers_of_every_plain_type_come_back(protocol, code):
    array = np.arange(6).astype(code).reshape(2, 3)
    found = load_restricted(pickle.dumps([array, array.T, array[0, 1]], protocol), "x.pickle")
    for one, other in zip(found, [array, array.T, array[0, 1]], strict=True):
        assert one.dtype.name == other.dtype.name and np.array_equal(one, other)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_pickles_of_numpy_1_are_read_by_numpy_2(protocol):
    content = pickle.dumps([np.float64(1.5), np.arange(3)], protocol)
    if protocol == 4:  # the length of the name stands before it
        old = content.replace(b"\x16numpy._core.multiarray", b"\x15numpy.core.multiarray")
        old = old[:3] + (len(old) - 11).to_bytes(8, "little") + old[11:]
    else:
        old = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert b"numpy.core" in old
    number, array = load_restricted(old, "x.pickle")
    assert number == 1.5 and array.tolist() == [0, 1, 2]


def test_bytes_of_a_file_are_never_taken_for_addresses():
    address = b"\x01\x02\x03\x04\x05\x06\x07\x08"
    kind = b"cnumpy\ndtype\n(X\x02\x00\x00\x00O8K\x00K\x01tR"
    raw = b"C\x08" + address
    calls = [
        b"cnumpy\nndarray\n((K\x01t" + kind + raw + b"tR.",  # ndarray((1,), object, buffer)
        b"cnumpy._core.multiarray\nscalar\n(" + kind + raw + b"tR.",
        b"cnumpy._core.numeric\n_frombuffer\n(" + raw + kind + b"(K\x01tX\x01\x00\x00\x00CtR.",
    ]
    for call in calls:
        with pytest.raises(DataError, match="damaged"):
            load_restricted(call, "x.pickle")


def test_arrays_of_objects_are_refused():
    for array in (np.array([{}, 1], dtype=object), np.zeros(2, dtype=[("a", "O")])):
        with pytest.raises(DataError, match="plain numbers"):
            load_restricted(pickle.dumps(array), "x.pickle")


def test_pickles_in_a_row_are_read_one_by_one():
    assert load_several(pickle.dumps(1) + pickle.dumps({"a": 2}) + b"rest", "x", 2) == [1, {"a": 2}]


def test_fewer_globals_may_be_allowed():
    with pytest.raises(DataError, match=r"collections\.OrderedDict"):
        load_restricted(pickle.dumps(OrderedDict()), "x", frozenset())
