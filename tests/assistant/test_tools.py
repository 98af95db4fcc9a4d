"""What a client of the server may and may not do."""

from __future__ import annotations

from pathlib import Path

import pytest

from archllm.assistant.access import Access, McpOptions
from archllm.assistant.tools import Tools
from archllm.errors import ArchLLMError, InvalidInput
from archllm.study.store import open_store

CELL = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"


@pytest.fixture
def reading(tmp_path) -> Tools:
    return Tools(McpOptions(folder=tmp_path))


@pytest.fixture
def writing(tmp_path) -> Tools:
    return Tools(McpOptions(folder=tmp_path, write=True))


class TestReading:
    def test_spaces_and_architectures_are_told(self, reading):
        listed = {one["name"]: one["size"] for one in reading.spaces()["spaces"]}
        assert listed["nasbench201"] == 15_625
        assert reading.spaces("nasbench201")["spaces"][0]["ops"]
        assert reading.info(CELL, "nasbench201")["params"] == 129_306

    def test_nothing_is_searched_or_written(self, reading, tmp_path):
        with pytest.raises(InvalidInput, match="--write"):
            reading.search("nasbench201", "params", 5)
        with pytest.raises(InvalidInput, match="--write"):
            reading.export("a.py", architecture=CELL, space="nasbench201")
        assert list(tmp_path.iterdir()) == []

    def test_samples_come_from_the_generator_of_the_package(self, reading):
        found = reading.sample(n=3)
        assert found["space"] == "nasbench201" and len(set(found["architectures"])) == 3

    @pytest.mark.parametrize("n", [0, 1_001])
    def test_samples_are_bounded(self, reading, n):
        with pytest.raises(InvalidInput, match="1,000"):
            reading.sample(n=n)

    def test_an_empty_folder_holds_no_search(self, reading):
        found = reading.status()
        assert found["studies"] == [] and found["under_way"] is None
        with pytest.raises(InvalidInput, match="there is no search 'mine'"):
            reading.status("mine")

    def test_a_space_that_is_code_is_not_imported(self, reading, tmp_path, monkeypatch):
        (tmp_path / "bringing.py").write_text("open('ran', 'w')\ndef make():\n    pass\n")
        monkeypatch.chdir(tmp_path)
        for call in (reading.spaces, lambda name: reading.info(CELL, name)):
            with pytest.raises(InvalidInput, match="runs code"):
                call("python:bringing:make")
        assert not (tmp_path / "ran").exists()


class TestWriting:
    def test_an_architecture_is_no_store_elsewhere(self, writing, tmp_path):
        elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere.db"
        with open_store(elsewhere):
            pass
        with pytest.raises(InvalidInput, match="names a store"):
            writing.export("best.py", architecture=f"{elsewhere}:mine:0", space="nasbench201")

    def test_a_network_is_written_into_the_folder_and_not_replaced(self, writing, tmp_path):
        small = {"channels": 4, "cells": 1}
        found = writing.export("best.py", architecture=CELL, space="nasbench201", network=small)
        assert found["out"] == "best.py" and (tmp_path / "best.py").is_file()
        with pytest.raises(InvalidInput, match="overwrite"):
            writing.export("best.py", architecture=CELL, space="nasbench201", network=small)

    @pytest.mark.parametrize("spec", ["command:./score", "python:mine:score", "minimise:command:rm"])
    def test_code_is_not_run_unless_that_is_allowed(self, writing, spec):
        with pytest.raises(InvalidInput, match="--programs"):
            writing.search("nasbench201", spec, 5)
        both = Access(McpOptions(folder=writing.options.folder, write=True, programs=True))
        assert both.objective(spec) == spec

    @pytest.mark.parametrize("spec", ["train:/etc", "table:/etc/passwd/x", "train:../photos", "nonsense", "proxy:a/b"])
    def test_objectives_read_nothing_elsewhere(self, writing, spec):
        with pytest.raises(InvalidInput, match="built-in data set"):
            writing.search("nasbench201", spec, 5)

    @pytest.mark.parametrize("budget", [0, 501])
    def test_budgets_are_bounded(self, writing, budget):
        with pytest.raises(InvalidInput, match="from 1 to 500"):
            writing.search("nasbench201", "params", budget)

    def test_methods_are_those_there_are(self, writing):
        with pytest.raises(InvalidInput, match="python:os:system"):
            writing.search("nasbench201", "params", 5, method="python:os:system")

    def test_programs_without_searches_mean_nothing(self):
        with pytest.raises(InvalidInput, match="--write"):
            McpOptions(programs=True)


class TestTheFolder:
    @pytest.fixture(autouse=True)
    def links(self, tmp_path) -> None:
        (tmp_path / "link").symlink_to("/etc")

    @pytest.mark.parametrize("name", ["../a", "/etc/passwd", "link/passwd", ".", "a/../../b", "", "a\0b"])
    def test_nothing_outside_of_it_can_be_named(self, writing, name):
        for call in (
            lambda: writing.export(name, architecture=CELL, space="nasbench201"),
            lambda: writing.sample(run=name),
            lambda: writing.status(store=name),
        ):
            with pytest.raises(InvalidInput, match=r"in the folder of this server|is no path"):
                call()

    def test_space_files_are_read_from_it_alone(self, writing, tmp_path):
        outside = tmp_path.parent / "outside.toml"
        outside.write_text("secret = 1")
        with pytest.raises(InvalidInput, match="in the folder of this server"):
            writing.spaces(str(outside))
        with pytest.raises(ArchLLMError) as refused:
            writing.spaces("link/os-release.toml")
        assert "in the folder" in str(refused.value)


def test_the_folder_is_told_with_its_runs_and_stores(reading: Tools, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.toml").touch()
    (tmp_path / "old.db").touch()
    assert reading.status()["folder"] == {"runs": ["mine"], "stores": ["old.db"]}
