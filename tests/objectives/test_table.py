"""Tables as objectives: what they score, what they hide, and what they refuse."""

from __future__ import annotations

import math
import shutil

import numpy as np
import pytest

from archllm.errors import DataError, DataMissing, InvalidInput
from archllm.objectives import load_objective
from archllm.objectives.table import TableObjective, data_folder, find_table, found_tables, load_table
from archllm.objectives.tables import write_parquet
from archllm.objectives.tables.table import make_table

BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"

COLUMNS = {
    "cifar10.valid@12": [50.0, 60.0, 55.0],
    "cifar10.valid@200": [90.0, math.nan, 91.0],
    "cifar10.test@12": [49.0, 59.0, 54.0],
    "cifar10.test@200": [93.0, 94.0, math.nan],
    "cifar10.valid_run_test@200": [89.0, 90.0, 91.0],
    "cifar10.seconds@200": [1000.0, 2000.0, math.nan],
    "cifar100.test@200": [70.0, 71.0, 72.0],
    "params": [3e5, 2e5, 1e5],
    "latency_ms.fpga": [2.0, 1.0, 3.0],
}


def table_of(space, columns=COLUMNS, texts=("5", "2", "9")):
    values = {name: np.array(column) for name, column in columns.items()}
    return make_table(space, list(texts), values, {"source": "made"}, lambda row: f"row {row}")


@pytest.fixture
def table(nasbench201):
    return table_of(nasbench201)


@pytest.fixture
def shared(data_dir, tmp_path, monkeypatch):
    """A data folder with the published tables as they came."""
    (tmp_path / "shared").mkdir()
    for name in ("nasbench201.csv.gz", "nasbench201_latency.csv.gz"):
        if not (data_dir / name).is_file():
            pytest.skip(f"there is no {name} in {data_dir}")
        shutil.copy(data_dir / name, tmp_path / "shared" / name)
    monkeypatch.setenv("ARCHLLM_DATA", str(tmp_path / "shared"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ARCHLLM_DATA", str(tmp_path))
    return tmp_path


# ------------------------------------------------------------------------------------------- published best cells


@pytest.mark.parametrize(
    ("metric", "best", "test"),
    [("cifar10", 91.607, 94.373), ("cifar100", 73.493, 73.513), ("imagenet16", 46.733, 46.200)],
)
def test_the_best_cells_of_nasbench201_are_the_published_ones(shared, nasbench201, metric, best, test):
    objective = load_objective(f"table:nasbench201/{metric}", nasbench201)
    assert isinstance(objective, TableObjective)
    assert objective.direction == "maximise" and objective.spec == f"table:nasbench201/{metric}"
    assert objective.optimum == pytest.approx(best, abs=1e-3)
    pool = objective.architectures()
    assert len(pool) == len(objective.values) == 15_625
    winner = objective.evaluate(nasbench201.architecture(pool[int(objective.values.argmax())]))
    assert winner.value == objective.optimum and winner.failure is None and winner.cost == 0.0
    assert winner.test == {f"{metric}.test@200": pytest.approx(test, abs=1e-3)}
    assert winner.metrics == {}


def test_the_table_of_nasbench201_covers_its_space(shared, nasbench201):
    pool = load_objective("table:nasbench201/cifar10", nasbench201).architectures()
    assert sorted(nasbench201.keys(pool).tolist()) == list(range(15_625))


def test_latency_of_nasbench201_is_minimised(shared, nasbench201):
    objective = load_objective("table:nasbench201_latency/latency_ms.raspi4", nasbench201)
    assert objective.direction == "minimise"
    assert objective.evaluate(nasbench201.parse("1")).value == 54.78
    assert objective.optimum < 10.48


def test_an_imported_table_scores_as_its_source(shared, tmp_path, nasbench201):
    source = load_objective("table:nasbench201/cifar100", nasbench201)
    write_parquet(source.table, nasbench201, tmp_path / "t.parquet")
    copy = load_objective(f"table:{tmp_path}/t.parquet/cifar100", nasbench201)
    for index in (0, 11, 284, 15_624):
        arch = nasbench201.parse(str(index))
        assert copy.evaluate(arch) == source.evaluate(arch)


# ------------------------------------------------------------------------------------------------ what is scored


def test_a_data_set_means_its_longest_training_and_its_companions(nasbench201, table):
    found = TableObjective(nasbench201, table, "cifar10").evaluate(nasbench201.parse("5"))
    assert (found.value, found.cost, found.test) == (90.0, 1000.0, {"cifar10.test@200": 93.0})
    assert found.metrics == {}


def test_a_column_has_the_companions_of_its_own_training(nasbench201, table):
    found = TableObjective(nasbench201, table, "cifar10.valid@12").evaluate(nasbench201.parse("2"))
    assert (found.value, found.cost, found.test) == (60.0, 120.0, {"cifar10.test@12": 59.0})


def test_companions_without_a_value_are_left_out(nasbench201, table):
    found = TableObjective(nasbench201, table, "cifar10").evaluate(nasbench201.parse("9"))
    assert (found.value, found.cost, found.test) == (91.0, 0.0, {})


def test_an_isomorphic_cell_has_the_score_of_its_twin(nasbench101):
    cell = '{"matrix": [[0,1,1,0],[0,0,0,1],[0,0,0,1],[0,0,0,0]], "ops": ["input","%s","%s","output"]}'
    ops = ("maxpool3x3", "conv1x1-bn-relu")
    objective = TableObjective(nasbench101, table_of(nasbench101, {"a": [7.0]}, [cell % ops]), "a")
    assert objective.evaluate(nasbench101.parse(cell % ops[::-1])).value == 7.0


def test_what_is_not_in_the_table_fails_with_the_reason(nasbench201, table):
    found = TableObjective(nasbench201, table, "cifar10").evaluate(nasbench201.parse("1"))
    assert found.value is None and "not in the table" in (found.failure or "")


def test_an_empty_cell_fails_with_the_reason_and_is_not_in_the_pool(nasbench201, table):
    objective = TableObjective(nasbench201, table, "cifar10")
    found = objective.evaluate(nasbench201.parse("2"))
    assert found.value is None and "no cifar10.valid@200" in (found.failure or "") and found.test == {}
    assert nasbench201.keys(objective.architectures()).tolist() == [5, 9]
    assert objective.values.tolist() == [90.0, 91.0] and objective.optimum == 91.0


def test_an_architecture_of_another_space_is_refused(nasbench101, nasbench201, table):
    foreign = nasbench101.architecture(nasbench101.enumerate()[0])
    with pytest.raises(InvalidInput, match="of nasbench201 is needed, got one of nasbench101"):
        TableObjective(nasbench201, table, "cifar10").evaluate(foreign)


@pytest.mark.parametrize(
    "column",
    ["params", "macs", "latency_ms.fpga", "cifar10.seconds@200", "train_time", "val_loss", "valLoss", "error", "FLOPs"],
)
def test_costs_and_errors_are_minimised(nasbench201, column):
    objective = TableObjective(nasbench201, table_of(nasbench201, {column: [3.0, 1.0, 2.0]}), column)
    assert objective.direction == "minimise" and objective.optimum == 1.0


@pytest.mark.parametrize("column", ["accuracy", "cifar10.valid@12", "val_acc", "score", "lifetimes", "latest"])
def test_everything_else_is_maximised(nasbench201, column):
    objective = TableObjective(nasbench201, table_of(nasbench201, {column: [3.0, 1.0, 2.0]}), column)
    assert objective.direction == "maximise" and objective.optimum == 3.0


# ------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize("metric", ["cifar10.test@200", "cifar10.test@12", "cifar10.valid_run_test@200"])
def test_no_searcher_may_see_a_test_score(nasbench201, table, metric):
    with pytest.raises(InvalidInput, match="test scores, which no searcher may see"):
        TableObjective(nasbench201, table, metric)


@pytest.mark.parametrize(
    "column", ["test", "test_acc", "acc_test", "TestAccuracy", "cifar10test", "TEST", "ep200.test"]
)
def test_columns_of_users_that_are_called_test_are_refused_too(nasbench201, column):
    with pytest.raises(InvalidInput, match="no searcher may see"):
        TableObjective(nasbench201, table_of(nasbench201, {column: [1.0, 2.0, 3.0]}), column)


@pytest.mark.parametrize("metric", ["imagenet16", "cifar10.valid@300", "cifar100", "cifar10.", ""])
def test_a_missing_column_or_data_set_is_told_with_those_that_exist(nasbench201, table, metric):
    with pytest.raises(DataError, match=r"has no column or data set .*cifar10\.valid@12, cifar10\.valid@200.*params"):
        TableObjective(nasbench201, table, metric)


def test_a_table_of_another_space_is_refused(nasbench101, table):
    with pytest.raises(DataError, match="a table of nasbench201, not of nasbench101"):
        TableObjective(nasbench101, table, "cifar10")


def test_the_shared_table_of_another_space_is_refused(shared, nasbench101):
    with pytest.raises(DataError, match=r"nasbench201\.csv\.gz is a table of nasbench201, not of nasbench101"):
        load_objective("table:nasbench201/cifar10", nasbench101)


def test_a_column_without_any_score_is_refused(nasbench201):
    with pytest.raises(DataError, match="holds no score"):
        TableObjective(nasbench201, table_of(nasbench201, {"a": [math.nan] * 3}), "a")


@pytest.mark.parametrize(
    "text", ["nasbench201", "/cifar10", "nasbench201/", "/", "mine.csv", "/abs/mine.csv", "a/b.parquet"]
)
def test_a_spec_needs_a_table_and_a_metric(nasbench201, text):
    with pytest.raises(InvalidInput, match="table:TABLE/METRIC"):
        load_objective(f"table:{text}", nasbench201)


# ------------------------------------------------------------------------------------------------ where tables are


def test_a_table_is_named_by_its_path_absolute_or_not(nasbench201, tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "mine.csv").write_text("arch,accuracy\n3,91.5\n")
    monkeypatch.chdir(tmp_path)
    for spec in (f"table:{tmp_path}/sub/mine.csv/accuracy", "table:sub/mine.csv/accuracy"):
        objective = load_objective(spec, nasbench201)
        assert objective.spec == spec and objective.evaluate(nasbench201.parse("3")).value == 91.5


def test_a_bare_name_is_looked_up_in_the_data_folder_parquet_first(nasbench201, folder):
    (folder / "mine.csv").write_text("arch,accuracy\n3,1\n")
    assert find_table("mine") == folder / "mine.csv"
    write_parquet(table_of(nasbench201, {"accuracy": [2.0, 3.0, 4.0]}), nasbench201, folder / "mine.parquet")
    assert find_table("mine") == folder / "mine.parquet"
    assert load_objective("table:mine/accuracy", nasbench201).evaluate(nasbench201.parse("5")).value == 2.0
    assert found_tables() == [folder / "mine.csv", folder / "mine.parquet"]


def test_a_missing_table_is_told_with_those_that_exist(nasbench201, folder):
    with pytest.raises(DataMissing, match=r"no table 'other'.*no tables at all.*archllm data import.*ARCHLLM_DATA"):
        load_objective("table:other/cifar10", nasbench201)
    (folder / "mine.csv").write_text("arch,accuracy\n3,1\n")
    with pytest.raises(DataMissing, match=r"mine\.csv"):
        load_objective("table:other/cifar10", nasbench201)
    with pytest.raises(DataMissing, match=r"there is no table .*none\.csv"):
        load_objective(f"table:{folder}/none.csv/a", nasbench201)


def test_without_a_named_data_folder_tables_are_the_users_own(monkeypatch, tmp_path):
    monkeypatch.delenv("ARCHLLM_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_folder() == tmp_path / ".local" / "share" / "archllm"


def test_a_compressed_table_is_read_where_it_lies(shared, data_dir, tmp_path, nasbench201):
    shutil.copy(data_dir / "nasbench201.csv.gz", tmp_path / "renamed.csv.gz")
    table = load_table(tmp_path / "renamed.csv.gz", nasbench201)
    assert table.about["source"] == "renamed.csv.gz" and "half of the training images" in table.about["meaning"]
    row = int(np.flatnonzero(table.keys == nasbench201.parse(BEST).key)[0])
    assert table.columns["cifar10.valid@200"][row] > 91


def test_a_table_is_read_once_for_all_its_columns_and_again_when_its_file_has_changed(nasbench201, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("arch,a,b\n1,0.5,1\n2,0.25,2\n")
    first = load_table(path, nasbench201)
    assert load_table(path, nasbench201) is first
    path.write_text("arch,a,b\n1,0.5,1\n2,0.75,2\n")
    assert load_table(path, nasbench201).column("a").tolist() == [0.5, 0.75]
