"""Public names, read from the source: what packages offer in `__all__`, where it is defined, and what it says."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"


def packages() -> dict[str, list[str]]:
    """Packages of `src` that offer names -> these, in the order of `__all__`."""
    found = {}
    for file in sorted(SOURCE.rglob("__init__.py")):
        package = ".".join(file.parent.relative_to(SOURCE).parts)
        for node in _tree(package).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                found[package] = list(ast.literal_eval(node.value))
    return found


def home(name: str) -> str:
    """Where a name is defined: imports are followed, those for type checkers, too.

    Args:
        name: with its module, `archllm.Evaluation`.

    Raises:
        LookupError: its module neither defines nor imports it.

    Example:
        >>> home("archllm.Evaluation")
        'archllm.objectives.evaluation.Evaluation'
    """
    module, _, last = name.rpartition(".")
    if _definition(name) is not None:
        return name
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ImportFrom) and last in {each.asname or each.name for each in node.names}:
            (imported,) = (each.name for each in node.names if (each.asname or each.name) == last)
            return home(f"{node.module}.{imported}")
    raise LookupError(f"{module} neither defines nor imports {last}")


def docstring(name: str) -> str:
    """What stands beside the definition of a name; empty where nothing does.

    Example:
        >>> docstring("archllm.load_space")[:16]
        'The search space'
    """
    definition = home(name)
    found = _definition(definition)
    if isinstance(found, ast.FunctionDef | ast.ClassDef):
        return ast.get_docstring(found) or ""
    body = _tree(definition.rpartition(".")[0]).body
    following = body[body.index(found) + 1 : body.index(found) + 2] if found else []
    for node in following:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return str(node.value.value)
    return ""


def _definition(name: str) -> ast.stmt | None:
    """The statement at the top of a module that makes a name."""
    module, _, last = name.rpartition(".")
    for node in _tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == last:
            return node
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if last in map(ast.unparse, targets):
            return node
    return None


@cache
def _tree(module: str) -> ast.Module:
    path = SOURCE.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))
