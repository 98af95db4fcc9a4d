"""A store is data of others: whatever stands in its cells is named, and nothing that it brings along is run."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from benchmarks.robust import stores
from benchmarks.robust.attack import Round

from archllm.errors import InvalidInput, StoreError
from archllm.study.store import open_existing, open_store


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    stores.seed(folder / "seed.db")
    return folder


@pytest.fixture
def folder(seeded: Path, tmp_path: Path) -> Path:
    shutil.copyfile(seeded / "seed.db", tmp_path / "seed.db")
    return tmp_path


def test_a_store_as_it_was_written_is_read(folder: Path) -> None:
    stores.read(folder / "seed.db")


def test_cells_tampered_with_are_named(tmp_path: Path) -> None:
    found = stores.cells(Round(50, 1, tmp_path))
    assert found.gave_way == {}, found.notes


@pytest.mark.parametrize(
    ("table", "column", "value", "row", "said"),
    [
        ("archllm_trials", "values", "[1e308]", 0, "row 0, column values: expected 1 scores"),
        ("archllm_trials", "values", '["3"]', 0, "row 0, column values"),
        ("archllm_trials", "values", "[1, 2]", 0, "row 0, column values"),
        ("archllm_trials", "values", None, 0, "row 0, column values"),
        ("archllm_trials", "values", b"\xff", 0, "row 0, column values: expected a text in UTF-8"),
        ("archllm_trials", "state", "lost", 2, "row 2, column state: expected one of waiting, running"),
        ("archllm_trials", "state", "complete", 2, "row 2, column values"),
        ("archllm_trials", "place", None, 0, "row 0, column place"),
        ("archllm_trials", "place", "x", 0, "row 0, column place"),
        ("archllm_trials", "heartbeat", None, 2, "row 2, column heartbeat"),
        ("archllm_trials", "asked", 1e308, 1, "row 1, column asked"),
        ("archllm_trials", "cost", -1, 1, "row 1, column cost"),
        ("archllm_trials", "key", 7, 3, "row 3, column key: expected 3, the key of its architecture, found 7"),
        (
            "archllm_trials",
            "text",
            "[layer1=identity]",
            3,
            "row 3, column text: expected an architecture of nasbench201",
        ),
        ("archllm_trials", "curves", '{"a": ' * 2_000, 0, "row 0, column curves"),
        ("archllm_studies", "settings", "[" * 100_000, 0, "table archllm_studies, row 1, column settings"),
        ("archllm_studies", "settings", '{"a": NaN}', 0, "column settings"),
        ("archllm_studies", "directions", '["up"]', 0, "column directions: expected maximise or minimise"),
        ("archllm_studies", "directions", '["minimise", "minimise"]', 0, "column directions"),
        ("archllm_studies", "identities", "[]", 0, "column scores"),
        ("archllm_studies", "seed", "x", 0, "column seed"),
    ],
)
def test_the_cell_is_told(folder: Path, table: str, column: str, value: object, row: int, said: str) -> None:
    with pytest.raises(StoreError) as error:
        stores.opened(folder, (table, column, value, row))
    assert said in str(error.value) and "is damaged" in str(error.value)


@pytest.mark.parametrize("name", [name for name in stores.STRUCTURES if "100 MB" not in name])
def test_a_store_with_other_tables_is_refused(folder: Path, name: str) -> None:
    path = stores.changed(folder, name)
    with pytest.raises(StoreError):
        stores.read(path)


def test_a_cell_without_end_is_named_and_not_read(folder: Path) -> None:
    database = sqlite3.connect(folder / "seed.db")
    database.execute("UPDATE archllm_studies SET settings = '{\"a\": \"' || hex(zeroblob(10000000)) || '\"}'")
    database.commit()
    database.close()
    with pytest.raises(StoreError, match=r"archllm_studies, row 1, column settings: .* no more than 16 MB"):
        stores.read(folder / "seed.db")


def test_what_a_file_that_may_not_be_written_holds_is_read_as_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "seed.db"
    writer = open_store(path)  # keeps what it writes in a file of its own beside the store
    writer.beat("s", "host/boot/ns/1/1/token")
    before = [trial.heartbeat for trial in writer.trials("s")]
    monkeypatch.setattr("os.access", lambda *_: False)
    names = sorted(each.name for each in folder.iterdir())
    with open_existing(path) as store:
        assert [trial.heartbeat for trial in store.trials("s")] == before
        with pytest.raises(StoreError, match=r"seed\.db: it may not be written"):
            store.delete("s")
    assert sorted(each.name for each in folder.iterdir()) == names
    writer.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://st/two.db", "sqlite:///st/two.db"),
        ("sqlite:st/two.db", "begins with sqlite://"),
        ("postgresql:/host/db", "begins with postgresql://"),
        ("mysql://host/db", "got one of kind 'mysql'"),
        ("postgresql://me:s3cr@et@host/db", "write @ as %40"),
        ("postgresql://me:s3c/r@et@host/db", "write @ as %40"),
        ("postgresql://me:12/s3cret@host/db", "/ as %2F"),
        ("postgresql://me:s3cret?@host/db", "? as %3F"),
    ],
)
def test_a_url_of_another_form_is_told_the_right_one_without_its_password(url: str, said: str) -> None:
    pytest.importorskip("sqlalchemy")
    with pytest.raises(InvalidInput) as error:
        open_store(url)
    message = str(error.value)
    assert said in message
    assert not any(part in message for part in ("s3c", "cret", "et@", "12/"))


def test_a_password_in_the_query_of_a_url_is_not_shown() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError) as error:
        open_store("postgresql://me:s3cret@127.0.0.1:1/db?password=hidden", patience=1)
    assert "hidden" not in str(error.value) and "s3cret" not in str(error.value)
