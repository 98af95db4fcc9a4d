"""Result files as people have them: what is read, what is named, and what is bounded."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import pytest

from archllm.errors import DataError
from archllm.objectives.table import TableObjective
from archllm.objectives.tables.cells import MOST_COLUMNS
from archllm.objectives.tables.delimited import read_delimited
from archllm.objectives.tables.table import Table
from archllm.spaces import SearchSpace


def read(folder: Path, space: SearchSpace, text: str | bytes, name: str = "mine.csv", **options: Any) -> Table:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_delimited(folder / name, space, {}, **options)


def test_percent_signs_are_read(tmp_path: Path, nasbench201: SearchSpace) -> None:
    table = read(tmp_path, nasbench201, "arch,acc,params\n1,93.1%,5\n2,90%,6\n")
    assert table.columns["acc"].tolist() == [93.1, 90.0] and table.unread == {}
    with pytest.raises(DataError, match=r"row 3, column acc: expected a number, found '90'"):
        read(tmp_path, nasbench201, "arch,acc,params\n1,93.1%,5\n2,90,6\n")


def test_a_column_that_is_not_read_is_named_with_its_first_bad_cell(tmp_path: Path, nasbench201: SearchSpace) -> None:
    table = read(tmp_path, nasbench201, "arch,acc,note,params\n1,diverged,good,5\n2,90,,6\n")
    assert list(table.columns) == ["params"]
    assert table.unread == {"acc": "row 2 holds 'diverged'", "note": "row 2 holds 'good'"}
    with pytest.raises(DataError, match=r"no column or data set 'acc'; it has params; column acc was not read: row 2"):
        TableObjective(nasbench201, table, "acc")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_found(tmp_path: Path, nasbench201: SearchSpace, separator: str) -> None:
    text = (
        "\n\n" + separator.join(["arch", "acc", "n"]) + "\n" + separator.join(["(4, 0, 3, 1, 4, 3)", "90", "1"]) + "\n"
    )
    if separator == ",":
        text = text.replace("(4, 0, 3, 1, 4, 3)", '"(4, 0, 3, 1, 4, 3)"')
    assert read(tmp_path, nasbench201, text).columns["acc"].tolist() == [90.0]


def test_a_text_without_quotes_and_a_single_column_are_told(tmp_path: Path, nasbench201: SearchSpace) -> None:
    with pytest.raises(DataError, match=r"row 2: expected 2 cells, found 7 .*written in quotes"):
        read(tmp_path, nasbench201, "arch,acc\n(4, 0, 3, 1, 4, 3),90\n")
    with pytest.raises(DataError, match="separated by commas, semicolons or tabs"):
        read(tmp_path, nasbench201, "a|acc\n1|2\n")


def test_repeated_measurements_are_kept_as_asked(tmp_path: Path, nasbench201: SearchSpace) -> None:
    text = "arch,acc,ms\n1,90,\n2,80,5\n1,92,3\n1,94,\n"
    with pytest.raises(DataError, match=r"row 2 has acc = 90, .*row 4 has 92; .*--repeats"):
        read(tmp_path, nasbench201, text)
    first = read(tmp_path, nasbench201, text, repeats="first")
    assert (first.columns["acc"].tolist(), first.columns["ms"].tolist()) == ([90.0, 80.0], [3.0, 5.0])
    mean = read(tmp_path, nasbench201, text, repeats="mean")
    assert (mean.columns["acc"].tolist(), mean.columns["ms"].tolist()) == ([92.0, 80.0], [3.0, 5.0])


@pytest.mark.parametrize("row", [b"0,1\n", b",\n", b"," * 1_000 + b"\n", b"\n", b'"'])
def test_a_file_that_unpacks_to_more_than_a_table_is_refused(
    tmp_path: Path, nasbench201: SearchSpace, row: bytes
) -> None:
    packer = zlib.compressobj(9, wbits=31)
    block = row * (1_000_000 // len(row))
    content = packer.compress(b"arch,acc\n") + b"".join(packer.compress(block) for _ in range(8)) + packer.flush()
    with pytest.raises(DataError, match=r"unpacks to .* over 100 times as many"):
        read(tmp_path, nasbench201, content, "mine.csv.gz")


def test_columns_without_end_are_refused(tmp_path: Path, nasbench201: SearchSpace) -> None:
    heading = ",".join(["arch", *map(str, range(MOST_COLUMNS))])
    with pytest.raises(DataError, match="columns, more than"):
        read(tmp_path, nasbench201, gzip.compress(heading.encode()), "mine.csv.gz")


def test_a_parquet_file_that_promises_rows_without_end_is_refused(tmp_path: Path, nasbench201: SearchSpace) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    writer = pq.ParquetWriter(tmp_path / "a.parquet", pa.schema([("arch", pa.string()), ("acc", pa.float64())]))
    block = pa.table({"arch": ["0"] * 500_000, "acc": [1.0] * 500_000})
    for _ in range(4):
        writer.write_table(block)
    writer.close()
    with pytest.raises(DataError, match=r"2,000,000 rows: that is no table|times as many"):
        read_delimited(tmp_path / "a.parquet", nasbench201, {})


def test_a_parquet_file_with_texts_that_are_no_texts_is_refused(tmp_path: Path, nasbench201: SearchSpace) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    texts = pa.array([b"1\xff\xfe", b"2"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"arch": texts, "acc": [1.0, 2.0], "deep": [[[1]], [[2]]]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet is damaged"):
        read_delimited(tmp_path / "a.parquet", nasbench201, {})
