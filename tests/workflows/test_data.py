"""Importing tables: one Parquet file, whole or not at all."""

from __future__ import annotations

import builtins
import gzip
from itertools import islice

import pytest

from archllm.cli import main
from archllm.errors import DataError, DataMissing, InvalidInput, MissingExtra, RunFolderError
from archllm.objectives.tables import read_parquet
from archllm.workflows.data import import_data


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "mine.csv").write_text("arch,accuracy,note\n3,91.5,good\n4,90,\n")
    return tmp_path / "mine.csv"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_table_is_written_with_its_provenance(mine, tmp_path, nasbench201):
    found = import_data(mine, "csv", "nasbench201", out=tmp_path / "t.parquet")
    assert found.out == tmp_path / "t.parquet"
    table = read_parquet(found.out, nasbench201)
    assert table.keys.tolist() == [3, 4] and table.columns["accuracy"].tolist() == [91.5, 90.0]
    about = table.about
    assert (about["source"], about["format"], about["space"]) == ("mine.csv", "csv", "nasbench201")
    assert len(about["sha256"]) == 64 and about["imported"].count("-") == 2 and about["archllm"]
    assert found.to_json()["columns"] == ["accuracy"] and found.to_json()["architectures"] == 2


def test_a_space_may_be_given_as_itself(mine, tmp_path, nasbench201):
    assert len(import_data(str(mine), "csv", nasbench201, out=str(tmp_path / "t.parquet")).table) == 2


@pytest.mark.parametrize(
    ("name", "space", "column"),
    [
        ("nasbench201.csv.gz", "nasbench201", "cifar10.valid@200"),
        ("nasbench201_latency.csv.gz", "nasbench201", "latency_ms.fpga"),
        ("nasbench101_sample.csv.gz", "nasbench101", "cifar10.valid@108"),
    ],
)
def test_tables_of_well_known_shape_tell_their_space(data_dir, tmp_path, monkeypatch, name, space, column):
    if not (data_dir / name).is_file():
        pytest.skip(f"there is no {name} in {data_dir}")
    with gzip.open(data_dir / name, "rt") as whole, gzip.open(tmp_path / name, "wt") as part:
        part.writelines(islice(whole, 301))
    monkeypatch.setenv("ARCHLLM_DATA", str(tmp_path / "new"))
    found = import_data(tmp_path / name, "csv")
    assert found.out == tmp_path / "new" / f"{name.split('.')[0]}.parquet"
    assert found.table.space == space and len(found.table) == 300 and column in found.table.columns


def test_an_imported_table_may_be_imported_again(mine, tmp_path, nasbench201):
    first = import_data(mine, "csv", "nasbench201", out=tmp_path / "a.parquet").out
    again = import_data(first, "parquet", out=tmp_path / "b.parquet")
    assert again.table.about["source"] == "mine.csv"
    assert read_parquet(again.out, nasbench201).keys.tolist() == [3, 4]


def test_a_file_replaces_an_earlier_one(mine, tmp_path, nasbench201):
    out = import_data(mine, "csv", "nasbench201", out=tmp_path / "t.parquet").out
    mine.write_text("arch,accuracy\n7,1\n")
    import_data(mine, "csv", "nasbench201", out=out)
    assert read_parquet(out, nasbench201).keys.tolist() == [7]


def test_progress_is_told(tmp_path, data_dir):
    folder = data_dir / "NATS-tss-v1_0-3ffb9-simple"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder.name} in {data_dir}")
    told = []
    found = import_data(folder, "nats", out=tmp_path / "t.parquet", listener=told.append)
    assert [(event.stage, event.step, event.steps) for event in told] == [("import", i, 3) for i in (1, 2, 3)]
    assert found.table.about["source"] == folder.name


# ------------------------------------------------------------------------------------------------ what is refused


def test_a_bad_row_leaves_nothing_behind(mine, tmp_path):
    mine.write_text("arch,accuracy\n3,91.5\n4,nan\n")
    with pytest.raises(DataError, match=r"mine\.csv, row 3, column accuracy: a score must be finite"):
        import_data(mine, "csv", "nasbench201", out=tmp_path / "t.parquet")
    assert names(tmp_path) == ["mine.csv"]


def test_a_bad_row_leaves_the_earlier_table_alone(mine, tmp_path, nasbench201):
    out = import_data(mine, "csv", "nasbench201", out=tmp_path / "t.parquet").out
    mine.write_text("arch,accuracy\n3,x\n")
    with pytest.raises(DataError):
        import_data(mine, "csv", "nasbench201", out=out)
    assert read_parquet(out, nasbench201).keys.tolist() == [3, 4]


def test_an_unknown_format_is_told_with_those_that_exist(mine, tmp_path):
    with pytest.raises(InvalidInput, match="unknown table format 'xlsx'; known are nats, nasbench201-pth"):
        import_data(mine, "xlsx", "nasbench201", out=tmp_path / "t.parquet")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(DataMissing, match=r"no file or folder .*none\.csv"):
        import_data(tmp_path / "none.csv", "csv", "nasbench201", out=tmp_path / "t.parquet")


def test_a_missing_folder_to_write_to_is_told_before_any_work(mine, tmp_path):
    with pytest.raises(InvalidInput, match=r"there is no folder .*nowhere"):
        import_data(mine, "csv", "nasbench201", out=tmp_path / "nowhere" / "t.parquet")
    assert names(tmp_path) == ["mine.csv"]


def test_a_data_folder_that_can_not_be_made_is_told(mine, monkeypatch):
    monkeypatch.setenv("ARCHLLM_DATA", str(mine))  # a file stands there
    with pytest.raises(RunFolderError, match=r"can't make the folder .*name another place"):
        import_data(mine, "csv", "nasbench201")


def test_only_parquet_is_written(mine, tmp_path):
    with pytest.raises(InvalidInput, match=r"written as a \.parquet file"):
        import_data(mine, "csv", "nasbench201", out=tmp_path / "t.csv")


def test_a_file_that_does_not_tell_its_space_needs_one(mine, tmp_path):
    with pytest.raises(InvalidInput, match="--space"):
        import_data(mine, "csv", out=tmp_path / "t.parquet")


@pytest.mark.parametrize("form", ["nats", "nasbench201-pth", "nasbench101-tfrecord", "nasbench-graph"])
def test_official_files_are_of_their_own_space(mine, tmp_path, form):
    with pytest.raises(InvalidInput, match="not of darts"):
        import_data(mine, form, "darts", out=tmp_path / "t.parquet")


def test_official_files_have_columns_of_their_own(mine, tmp_path):
    with pytest.raises(InvalidInput, match="only csv and parquet take a choice of columns"):
        import_data(mine, "nasbench101-tfrecord", arch_column="arch", out=tmp_path / "t.parquet")


def test_a_file_is_no_folder_and_a_folder_no_file(mine, tmp_path):
    with pytest.raises(InvalidInput, match="nats is a folder"):
        import_data(mine, "nats", out=tmp_path / "t.parquet")
    with pytest.raises(InvalidInput, match="csv is a file"):
        import_data(tmp_path, "csv", "nasbench201", out=tmp_path / "t.parquet")


def test_csv_and_parquet_are_told_apart(mine, tmp_path):
    with pytest.raises(InvalidInput, match=r"not a file of format parquet by its ending"):
        import_data(mine, "parquet", "nasbench201", out=tmp_path / "t.parquet")


def test_without_pyarrow_the_extra_is_named(mine, tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"archllm\[data\]"):
        import_data(mine, "csv", "nasbench201", out=tmp_path / "t.parquet")


# ------------------------------------------------------------------------------------------------ the command


def test_the_command_takes_columns_by_name(tmp_path, capsys, nasbench201):
    (tmp_path / "m.csv").write_text("cell,a,b,c\n3,1,2,x\n")
    words = ["data", "import", str(tmp_path / "m.csv"), "--as", "csv", "--space", "nasbench201"]
    words += ["--out", str(tmp_path / "t.parquet"), "--arch-column", "cell", "--metric", "b", "a"]
    assert main(words) == 0
    assert "1 of nasbench201" in capsys.readouterr().out
    assert read_parquet(tmp_path / "t.parquet", nasbench201).columns.keys() == {"a", "b"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["imprt", "x", "--as", "csv"], "'import'"),
        (["import", "x", "--as", "xlsx"], "nasbench101-tfrecord"),
        (["import"], "FILE"),
        ([], "import"),
    ],
)
def test_a_wrong_word_is_wrong_use(capsys, words, told):
    assert main(["data", *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and told in err and "Traceback" not in err
