"""The API reference and the page of commands: what they show is what there is."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest
from docs_site import commands, names, reference

from archllm.cli import COMMANDS, main

ROOT = Path(__file__).parents[2]
IMPORT = re.compile(r"^from (archllm\S*) import (.+)$", flags=re.MULTILINE)


def test_each_name_that_a_package_offers_is_shown_and_says_what_it_is() -> None:
    pages = "".join(reference.pages().values())
    for name in reference.documented():
        assert f"::: {name}\n" in pages


def test_each_name_that_a_page_imports_is_shown() -> None:
    shown = {names.home(name) for name in reference.documented() if name != "archllm.errors"}
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for module, imported in IMPORT.findall(page.read_text(encoding="utf-8")):
            for name in imported.split(", "):
                found = names.home(f"{module}.{name}")
                assert found in shown or module == "archllm.errors", f"{page.name} imports {found}"


def test_a_package_without_a_page_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "packages", lambda: names.packages() | {"archllm.new": ["Thing"]})
    with pytest.raises(LookupError, match=r"archllm\.new"):
        reference.pages()


def test_a_name_without_a_docstring_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "docstring", lambda name: "" if name == "archllm.load" else "It is so.")
    with pytest.raises(LookupError, match=r"archllm\.load is .* no docstring"):
        reference.pages()


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("archllm.Evaluation", "archllm.objectives.evaluation.Evaluation"),
        ("archllm.spaces.load_space", "archllm.spaces.registry.load_space"),
        ("archllm.study.store.MEMORY", "archllm.study.store.opening.MEMORY"),
    ],
)
def test_imports_are_followed(name: str, home: str) -> None:
    assert names.home(name) == home
    assert names.docstring(name)


def test_a_name_that_is_not_there_is_refused() -> None:
    with pytest.raises(LookupError, match="neither defines nor imports"):
        names.home("archllm.nothing")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_of_commands_tells_what_their_help_tells(command: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main([command, "--help"]) == 0
    told = set(re.findall(r"^│ (?:-n N, )?(--[a-z][\w.-]*)", out.getvalue(), flags=re.MULTILINE))
    page = commands.page()
    section = page.partition(f"\n## {command}\n")[2].partition("\n## ")[0] + page.partition("\n## demo\n")[0]
    assert told - {"--help"} <= set(re.findall(r"--[a-z][\w.-]*", section))


def test_options_have_their_defaults() -> None:
    page = commands.page()
    assert "`--temperature TEMPERATURE` (default `1.0`)" in page
    assert "`--out RUN` (required)" in page
    assert "`population` = `" in page
