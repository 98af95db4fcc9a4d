"""The options of the search methods, as the help of a command lists them.

They are read from the source of the methods, as importing these would take seconds.
"""

from __future__ import annotations

import ast
import inspect
import shutil
import textwrap
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from archllm.searchers.registry import built_in_searchers

_WIDEST = 100


@dataclass(frozen=True)
class MethodOption:
    """One option of a method."""

    name: str
    """Its name."""

    default: str
    """Its default as it is written in Python; empty where it has none."""

    about: str
    """What it means."""


def method_help(written: str) -> str:
    """All built-in methods with their options and defaults.

    Args:
        written: how options of methods are given.
    """
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    lines = [f"options of the methods ({written}):"]
    for method, (module, name) in built_in_searchers().items():
        found = options_of(f"archllm.searchers.{module}", name)
        lines += ["", f"  {method}{'' if found else '  (none)'}"]
        for each in found:
            head = f"    {each.name} = {each.default}" if each.default else f"    {each.name}"
            lines += [head, *textwrap.wrap(each.about, width, initial_indent=" " * 8, subsequent_indent=" " * 8)]
    return "\n".join([*lines, ""]) + "\n"


def options_of(module: str, name: str) -> list[MethodOption]:
    """The options of a class of searchers, read from its source.

    Example:
        >>> [each.name for each in options_of("archllm.searchers.evolution", "Evolution")][:1]
        ['population']
    """
    found = _class(module, name)
    if found is None:
        return []
    tree, where = found
    for statement in tree.body:
        target, value = _assigned(statement)
        if target == "options_class" and isinstance(value, ast.Name):
            return _fields(where, value.id)
    inherited = next((base.id for base in tree.bases if isinstance(base, ast.Name)), "")
    return options_of(where, inherited) if inherited else []


def _fields(module: str, name: str) -> list[MethodOption]:
    """Fields of a dataclass with their docstrings; an inherited one with another default keeps what it means."""
    found = _class(module, name)
    if found is None:
        return []
    tree, where = found
    fields = {each.name: each for base in tree.bases if isinstance(base, ast.Name) for each in _fields(where, base.id)}
    for statement, following in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            default = ast.unparse(statement.value) if statement.value is not None else ""
            told = following.value if isinstance(following, ast.Expr) else None
            about = (
                inspect.cleandoc(told.value) if isinstance(told, ast.Constant) and isinstance(told.value, str) else ""
            )
            name = statement.target.id
            known = fields[name].about if name in fields else ""
            fields[name] = MethodOption(name, default, " ".join(about.split()) or known)
    return list(fields.values())


def _class(module: str, name: str) -> tuple[ast.ClassDef, str] | None:
    """The definition of a class and the module that it stands in, if that is one of the searchers."""
    if not module.startswith("archllm.searchers."):
        return None
    for statement in _tree(module).body:
        if isinstance(statement, ast.ClassDef) and statement.name == name:
            return statement, module
        if isinstance(statement, ast.ImportFrom) and any(each.name == name for each in statement.names):
            return _class(statement.module or "", name)
    return None


@cache
def _tree(module: str) -> ast.Module:
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))


def _assigned(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id, statement.value
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id, statement.value
    return "", None
