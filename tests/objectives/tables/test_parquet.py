from __future__ import annotations

import numpy as np
import pytest

from archllm.errors import DataError, DataMissing, RunFolderError
from archllm.objectives.tables.parquet import read_about, read_parquet, write_parquet
from archllm.objectives.tables.table import Table, make_table_of_graphs

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def table_of(space, **about):
    """Fifty members with random scores; the fourth has none."""
    graphs = space.sample(50, np.random.default_rng(0))
    scores = 100 * np.random.default_rng(1).random(50)
    scores[3] = np.nan
    columns = {"cifar10.valid@200": scores, "params": space.networks.params(graphs).astype(float)}
    assert len(np.unique(space.keys(graphs))) == 50
    return make_table_of_graphs(space, graphs, columns, dict(about), "row {}".format)


def rewritten(path, change):
    """The file with its content changed by somebody else, its metadata kept."""
    content = pq.read_table(path)
    changed = change(content.to_pydict())
    pq.write_table(pa.table(changed).replace_schema_metadata(content.schema.metadata), path)


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201", "darts"])
def test_a_table_comes_back_as_it_was(request, tmp_path, name):
    space = request.getfixturevalue(name)
    table = table_of(space, source="here", meaning="percent, e.g. ü")
    write_parquet(table, space, tmp_path / "t.parquet")
    found = read_parquet(tmp_path / "t.parquet", space)
    assert found.space == name and found.keys.tolist() == table.keys.tolist()
    assert found.columns.keys() == table.columns.keys()
    for column, values in table.columns.items():
        np.testing.assert_array_equal(found.columns[column], values)
    assert found.about == {"source": "here", "meaning": "percent, e.g. ü", "space": name}


def test_any_reader_of_parquet_finds_texts_and_values(tmp_path, nasbench201):
    table = table_of(nasbench201)
    write_parquet(table, nasbench201, tmp_path / "t.parquet")
    content = pq.read_table(tmp_path / "t.parquet").to_pydict()
    assert list(content) == ["architecture", "cifar10.valid@200", "params"]
    assert content["architecture"] == nasbench201.format(table.graphs)
    assert content["cifar10.valid@200"][3] is None


def test_a_whole_space_takes_few_bytes(tmp_path, nasbench201):
    graphs = nasbench201.enumerate()
    rng = np.random.default_rng(0)
    columns = {f"cifar10.valid@{epochs}": 100 * rng.random(15_625) for epochs in range(20)}
    table = Table("nasbench201", graphs, nasbench201.keys(graphs), columns)
    write_parquet(table, nasbench201, tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 5e6


def change_a_score(content):
    content["params"][0] += 1
    return content


def swap_two_texts(content):
    texts = content["architecture"]
    texts[0], texts[1] = texts[1], texts[0]
    return content


def drop_a_row(content):
    return {name: values[1:] for name, values in content.items()}


def drop_a_column(content):
    return {name: values for name, values in content.items() if name != "params"}


def fill_a_gap(content):
    content["cifar10.valid@200"][3] = 0.0
    return content


def rename_a_column(content):
    return {name.replace("valid", "other"): values for name, values in content.items()}


@pytest.mark.parametrize(
    "change", [change_a_score, swap_two_texts, drop_a_row, drop_a_column, fill_a_gap, rename_a_column]
)
def test_a_changed_table_is_found_by_its_checksum(tmp_path, nasbench201, change):
    write_parquet(table_of(nasbench201), nasbench201, tmp_path / "t.parquet")
    rewritten(tmp_path / "t.parquet", change)
    with pytest.raises(DataError, match=r"t\.parquet was changed after it was written"):
        read_parquet(tmp_path / "t.parquet", nasbench201)


def remove_texts(content):
    del content["architecture"]
    return content


def forget_a_text(content):
    content["architecture"][0] = None
    return content


def words_for_scores(content):
    content["params"] = ["many"] * len(content["params"])
    return content


@pytest.mark.parametrize("change", [remove_texts, forget_a_text, words_for_scores])
def test_a_table_of_another_form_is_damaged(tmp_path, nasbench201, change):
    write_parquet(table_of(nasbench201), nasbench201, tmp_path / "t.parquet")
    rewritten(tmp_path / "t.parquet", change)
    with pytest.raises(DataError, match=r"t\.parquet is damaged"):
        read_parquet(tmp_path / "t.parquet", nasbench201)


def test_a_changed_provenance_is_found(tmp_path, nasbench201):
    write_parquet(table_of(nasbench201, source="mine"), nasbench201, tmp_path / "t.parquet")
    content = pq.read_table(tmp_path / "t.parquet")
    meta = content.schema.metadata | {b"archllm.source": b"official"}
    pq.write_table(content.replace_schema_metadata(meta), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="was changed"):
        read_parquet(tmp_path / "t.parquet", nasbench201)


def test_the_layout_of_the_file_does_not_matter(tmp_path, nasbench201):
    table = table_of(nasbench201)
    write_parquet(table, nasbench201, tmp_path / "t.parquet")
    content = pq.read_table(tmp_path / "t.parquet")
    turned = content.select(["params", "architecture", "cifar10.valid@200"])
    pq.write_table(turned, tmp_path / "t.parquet", row_group_size=7, compression="gzip")
    assert len(read_parquet(tmp_path / "t.parquet", nasbench201)) == len(table)


def test_a_table_of_another_space_is_refused(tmp_path, nasbench101, nasbench201):
    write_parquet(table_of(nasbench201), nasbench201, tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"t\.parquet is a table of nasbench201, not of nasbench101"):
        read_parquet(tmp_path / "t.parquet", nasbench101)


def test_a_file_of_others_is_refused_and_the_way_to_import_it_told(tmp_path, nasbench201):
    pq.write_table(pa.table({"architecture": ["1"], "acc": [1.0]}), tmp_path / "t.parquet")
    assert read_about(tmp_path / "t.parquet") == {}
    with pytest.raises(DataError, match=r"archllm data import .*t\.parquet --as parquet"):
        read_parquet(tmp_path / "t.parquet", nasbench201)


def test_truncated_and_missing_files_are_refused(tmp_path, nasbench201):
    write_parquet(table_of(nasbench201), nasbench201, tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    for cut in (0, 10, len(content) // 2, len(content) - 1):
        (tmp_path / "t.parquet").write_bytes(content[:cut])
        with pytest.raises(DataError, match=r"t\.parquet is damaged or no Parquet file"):
            read_parquet(tmp_path / "t.parquet", nasbench201)
    with pytest.raises(DataMissing, match=r"none\.parquet"):
        read_parquet(tmp_path / "none.parquet", nasbench201)


def test_nothing_half_written_stays_behind(tmp_path, nasbench201, monkeypatch):
    write_parquet(table_of(nasbench201), nasbench201, tmp_path / "t.parquet")
    before = (tmp_path / "t.parquet").read_bytes()

    def full(content, path, **options):
        path.write_bytes(b"PAR1 and then")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(RunFolderError, match="No space left"):
        write_parquet(table_of(nasbench201), nasbench201, tmp_path / "t.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]
    assert (tmp_path / "t.parquet").read_bytes() == before


def test_a_missing_folder_is_told(tmp_path, nasbench201):
    with pytest.raises(RunFolderError, match=r"can't write .*no.t\.parquet"):
        write_parquet(table_of(nasbench201), nasbench201, tmp_path / "no" / "t.parquet")
