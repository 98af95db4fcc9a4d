from __future__ import annotations

import json

import numpy as np
import pytest

from archllm.errors import DataError
from archllm.objectives.tables import nasbench101 as reader
from archllm.objectives.tables.nasbench101 import read_nasbench101
from archllm.objectives.tables.tfrecord import read_fields

from .records import double, evaluation, framed, message, metrics, record, varint

# The inception-like cell of the benchmark's README.
MATRIX = "0111010000000100000010000100000000100000010000000"
OPS = "input,conv1x1-bn-relu,conv3x3-bn-relu,conv3x3-bn-relu,conv3x3-bn-relu,maxpool3x3,output"
SMALL, SMALL_OPS = "0100", "input,output"


@pytest.fixture(scope="module")
def inception(nasbench101):
    return hash_of(nasbench101, MATRIX, OPS)


def hash_of(space, matrix, ops):
    names = ops.split(",")
    rows = [[int(bit) for bit in matrix[at : at + len(names)]] for at in range(0, len(matrix), len(names))]
    return space.parse(json.dumps({"matrix": rows, "ops": names})).official_hash


def training(final_valid, final_test, seconds, parameters=300):
    """Evaluations before, halfway and after; only the last one counts."""
    before, halfway = evaluation(0.0, 0.0, 0.1, 0.1), evaluation(54.0, seconds / 2, 0.5, 0.5)
    return metrics([before, halfway, evaluation(108.0, seconds, final_valid, final_test)], parameters)


def read(tmp_path, space, *records, **options):
    path = tmp_path / "a.tfrecord"
    path.write_bytes(b"".join(records))
    return read_nasbench101(path, space, {"source": "a"}, **options)


def test_scores_are_means_of_the_runs_at_the_end_of_training(tmp_path, nasbench101, inception):
    runs = [(0.90, 0.80, 100.0), (0.92, 0.84, 120.0), (0.94, 0.88, 140.0)]
    records = [record(inception, 108, MATRIX, OPS, training(*run, 2_694_282)) for run in runs]
    table = read(tmp_path, nasbench101, *records)
    assert {name: values.tolist() for name, values in table.columns.items()} == {
        "cifar10.valid@108": [pytest.approx(92.0)],
        "cifar10.test@108": [pytest.approx(84.0)],
        "cifar10.seconds@108": [pytest.approx(120.0)],
        "params": [2_694_282.0],
    }
    assert nasbench101.official_hash(table.graphs) == inception
    assert nasbench101.networks.params(table.graphs).tolist() == [2_694_282]
    assert "cifar10.valid@108 3" in table.about["seeds"] and table.about["source"] == "a"


def test_each_length_of_training_has_its_own_columns(tmp_path, nasbench101, inception):
    small = hash_of(nasbench101, SMALL, SMALL_OPS)
    table = read(
        tmp_path,
        nasbench101,
        record(inception, 4, MATRIX, OPS, training(0.3, 0.2, 5.0)),
        record(small, 108, SMALL, SMALL_OPS, training(0.9, 0.8, 50.0)),
        record(inception, 108, MATRIX, OPS, training(0.7, 0.6, 90.0)),
    )
    names = [nasbench101.official_hash(graph) for graph in table.graphs]
    assert names == [inception, small]
    np.testing.assert_allclose(table.columns["cifar10.valid@4"], [30.0, np.nan])
    np.testing.assert_allclose(table.columns["cifar10.valid@108"], [70.0, 90.0])
    np.testing.assert_allclose(table.columns["cifar10.seconds@108"], [90.0, 50.0])


def test_the_progress_ends_with_the_whole_file(tmp_path, nasbench101, inception):
    told = []
    content = record(inception, 108, MATRIX, OPS, training(0.9, 0.8, 1.0))
    read(tmp_path, nasbench101, content, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(content), len(content))


def test_a_hash_that_is_not_that_of_the_cell_is_found(tmp_path, nasbench101, inception):
    wrong = "0" * 32
    with pytest.raises(DataError, match=f"module {wrong} has a cell whose hash is {inception}"):
        read(tmp_path, nasbench101, record(wrong, 108, MATRIX, OPS, training(0.9, 0.8, 1.0)))


def test_hashes_of_a_large_file_are_compared_for_a_part_spread_over_it(tmp_path, nasbench101, monkeypatch):
    monkeypatch.setattr(reader, "MOST_HASHES", 2)
    cells = [json.loads(text) for text in nasbench101.format(nasbench101.sample(5, np.random.default_rng(0)))]
    matrices = ["".join(str(bit) for row in cell["matrix"] for bit in row) for cell in cells]
    ops = [",".join(cell["ops"]) for cell in cells]
    right = [hash_of(nasbench101, *cell) for cell in zip(matrices, ops, strict=True)]

    def with_wrong(place):
        names = [*right[:place], "0" * 32, *right[place + 1 :]]
        content = training(0.9, 0.8, 1.0)
        parts = [record(*each, content) for each in zip(names, [108] * 5, matrices, ops, strict=True)]
        return read(tmp_path, nasbench101, *parts)

    assert [len(with_wrong(place)) for place in (1, 2, 4)] == [5, 5, 5]
    for place in (0, 3):
        with pytest.raises(DataError, match="has a cell whose hash is"):
            with_wrong(place)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"not JSON", "record 1"),
        (b'["a", 108]', "record 1"),
        (b'{"a": 1}', "record 1"),
        (json.dumps(["a", 108, "0100", "input,output", "***"]).encode(), "record 1"),
        (json.dumps(["a", "108", "0100", "input,output", ""]).encode(), "expected module hash"),
        (json.dumps(["a", 108, "0100", "input,output", ""]).encode(), "no evaluation"),
        (b"[" * 100_000, "record 1"),
    ],
)
def test_a_record_of_another_form_is_named(tmp_path, nasbench101, inception, content, told):
    good = record(inception, 108, MATRIX, OPS, training(0.9, 0.8, 1.0))
    with pytest.raises(DataError, match=told) as error:
        read(tmp_path, nasbench101, good, framed(content))
    assert "record 1 is not as NAS-Bench-101 writes it" in str(error.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_score_that_is_not_finite_is_refused(tmp_path, nasbench101, inception, value):
    with pytest.raises(DataError, match=r"record 0.*cifar10\.valid@108 is (nan|inf)"):
        read(tmp_path, nasbench101, record(inception, 108, MATRIX, OPS, training(value, 0.8, 1.0)))


@pytest.mark.parametrize("cut", [1, 5, 20, 60])
def test_truncated_metrics_are_refused(tmp_path, nasbench101, inception, cut):
    with pytest.raises(DataError, match="record 0"):
        read(tmp_path, nasbench101, record(inception, 108, MATRIX, OPS, training(0.9, 0.8, 1.0)[:-cut]))


@pytest.mark.parametrize(
    ("matrix", "ops", "told"),
    [
        ("010", "input,output", "do not describe a cell"),
        ("01x0", "input,output", "do not describe a cell"),
        ("0100", "input,exit", "do not describe a cell"),
        ("0" * 64, ",".join(["input", *["maxpool3x3"] * 6, "output"]), "do not describe a cell"),
        ("0000", "input,output", "no path leads from input to output"),
    ],
)
def test_what_is_no_cell_of_the_space_is_named(tmp_path, nasbench101, matrix, ops, told):
    with pytest.raises(DataError, match=rf"module abc.*{told}"):
        read(tmp_path, nasbench101, record("abc", 108, matrix, ops, training(0.9, 0.8, 1.0)))


def test_two_cells_under_one_hash_are_refused(tmp_path, nasbench101, inception):
    one = record(inception, 108, MATRIX, OPS, training(0.9, 0.8, 1.0))
    other = record(inception, 108, SMALL, SMALL_OPS, training(0.9, 0.8, 1.0))
    with pytest.raises(DataError, match=r"record 1: module .* has another cell than before"):
        read(tmp_path, nasbench101, one, other)


def test_an_empty_file_holds_no_records(tmp_path, nasbench101):
    with pytest.raises(DataError, match="holds no records"):
        read(tmp_path, nasbench101)


def test_a_truncated_file_tells_the_record(tmp_path, nasbench101, inception):
    content = record(inception, 108, MATRIX, OPS, training(0.9, 0.8, 1.0))
    with pytest.raises(DataError, match="truncated in record 1"):
        read(tmp_path, nasbench101, content, content[:-3])


def test_fields_of_a_message_are_numbers_texts_and_messages():
    content = bytes([1 * 8]) + varint(300) + double(2, 2.5) + message(3, b"text") + bytes([4 * 8 + 5]) + b"\0\0\x20\x40"
    assert list(read_fields(content)) == [(1, 300), (2, 2.5), (3, b"text"), (4, 2.5)]
    assert list(read_fields(bytes.fromhex("089601"))) == [(1, 150)]  # the example of the format's documentation


@pytest.mark.parametrize(
    "content", [b"\x08", b"\x08\x80", b"\x09\0\0", b"\x0a\x05abc", b"\x0b", b"\x08" + b"\xff" * 11]
)
def test_a_damaged_message_is_refused(content):
    with pytest.raises(ValueError, match="protocol buffer"):
        list(read_fields(content))
