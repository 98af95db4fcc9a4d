"""Opening a store: what stands behind a path or URL, and what is refused."""

from __future__ import annotations

import os
import resource
import sqlite3
from pathlib import Path

import pytest

from archllm.errors import InvalidInput, StoreError
from archllm.objectives.evaluation import Evaluation
from archllm.spaces import SearchSpace
from archllm.study.store import Study, open_store
from archllm.study.store.opening import sqlite_file

STUDY = Study("s", "nasbench201", ("params",), ("minimise",), "random", 0)


@pytest.mark.parametrize("form", ["{}/a.db", "sqlite:///{}/a.db"])
def test_a_file_is_named_by_its_path_or_url(tmp_path, form):
    url = form.format(tmp_path)
    with open_store(url) as store:
        store.create(STUDY)
        assert store.where == str(tmp_path / "a.db") and store.shared
    assert sqlite_file(url) == tmp_path / "a.db" and (tmp_path / "a.db").is_file()
    with open_store(tmp_path / "a.db") as store:
        assert store.studies() == [STUDY]


def test_a_store_in_memory_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_store("memory:") as store:
        store.create(STUDY)
        assert not store.shared
    assert sqlite_file("memory:") is None and not list(tmp_path.iterdir())


def test_a_closed_store_is_one_file(tmp_path):
    with open_store(tmp_path / "a.db") as store:
        store.create(STUDY)
    assert [path.name for path in tmp_path.iterdir()] == ["a.db"]


@pytest.mark.parametrize(
    "url", ["mysql://host/x", "http://host/x", "sqlite://", "sqlite:///:memory:", "postgresql://u:secret@host:port/x"]
)
def test_urls_that_name_no_store_are_refused_without_their_password(url):
    with pytest.raises(InvalidInput) as refused:
        open_store(url)
    assert "secret" not in str(refused.value) and ("store" in str(refused.value))


def test_a_server_that_can_not_be_reached_is_told_without_the_password():
    with pytest.raises(
        StoreError, match=r"can't use the store postgresql\+psycopg://me:\*\*\*@127.0.0.1:1/x: no server answers"
    ) as told:
        open_store("postgresql://me:secret@127.0.0.1:1/x")
    assert "secret" not in str(told.value)


def test_a_file_of_another_program_is_left_alone(tmp_path):
    database = sqlite3.connect(tmp_path / "cookies.db")
    database.execute("CREATE TABLE cookies (name TEXT)")
    database.close()
    (tmp_path / "notes.txt").write_text("no database at all, but many words\n" * 100)
    (tmp_path / "folder").mkdir()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    for name, told in (
        ("cookies.db", "is an SQLite file of another program"),
        ("notes.txt", "is not an SQLite file"),
        ("folder", "can't be opened"),
        ("no/such/a.db", "there is no folder"),
    ):
        with pytest.raises(StoreError, match=told):
            open_store(tmp_path / name)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_an_empty_file_becomes_a_store(tmp_path):
    (tmp_path / "a.db").touch()
    with open_store(tmp_path / "a.db") as store:
        store.create(STUDY)


def test_a_locked_file_is_told(tmp_path):
    with open_store(tmp_path / "a.db", patience=0.1) as store:
        other = sqlite3.connect(tmp_path / "a.db")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"a\.db: another program keeps it locked"):
            store.create(STUDY)
        assert store.studies() == []  # reading goes on
        other.close()
        store.create(STUDY)


def test_a_damaged_file_is_told(tmp_path):
    with open_store(tmp_path / "a.db") as store:
        store.create(STUDY)
    content = bytearray((tmp_path / "a.db").read_bytes())
    content[100:] = bytes(len(content) - 100)
    (tmp_path / "a.db").write_bytes(content)
    with (
        pytest.raises(StoreError, match=r"a\.db.*(is damaged|another program)"),
        open_store(tmp_path / "a.db") as store,
    ):
        store.studies()


def test_a_trial_with_foreign_content_is_told(tmp_path, nasbench201):
    with open_store(tmp_path / "a.db") as store:
        store.create(STUDY)
        store.add("s", [nasbench201.parse("0")], 1)
        database = sqlite3.connect(tmp_path / "a.db")
        database.execute("""UPDATE archllm_trials SET metrics = '["x"]'""")
        database.commit()
        database.close()
        with pytest.raises(StoreError, match=r"a\.db is damaged: table archllm_trials, row 0, column metrics"):
            store.trials("s")


def test_on_a_full_disk_what_was_stored_is_kept_and_later_all_goes_on(tmp_path, nasbench201: SearchSpace):
    cells = nasbench201.architectures(nasbench201.enumerate()[:400])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_store(tmp_path / "a.db") as store:
        store.create(STUDY)
        store.add("s", cells[:20], 400)
        store.claim("s", "me")
        store.finish("s", 0, Evaluation((1.0,)))
        size = max(path.stat().st_size for path in tmp_path.iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))  # for this process; Python ignores the signal
        try:
            with pytest.raises(StoreError, match=r"what was stored before is kept: make room and go on with --resume"):
                for first in range(20, 400, 20):
                    store.add("s", cells[first : first + 20], 400)
            before = store.trials("s")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert before[0].values == (1.0,) and len(before) % 20 == 0 and len(before) < 400
        assert len(store.add("s", cells, 400)) == 400 - len(before)
    with open_store(tmp_path / "a.db") as store:
        assert store.trials("s")[: len(before)] == before


def test_a_store_that_a_full_disk_has_no_room_for_is_told(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with (
            pytest.raises(StoreError, match=r"a\.db: reading or writing failed.* make room"),
            open_store(tmp_path / "a.db"),
        ):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anything")
def test_a_file_that_may_not_be_written_is_told(tmp_path: Path):
    with open_store(tmp_path / "a.db"):
        pass
    (tmp_path / "a.db").chmod(0o444)
    tmp_path.chmod(0o555)
    with pytest.raises(StoreError, match=r"may not be written|can't be opened"), open_store(tmp_path / "a.db") as store:
        store.create(STUDY)
