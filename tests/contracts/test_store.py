"""Every store keeps the contract; and stores of other versions and foreign tables are left alone."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from benchmarks.robust.attack import Unavailable
from benchmarks.robust.servers import postgres_server, sql

from archllm.errors import StoreError
from archllm.study.store import MEMORY, open_store
from archllm.study.store.schema import VERSION
from archllm.testing import SharedStoreContract, StoreContract
from archllm.testing.store import FULL, STUDY, running

KILLED = """
import os, signal, sys
from sqlalchemy import Engine, event
from archllm.objectives.evaluation import Evaluation
from archllm.study.store import open_store

with open_store(sys.argv[1]) as store:
    event.listen(Engine, "commit", lambda connection: os.kill(os.getpid(), signal.SIGKILL))
    store.finish("first", 0, Evaluation((1.0, 2.0)))
"""


class TestMemory(StoreContract):
    @pytest.fixture
    def url(self) -> str:
        return MEMORY


class SQL(SharedStoreContract):
    def test_a_process_that_is_killed_in_the_middle_of_a_change_leaves_nothing_half_done(self, url: str) -> None:
        with open_store(url) as store:
            store.create(STUDY)
            running(store, 1)
            before = store.trials("first")
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, "-c", KILLED, url], env=environment, check=False)
        assert done.returncode == -9
        with open_store(url, patience=10.0) as store:
            assert store.trials("first") == before
            assert store.finish("first", 0, FULL)

    @pytest.mark.parametrize("version", ["version + 1", "0"])
    def test_a_store_of_another_version_is_refused_and_left_alone(self, url: str, version: str) -> None:
        with open_store(url) as store:
            store.create(STUDY)
        change(url, f"UPDATE archllm_store SET version = {version}")
        for _ in range(2):
            with pytest.raises(StoreError, match=r"is a store of version .*, this ArchLLM uses version"):
                open_store(url)
        change(url, f"UPDATE archllm_store SET version = {VERSION}")
        with open_store(url) as store:
            assert store.studies() == [STUDY]


class TestSQLite(SQL):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return str(tmp_path / "search.db")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ExitStack() as stack:
        try:
            url = stack.enter_context(postgres_server())
        except Unavailable as error:
            pytest.skip(str(error))
        yield url


class TestPostgreSQL(SQL):
    @pytest.fixture
    def url(self, server: str) -> str:
        database = f"{server}postgres"
        sql(database, "DROP SCHEMA public CASCADE")
        sql(database, "CREATE SCHEMA public")
        return database

    def test_a_database_may_hold_tables_of_others(self, url: str) -> None:
        change(url, "CREATE TABLE cookies (name TEXT)")
        with open_store(url) as store:
            store.create(STUDY)
        with pytest.raises(StoreError, match="there is no such database"):
            open_store(url + "_that_nobody_made")


def change(url: str, statement: str) -> None:
    """Changes a store behind its back."""
    if "://" in url:
        sql(url, statement)
    else:
        with closing(sqlite3.connect(url, isolation_level=None)) as database:
            database.execute(statement)
