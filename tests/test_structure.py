"""The files of the package import one another in one direction."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOTS = {"archllm": ROOT / "src", "benchmarks": ROOT}


def arrows() -> dict[str, set[str]]:
    """Module -> modules of ours that it names in an import: at its top, in a function, or for type checkers."""
    files = [file for package, folder in ROOTS.items() for file in sorted((folder / package).rglob("*.py"))]
    return {module_of(file): set(imported(file)) - {module_of(file)} for file in files}


def module_of(file: Path) -> str:
    folder = next(folder for package, folder in ROOTS.items() if file.is_relative_to(folder / package))
    return ".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in ROOTS)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in ROOTS:
            for alias in node.names:  # a module of a package, or a name in a module
                inner = f"{node.module}.{alias.name}"
                yield inner if is_module(inner) else node.module


def is_module(name: str) -> bool:
    path = ROOTS[name.split(".")[0]].joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Sets of nodes that reach one another, sorted (Tarjan, 1972)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = low[node] = len(number)
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in number:
                visit(target)
            if target in stack:
                low[node] = min(low[node], low[target])
        if low[node] == number[node]:
            at = stack.index(node)
            component, stack[at:] = sorted(stack[at:]), []
            if len(component) > 1:
                found.append(component)

    for node in sorted(graph):
        if node not in number:
            visit(node)
    return found


def test_no_file_imports_itself_by_way_of_others() -> None:
    found = circles(arrows())
    assert not found, "\n".join(" <-> ".join(circle) for circle in found)


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b"}, "b": {"a"}, "c": {"a"}}, [["a", "b"]]),
        ({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}}, [["d", "e"], ["a", "b", "c"]]),
    ],
)
def test_circles_are_found(graph: dict[str, set[str]], expected: list[list[str]]) -> None:
    assert circles(graph) == expected


def test_imports_inside_functions_count(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("def late():\n    from archllm.spaces import base\n    import archllm.files\n")
    assert set(imported(file)) == {"archllm.spaces.base", "archllm.files"}


def offered() -> Iterator[tuple[str, str]]:
    """Classes that packages offer, those in their `__all__`: package and name."""
    for file in sorted((ROOT / "src").rglob("__init__.py")):
        package = module_of(file)
        for name in getattr(import_module(package), "__all__", ()):
            if isinstance(getattr(import_module(package), name), type):
                yield package, name


def test_every_class_that_a_package_offers_has_an_example() -> None:
    """Doctests run it."""
    classes = [(package, name, getattr(import_module(package), name)) for package, name in offered()]
    assert len(classes) > 60
    assert [f"{package}.{name}" for package, name, found in classes if "Example:" not in (found.__doc__ or "")] == []


def test_no_test_puts_something_else_in_the_place_of_a_private_name() -> None:
    patched = re.compile(r"""setattr\([^)]*["'.]_[a-z]|patch(?:\.object)?\([^)]*["'.]_[a-z]""", flags=re.IGNORECASE)
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file in sorted((ROOT / "tests").rglob("*.py"))
        for match in patched.finditer(file.read_text(encoding="utf-8"))
    ]
    assert not found, found
