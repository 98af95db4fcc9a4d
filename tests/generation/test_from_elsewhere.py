"""Run folders, space files and stores that somebody sends: nothing that lies in them is imported."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from archllm.cli import main
from archllm.errors import ArchLLMError, DataError, DefinitionError, RunFolderError
from archllm.generation.config import TrainConfig
from archllm.generation.generator import load
from archllm.generation.run_folder import read_info, seal
from archllm.networks.counting import count_params
from archllm.networks.record import BlockRecord
from archllm.plugins import find_module, resolve_stored
from archllm.prior.config import PriorConfig
from archllm.spaces import load_space
from archllm.spaces.registry import space_of_text, stored_space
from archllm.tokenizer.config import TokenizerConfig
from archllm.workflows.train import train

CELL = "|a~0|+|a~0|skip~1|"
SPACE = """name = "gift"
kind = "edge_dag"
nodes = 3
[ops]
a = "gift_blocks:make"
skip = "archllm.networks.operations:skip"
"""
BLOCKS = """
from pathlib import Path
Path("{ran}").touch()
from torch import nn
def make(channels, stride=1):
    return nn.Conv2d(channels, channels, 3, padding=1)
"""
FLUENT = TrainConfig(tokenizer=TokenizerConfig(kind="plain"), prior=PriorConfig(kind="marginal"))


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("archllm.reporting.figures.write_figures", lambda *_: None)
    yield
    for name in ("gift_blocks", "gift_space"):
        sys.modules.pop(name, None)


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """A file that is there once the blocks of the sender were imported."""
    return tmp_path / "ran"


@pytest.fixture
def mine(tmp_path: Path, ran: Path) -> Path:
    """A folder with modules that the user trusts."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "gift_blocks.py").write_text(BLOCKS.format(ran=ran))
    return folder


@pytest.fixture
def gift(tmp_path: Path, mine: Path, ran: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run folder with a module of blocks in it, trained where the blocks were to be had."""
    (tmp_path / "gift.toml").write_text(f"# {tmp_path}\n{SPACE}")  # equal texts are one space, and find blocks once
    with monkeypatch.context() as there:
        there.syspath_prepend(mine)
        train("gift.toml", FLUENT, out="run")
    sys.modules.pop("gift_blocks")
    ran.unlink()
    (tmp_path / "run" / "gift_blocks.py").write_text(BLOCKS.format(ran=ran))
    return tmp_path / "run"


@pytest.mark.parametrize("inside", [False, True], ids=["from outside", "from inside"])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["report", "RUN"], 0),
        (["search", "RUN", "--objective", "params", "--budget", "3", "--method", "gp", "--set", "initial=2"], 0),
        (["sample", "RUN", "-n", "3"], 0),
        (["info", CELL, "--space", "RUN/space.toml"], 0),
        (["show", CELL, "--space", "RUN/space.toml"], 0),
        (["spaces", "check", "RUN/space.toml"], 0),
        (["export", CELL, "--space", "RUN/space.toml", "--to", "python", "--out", "x.py"], 2),
        (["search", "RUN", "--objective", "proxy:naswot", "--budget", "2", "--method", "random"], 2),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_no_command_imports_what_lies_in_the_folder(gift, ran, words, code, inside, monkeypatch):
    if inside:
        monkeypatch.chdir(gift)
    there = "." if inside else "run"
    assert main([word.replace("RUN", there) for word in words]) == code
    assert not ran.exists() and "gift_blocks" not in sys.modules


def test_what_would_be_imported_and_from_where_is_said(gift, mine, capsys, caplog, monkeypatch):
    with caplog.at_level(logging.WARNING):
        load(gift)
    assert "gift_blocks" in caplog.text and "not found where Python looks" in caplog.text
    assert main(["spaces", "run/space.toml", "--json", "--modules", "mine"]) == 0
    assert json.loads(capsys.readouterr().out)["imports"] == {"gift_blocks": str(mine / "gift_blocks.py")}
    assert main(["export", CELL, "--space", "run/space.toml", "--to", "python", "--out", "x.py"]) == 2
    said = capsys.readouterr().err
    assert "--modules DIR" in said and "run/gift_blocks.py" in said


def test_the_folder_that_a_user_names_is_imported_from(gift, mine, ran):
    before = list(sys.path)
    words = ["export", CELL, "--space", "run/space.toml", "--to", "torch", "--out", "x.pt2", "--set", "cells=1"]
    assert main([*words, "--channels", "4", "--image-size", "8", "--modules", "mine"]) == 0
    assert ran.exists() and Path(sys.modules["gift_blocks"].__file__).parent == mine
    assert sys.path == before
    assert main([*words, "--modules", "nowhere"]) == 2


def test_counts_are_those_of_the_training_without_an_import(gift, mine, ran, monkeypatch):
    arch = load(gift).space.parse(CELL)
    counted = arch.params, arch.macs
    assert not ran.exists()
    monkeypatch.syspath_prepend(mine)
    assert counted[0] == count_params(arch.build())
    sys.modules.pop("gift_blocks")
    assert counted == (load_space(gift.parent / "gift.toml").parse(CELL).params, arch.macs)


def test_blocks_that_were_changed_since_the_training_are_told(gift, mine, caplog, monkeypatch):
    monkeypatch.syspath_prepend(mine)
    arch = load(gift).space.parse(CELL)
    with caplog.at_level(logging.WARNING):
        arch.build(channels=4, cells=1)
    assert "changed since" not in caplog.text
    (mine / "gift_blocks.py").write_text((mine / "gift_blocks.py").read_text() + "# another line\n")
    again = space_of_text(SPACE, "again.toml", "gift", (gift / "blocks.json").read_text())  # looks its blocks up anew
    with caplog.at_level(logging.WARNING):
        again.parse(CELL).build(channels=4, cells=1)
    assert "its source was changed since" in caplog.text


@pytest.mark.parametrize(
    "content", ["", "[]", '{"sources": {}}', '{"sources": {}, "sizes": {"a": [[16, 32, 1, -5, 1]]}}', "[" * 100_000]
)
def test_a_record_of_blocks_that_is_none_is_refused(gift, content):
    (gift / "blocks.json").write_text(content)
    seal(gift)
    with pytest.raises(DataError, match=r"blocks\.json"):
        _ = load(gift).space.parse(CELL).params


def test_a_record_is_read_as_it_was_written():
    record = BlockRecord({"mine": "00"}, {("a", (16, 32, 1)): (1, 2), ("a", (32, 16, 2)): (3, 4)})
    assert BlockRecord.read(record.to_json(), "blocks.json") == record


# --- names of modules ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where",
    [
        "os:system",
        "posix:_exit",
        "builtins:exec",
        "signal:alarm",
        "torch:os._exit",  # through a module
        "torch.hub:urlopen",  # of Python itself, as another module has it
        "archllm.networks.operations:nn.Identity",
        "archllm.networks.operations:__builtins__.exec",
        "archllm.networks.operations:none.__globals__",
        "archllm.study.workers.serving:serve",
        "archllm.cli:main",
    ],
)
def test_a_file_names_no_function_that_could_do_anything(where, tmp_path):
    with pytest.raises(ArchLLMError, match="not taken from a file"):
        resolve_stored(where, tmp_path / "space.toml")


def test_what_python_finds_by_itself_is_taken(tmp_path, monkeypatch):
    (tmp_path / "gift.toml").write_text(SPACE)
    (tmp_path / "gift_blocks.py").write_text(BLOCKS.format(ran=tmp_path / "ran"))
    with pytest.raises(ArchLLMError, match="gift_blocks"):  # beside the file, on nobody's search path
        resolve_stored("gift_blocks:make", tmp_path / "gift.toml")
    monkeypatch.syspath_prepend(tmp_path)
    assert resolve_stored("gift_blocks:make", tmp_path / "gift.toml").__name__ == "make"


def test_a_folder_below_the_search_path_is_no_way_in(tmp_path, monkeypatch):
    """`sent.evil` is a module of a namespace package where Python looks in the folder above."""
    sent = tmp_path / "sent"
    sent.mkdir()
    (sent / "evil.py").write_text("def make(channels): ...")
    (sent / "space.toml").write_text(SPACE)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ArchLLMError, match="lies beside"):
        resolve_stored("sent.evil:make", sent / "space.toml")
    assert "sent.evil" not in sys.modules


def test_a_module_is_found_without_importing_it_or_the_packages_around_it(tmp_path, monkeypatch):
    package = tmp_path / "around_it"
    package.mkdir()
    (package / "__init__.py").write_text("1 / 0")
    (package / "inner.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert find_module("around_it.inner") == package / "inner.py"
    assert find_module("around_it.other") is None and "around_it" not in sys.modules


@pytest.mark.parametrize("where", ["clase:x", "class:x", "a.if:b", "a:b.lambda", "o\uff53:system"])
def test_a_name_that_python_would_not_read_as_one_is_refused_in_a_space_file(tmp_path, where):
    path = tmp_path / "e.toml"
    path.write_text(SPACE.replace("gift_blocks:make", where), encoding="utf-8")
    if where == "clase:x":
        assert load_space(path).size == 8
        return
    with pytest.raises(DefinitionError, match="module:function"):
        load_space(path)


# --- classes that a file names ----------------------------------------------------------------------------------------

CLASS = """
from pathlib import Path
Path("{ran}").touch()
from archllm.spaces.kinds.edge_dag import EdgeDag
from archllm.spaces.definition import EdgeDagDefinition
class Mine(EdgeDag):
    def __init__(self):
        super().__init__(EdgeDagDefinition(name="mine", ops=("a", "b"), nodes=3))
def made():
    return Mine()
"""


@pytest.mark.parametrize("name", ["python:gift_space:Mine", "python:run.gift_space:Mine", "python:pytest:main"])
def test_a_head_that_names_a_class_imports_nothing_of_the_folder(gift, ran, name):
    (gift / "gift_space.py").write_text(CLASS.format(ran=ran))
    text = (gift / "config.toml").read_text().replace('space = "gift"', f'space = "{name}"')
    (gift / "config.toml").write_text(text)
    for folder in (gift.parent, gift):
        os.chdir(folder)
        assert main(["sample", str(gift), "-n", "2"]) == 1
        assert main(["report", str(gift)]) == 1
    assert not ran.exists()
    with pytest.raises(RunFolderError, match=r"config\.toml|class|module"):
        load(gift)


def test_a_class_in_a_folder_that_the_user_names_is_taken_and_a_function_is_not_called(tmp_path, mine, monkeypatch):
    (mine / "gift_space.py").write_text(CLASS.format(ran=tmp_path / "ran"))
    monkeypatch.syspath_prepend(mine)
    with pytest.raises(ArchLLMError, match="must be a subclass of archllm's SearchSpace"):
        stored_space("python:gift_space:made", "config.toml")
    space = stored_space("python:gift_space:Mine", "config.toml")
    assert space.size == 8 and space is load_space("python:gift_space:Mine")


# --- files that are none ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["config.toml", "metrics.json", "prior/model.safetensors", "search.db"])
def test_links_out_of_the_folder_and_pipes_are_refused_by_name(gift, tmp_path, name):
    outside = tmp_path / "outside"
    outside.write_text("secret")
    path = gift / name
    path.unlink(missing_ok=True)
    path.symlink_to(outside)
    with pytest.raises(RunFolderError, match=f"{path.name} leads out of the folder"):
        read_info(gift)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(RunFolderError, match=f"{path.name} is no ordinary file"):
        read_info(gift)


def test_a_head_of_many_gigabytes_is_refused_by_its_size(gift):
    with (gift / "config.toml").open("r+b") as file:
        file.truncate(1 << 34)
    with pytest.raises(RunFolderError, match="bytes, too many"):
        read_info(gift)
