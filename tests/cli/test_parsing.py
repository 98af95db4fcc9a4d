"""Words of a command line: an option that takes several values may be given once with all, or several times."""

from __future__ import annotations

import pytest

from archllm.cli import command_class
from archllm.cli.parsing import parse


def parsed(name: str, *words: str):
    kind = command_class(name)
    return parse(kind, words, {}, name)


SEARCH = ("nasbench201", "--objective", "params", "--budget", "3")


@pytest.mark.parametrize(
    "words",
    [
        (*SEARCH, "--set", "initial=3", "prior=shipped", "--network", "cells=1"),
        (*SEARCH, "--set", "initial=3", "--network", "cells=1", "--set", "prior=shipped"),
        ("--set=initial=3", *SEARCH, "--network", "cells=1", "--set=prior=shipped"),
    ],
)
def test_values_of_a_repeated_option_are_all_kept(words):
    found = parsed("search", *words).options
    assert found.options == ("initial=3", "prior=shipped") and found.network == ("cells=1",)
    assert found.objective == ("params",) and str(found.run) == "nasbench201"


def test_an_option_and_its_other_name_are_one():
    words = ("11", "--space", "nasbench201", "--to", "python", "--out", "a.py", "--set", "cells=1", "--network", "a=2")
    assert parsed("export", *words).options.network == ("cells=1", "a=2")


def test_metrics_and_methods_may_be_repeated():
    assert parsed("data", "import", "a.csv", "--as", "csv", "--metric", "a b", "--metric", "c").metric == ("a b", "c")
    words = ("--space", "nasbench201", "--objective", "params", "--methods", "random", "--methods", "gp", "local")
    found = parsed("compare", *words, "--seeds", "2", "--budget", "2", "--out", "x").options
    assert found.methods == ("random", "gp", "local")


@pytest.mark.parametrize("name", ["fit", "data", "search", "compare", "export", "demo"])
def test_no_help_leaves_a_default_empty(name, capsys):
    with pytest.raises(SystemExit):
        parsed(name, "--help")
    assert "(default: )" not in " ".join(capsys.readouterr().out.split())
