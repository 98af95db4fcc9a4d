"""The options of the methods in the help are those that the methods have."""

from __future__ import annotations

import ast
from dataclasses import MISSING, fields

import pytest

from archllm.cli import main
from archllm.cli.method_help import options_of
from archllm.errors import MissingExtra
from archllm.searchers.registry import built_in_searchers, searcher_class


@pytest.mark.parametrize("method", built_in_searchers())
def test_what_is_read_from_the_source_is_what_the_class_has(method):
    module, name = built_in_searchers()[method]
    found = options_of(f"archllm.searchers.{module}", name)
    try:
        kind = searcher_class(method).options_class
    except MissingExtra as error:
        pytest.skip(str(error))
    told = {each.name: each for each in fields(kind) if each.init} if kind is not None else {}
    assert [each.name for each in found] == list(told)
    for each in found:
        assert each.about.endswith("."), f"{method}: {each.name} has no docstring"
        default = told[each.name].default
        if default is MISSING:
            continue
        try:
            assert ast.literal_eval(each.default) == default
        except ValueError:
            assert each.default  # an expression, which stands there as it is written


@pytest.mark.parametrize(("command", "written"), [("search", "--set KEY=VALUE"), ("compare", "--set NAME.KEY=VALUE")])
def test_help_lists_every_method_with_its_options_and_defaults(capsys, command, written):
    assert main([command, "--help"]) == 0
    told = capsys.readouterr().out
    assert f"options of the methods ({written}):" in told
    assert all(f"\n  {method}" in told for method in built_in_searchers())
    assert "    population = 20\n" in told and "  largest  (none)" in told


def test_help_of_other_commands_says_nothing_of_methods(capsys):
    assert main(["info", "--help"]) == 0
    assert "options of the methods" not in capsys.readouterr().out
