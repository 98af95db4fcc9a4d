"""`--config`: every long command takes its options from a TOML file, and words win over it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from archllm.cli import command_class, main
from archllm.cli.command import LongCommand
from archllm.cli.parsing import parse
from archllm.generation.recommended import recommended
from archllm.spaces import load_space

LONG = ["demo", "train", "sample", "evaluate", "search", "compare", "report"]


def parsed(name: str, *words: str) -> Any:
    kind = command_class(name)
    return parse(kind, words, kind.defaults(words), name).options


def written(folder: Path, text: str) -> str:
    path = folder / "settings.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", LONG)
def test_every_long_command_takes_a_file(name):
    assert issubclass(command_class(name), LongCommand)


def test_a_file_gives_required_options_and_words_win(tmp_path):
    file = written(tmp_path, 'space = "darts"\nobjective = "params"\nbudget = 7\nwhere = ["macs > 1"]\nset = ["a=1"]\n')
    found = parsed("search", "--config", file)
    assert (found.space, found.objective, found.budget) == ("darts", ("params",), 7)
    assert (found.where, found.options) == (("macs > 1",), ("a=1",))
    found = parsed("search", "--config", file, "--budget", "9", "--where", "params < 5", "--objective=macs")
    assert (found.budget, found.where, found.objective) == (9, ("params < 5",), ("macs",))


def test_a_switch_of_the_file_can_be_turned_off(tmp_path):
    file = written(tmp_path, "[sample]\nnovel = true\nn = 5\n")
    assert parsed("sample", "run", "--config", file).novel
    assert not parsed("sample", "run", "--config", file, "--no-novel").novel


def test_a_file_of_train_names_space_preset_and_parts(tmp_path):
    file = written(tmp_path, 'space = "nasbench201"\nout = "x"\npreset = "thorough"\n[prior]\nwidth = 16\n')
    found = parsed("train", "--config", file)
    steps = 3 * recommended(load_space("nasbench201")).prior.steps
    assert (found.space, found.config.prior.width, found.config.prior.steps) == ("nasbench201", 16, steps)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("search", "budgt = 3\n", "settings.toml has no setting 'budgt'; did you mean 'budget'?"),
        ("search", "budget = 0\n", "settings.toml: budget must be a whole number of at least 1, got 0"),
        ("compare", "seeds = [0, 1]\n", "settings.toml: seeds must be"),
        ("evaluate", "seeds = [-1]\n", "settings.toml: seeds[0] must be"),
        ("train", 'space = "darts"\n[tokenizer]\nstepz = 3\n', "settings.toml [tokenizer] has no setting 'stepz'"),
        ("report", "study = 3\n", "settings.toml: study must be a text"),
        ("demo", "json = true\n", "has no setting 'json'"),
        ("sample", "n = ", "is not a TOML file"),
    ],
)
def test_what_a_file_can_not_say_is_told_with_its_name(tmp_path, capsys, name, text, told):
    assert main([name, "--config", written(tmp_path, text)]) == 2
    assert told in capsys.readouterr().err


def test_a_search_runs_from_a_file_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path, 'space = "nasbench201"\nobjective = ["params"]\nbudget = 2\nmethod = "random"\nseed = 3\n')
    assert main(["search", "--config", file, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["queries"], found["seed"], found["store"]) == (2, 3, "search-nasbench201.db")


def test_a_section_of_the_file_says_how_candidates_are_trained(tmp_path):
    file = written(
        tmp_path,
        'space = "nasbench201"\nobjective = "train:no/such"\nbudget = 1\nmethod = "random"\n[train]\nepochs = 0\n',
    )
    assert main(["search", "--config", file]) == 2
