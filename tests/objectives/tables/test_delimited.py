from __future__ import annotations

import csv
import gzip

import numpy as np
import pytest

from archllm.errors import DataError
from archllm.objectives.tables.delimited import read_delimited

ONE = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"  # index 0
DIAMOND = '{"matrix": [[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]], "ops": ["input", "OPS", "output"]}'
OPS = ["conv3x3-bn-relu", "maxpool3x3"]


@pytest.fixture
def read(tmp_path):
    def reader(space, text, *options, name="mine.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_delimited(path, space, {}, *options)

    return reader


def parquet(path, **columns):
    pa = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet").write_table(pa.table(columns), path)
    return path


def test_a_row_is_an_architecture_in_any_of_its_texts(read, nasbench201):
    table = read(nasbench201, f'arch,score\n{ONE},90\n"(4, 0, 3, 1, 4, 3)",80.5\n7,1e1\n')
    assert table.space == "nasbench201"
    known = nasbench201.parse("(4, 0, 3, 1, 4, 3)").key
    assert table.keys.tolist() == [0, known, 7] and table.columns["score"].tolist() == [90.0, 80.5, 10.0]


@pytest.mark.parametrize("heading", ["architecture", "arch", "arch_str", "genotype"])
def test_columns_of_architectures_are_known_by_their_names(read, nasbench201, heading):
    assert read(nasbench201, f"score,{heading}\n1,5\n").keys.tolist() == [5]


def test_another_column_of_architectures_can_be_named(read, nasbench201):
    table = read(nasbench201, "id,cell,score\n9,5,1\n", "cell")
    assert table.keys.tolist() == [5]


def test_a_missing_column_of_architectures_is_told_with_those_that_exist(read, nasbench201):
    with pytest.raises(DataError, match=r"no column architecture or .*--arch-column.* id, score"):
        read(nasbench201, "id,score\n9,1\n")
    with pytest.raises(DataError, match=r"mine\.csv has no column 'cell'; it has id, score"):
        read(nasbench201, "id,score\n9,1\n", "cell")


def test_columns_of_numbers_are_scores_and_others_are_left_out(read, nasbench201):
    table = read(nasbench201, "arch,acc,note,ms\n1,90,good,\n2,80,bad,2.5\n")
    assert sorted(table.columns) == ["acc", "ms"]
    np.testing.assert_array_equal(table.columns["ms"], [np.nan, 2.5])


def test_the_columns_to_keep_can_be_named(read, nasbench201):
    assert list(read(nasbench201, "arch,a,b,c\n1,2,3,x\n", None, ["b"]).columns) == ["b"]
    with pytest.raises(DataError, match="no column 'd'; it has arch, a, b, c"):
        read(nasbench201, "arch,a,b,c\n1,2,3,x\n", None, ["d"])
    with pytest.raises(DataError, match="row 2, column c: expected a number, found 'x'"):
        read(nasbench201, "arch,a,b,c\n1,2,3,x\n", None, ["c"])


def test_a_table_without_numbers_is_refused(read, nasbench201):
    with pytest.raises(DataError, match="no column of numbers"):
        read(nasbench201, "arch,note\n1,good\n")


@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "-Infinity", "1e999"])
def test_a_score_that_is_not_finite_is_refused_with_its_place(read, nasbench201, value):
    with pytest.raises(DataError, match=rf"mine\.csv, row 3, column acc: a score must be finite, found '{value}'"):
        read(nasbench201, f"arch,acc\n1,90\n2,{value}\n")


@pytest.mark.parametrize("value", ["ninety", "90%", "1_000", "9 0"])
def test_a_score_that_is_no_number_is_refused_with_its_place(read, nasbench201, value):
    with pytest.raises(DataError, match=rf"mine\.csv, row 3, column acc: expected a number, found '{value}'"):
        read(nasbench201, f"arch,acc\n1,90\n2,{value}\n")


def test_a_missing_architecture_is_refused_with_its_row(read, nasbench201):
    with pytest.raises(DataError, match=r"mine\.csv, row 3: the architecture is missing"):
        read(nasbench201, "arch,acc\n1,90\n,80\n")


def test_an_unreadable_architecture_is_refused_with_its_row_and_position(read, nasbench201):
    with pytest.raises(DataError, match=r"mine\.csv, row 3: .*nor_conv_5x5.*at character 1"):
        read(nasbench201, f"arch,acc\n{ONE},90\n|nor_conv_5x5~0|,80\n")


def test_a_readable_architecture_that_is_no_member_is_refused_with_its_row(read, nasbench101):
    cell = '"{""matrix"": [[0, 0], [0, 0]], ""ops"": [""input"", ""output""]}"'
    with pytest.raises(DataError, match=r"mine\.csv, row 2: not a member of nasbench101: no path leads"):
        read(nasbench101, f"arch,acc\n{cell},90\n")


def test_rows_are_counted_as_a_person_counts_them(read, nasbench201):
    with pytest.raises(DataError, match="row 4, column acc"):
        read(nasbench201, "arch,acc\n1,90\n\n2,x\n", None, ["acc"])


def test_two_scores_of_one_architecture_are_refused_with_both_rows(read, nasbench201):
    with pytest.raises(DataError, match=r"two scores.*row 2 has acc = 90, .*row 4 has 91"):
        read(nasbench201, f"arch,acc\n{ONE},90\n5,80\n0,91\n")


def test_isomorphic_rows_are_one_architecture(tmp_path, nasbench101):
    texts = [DIAMOND.replace("OPS", '", "'.join(ops)) for ops in (OPS, OPS[::-1])]
    for other, rows in ((90.0, 1), (91.0, None)):
        with (tmp_path / "mine.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["arch", "acc"], [texts[0], 90.0], [texts[1], other]])
        if rows is None:
            with pytest.raises(DataError, match=r"row 2 has acc = 90, .*row 3 has 91"):
                read_delimited(tmp_path / "mine.csv", nasbench101, {})
        else:
            assert len(read_delimited(tmp_path / "mine.csv", nasbench101, {})) == rows


def test_a_row_with_more_or_fewer_cells_is_refused(read, nasbench201):
    with pytest.raises(DataError, match="row 3: expected 2 cells, found 3"):
        read(nasbench201, "arch,acc\n1,90\n2,80,5\n")
    with pytest.raises(DataError, match="row 2: expected 2 cells, found 1"):
        read(nasbench201, "arch,acc\n1\n")


def test_two_columns_of_one_name_are_refused(read, nasbench201):
    with pytest.raises(DataError, match="two columns have the same heading"):
        read(nasbench201, "arch,acc,acc\n1,90,80\n")


@pytest.mark.parametrize("text", ["", "arch,acc\n", "\n\n"])
def test_a_file_without_rows_is_refused(read, nasbench201, text):
    with pytest.raises(DataError, match="has no rows"):
        read(nasbench201, text)


def test_a_byte_order_mark_is_no_part_of_the_heading(read, nasbench201):
    assert read(nasbench201, "\ufeffarch,acc\n1,90\n").columns["acc"].tolist() == [90.0]


def test_a_compressed_file_is_read(read, nasbench201):
    assert read(nasbench201, gzip.compress(b"arch,acc\n1,90\n"), name="mine.csv.gz").keys.tolist() == [1]


def test_damaged_files_are_refused(read, nasbench201):
    content = gzip.compress(b"arch,acc\n" + b"".join(b"%d,%d\n" % (n, n * n % 97) for n in range(2000)))
    changed = bytearray(content)
    changed[-6] ^= 0xFF  # in the checksum
    for damaged in (content[: len(content) // 2], content[:-4], bytes(changed), b"no archive"):
        with pytest.raises(DataError, match=r"mine\.csv\.gz is damaged"):
            read(nasbench201, damaged, name="mine.csv.gz")
    with pytest.raises(DataError, match=r"mine\.csv is damaged or no CSV file"):
        read(nasbench201, b"arch,acc\n\xff\xfe,1\n")


def test_the_published_accuracies_of_nasbench201_are_recognised(data_dir, nasbench201):
    table = read_delimited(data_dir / "nasbench201.csv.gz", nasbench201, {})
    assert sorted(table.keys.tolist()) == list(range(15_625))
    best = {name: round(float(values.max()), 3) for name, values in table.columns.items()}
    assert best["cifar10.valid@200"] == 91.607 and best["cifar100.valid@200"] == 73.493
    assert best["imagenet16.valid@200"] == 46.733 and best["imagenet16.test@200"] == 47.311
    assert {"cifar10.valid@12", "cifar100.test@12", "cifar10.valid_run_test@200"} <= table.columns.keys()


def test_the_published_latencies_of_nasbench201_are_recognised(data_dir, nasbench201):
    table = read_delimited(data_dir / "nasbench201_latency.csv.gz", nasbench201, {})
    with gzip.open(data_dir / "nasbench201_latency.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    assert len(table) == len(rows) and len(table.columns) == 6
    for at in (0, 1, 7_000, 15_624):
        index, values = int(rows[at]["index"]), table.columns
        assert table.keys[at] == index and values["latency_ms.raspi4"][at] == float(rows[at]["raspi4"])


def test_an_index_beside_a_text_has_to_be_its_own(read, nasbench201):
    heading = "index,arch,cifar10_valid,cifar100_valid"
    assert read(nasbench201, f"{heading}\n0,{ONE},90,60\n").columns.keys() == {
        "cifar10.valid@200",
        "cifar100.valid@200",
    }
    with pytest.raises(DataError, match="row 2: index '1' is not that of the architecture, which is 0"):
        read(nasbench201, f"{heading}\n1,{ONE},90,60\n")


SAMPLE = "n_vertices,upper_triangle_bits,ops,valid_ep4,valid_ep108,train_time_s\n"


def test_a_sample_of_nasbench101_is_recognised(read, nasbench101):
    table = read(nasbench101, SAMPLE + "4,110011,02,0.25,0.75,100\n2,1,,0.5,0.875,50\n")
    diamond = nasbench101.parse(DIAMOND.replace("OPS", '", "'.join(OPS)))
    assert table.keys[0] == diamond.key
    assert {name: values.tolist() for name, values in table.columns.items()} == {
        "cifar10.valid@4": [25.0, 50.0],
        "cifar10.valid@108": [75.0, 87.5],
        "cifar10.seconds@108": [100.0, 50.0],
    }


def test_columns_of_a_sample_can_be_chosen(read, nasbench101):
    assert list(read(nasbench101, SAMPLE + "2,1,,0.5,0.8,50\n", None, ["valid_ep108"]).columns) == ["cifar10.valid@108"]


@pytest.mark.parametrize("row", ["x,1,", "8,1,", "3,11,1", "3,111,", "3,111,3", "3,121,1", "3,111,11", "1,,", "2,0,"])
def test_bits_that_describe_no_cell_are_refused_with_their_row(read, nasbench101, row):
    with pytest.raises(DataError, match=r"mine\.csv, row 3.*(do not describe a cell|not a member)"):
        read(nasbench101, f"{SAMPLE}2,1,,0.5,0.8,50\n{row},0.5,0.8,50\n")


def test_a_well_known_table_of_another_space_is_refused(data_dir, nasbench101, nasbench201):
    with pytest.raises(DataError, match="is a table of nasbench201, not of nasbench101"):
        read_delimited(data_dir / "nasbench201.csv.gz", nasbench101, {})
    with pytest.raises(DataError, match="is a table of nasbench101, not of nasbench201"):
        read_delimited(data_dir / "nasbench101_sample.csv.gz", nasbench201, {})


def test_a_table_of_another_space_is_refused_with_the_space(read, nasbench101, nasbench201):
    with pytest.raises(DataError, match=r"row 2: .*the first row is an architecture of nasbench201"):
        read(nasbench101, f"arch,acc\n{ONE},90\n")


def test_a_parquet_file_of_ones_own_is_read(tmp_path, nasbench201):
    path = parquet(tmp_path / "mine.parquet", cell=[ONE, "5"], acc=[90.25, None], n=[1, 2], note=["a", "b"])
    table = read_delimited(path, nasbench201, {}, "cell")
    assert table.keys.tolist() == [0, 5] and sorted(table.columns) == ["acc", "n"]
    np.testing.assert_array_equal(table.columns["acc"], [90.25, np.nan])


def test_a_damaged_parquet_file_is_refused(tmp_path, nasbench201):
    content = parquet(tmp_path / "mine.parquet", arch=["1"], acc=[90.0]).read_bytes()
    for damaged in (content[:-20], b"PAR1", b""):
        (tmp_path / "bad.parquet").write_bytes(damaged)
        with pytest.raises(DataError, match=r"bad\.parquet is damaged"):
            read_delimited(tmp_path / "bad.parquet", nasbench201, {})


def test_rows_of_a_parquet_file_are_counted_from_one(tmp_path, nasbench201):
    path = parquet(tmp_path / "mine.parquet", arch=["1", None], acc=[90.0, 80.0])
    with pytest.raises(DataError, match=r"mine\.parquet, row 2: the architecture is missing"):
        read_delimited(path, nasbench201, {})
    path = parquet(tmp_path / "mine.parquet", arch=["1", "2"], acc=[90.0, float("nan")])
    with pytest.raises(DataError, match=r"mine\.parquet, row 2, column acc: a score must be finite"):
        read_delimited(path, nasbench201, {})


def test_the_name_of_a_folder_is_no_column(tmp_path, nasbench201):
    (tmp_path / "seed=5").mkdir()
    path = parquet(tmp_path / "seed=5" / "mine.parquet", arch=["1"], acc=[90.0])
    assert list(read_delimited(path, nasbench201, {}).columns) == ["acc"]
