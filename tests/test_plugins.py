from pathlib import Path

import pytest

from archllm.errors import InvalidInput
from archllm.plugins import is_reference, load_plugin, plugin_names, resolve


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"plugged_{abs(hash(str(tmp_path)))}"
    (tmp_path / f"{name}.py").write_text("class Mine(dict):\n    class Inner: pass\nnumber = 3\n")
    monkeypatch.chdir(tmp_path)
    return name


def test_a_class_is_found_in_the_working_directory(module: str) -> None:
    found = load_plugin(f"python:{module}:Mine", "searchers", dict)
    assert found.__name__ == "Mine"
    assert resolve(f"{module}:Mine.Inner") is found.Inner


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ("nowhere_at_all:Mine", "no module nowhere_at_all"),
        ("{}:Other", "no Other in"),
        ("{}:number", "neither a function nor a class"),
        ("{}", "MODULE:NAME"),
        (":x", "MODULE:NAME"),
    ],
)
def test_what_is_not_there_is_said(module: str, where: str, named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        resolve(where.format(module))


def test_a_class_of_another_kind_is_refused(module: str) -> None:
    with pytest.raises(InvalidInput, match="subclass of archllm's list"):
        load_plugin(f"python:{module}:Mine", "searchers", list)


def test_a_module_that_fails_is_reported_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_plugin.py").write_text("import not_installed_here\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match="not_installed_here"):
        resolve("broken_plugin:x")


def test_references_are_told_from_names() -> None:
    assert is_reference("python:mine:Search")
    assert not is_reference("gp")
    assert not is_reference(dict)


def test_names_of_installed_packages_are_listed() -> None:
    assert plugin_names("searchers") == sorted(plugin_names("searchers"))
