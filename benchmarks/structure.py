"""Size and shape of a checkout: files, lines, packages, arrows between them, import circles, long signatures, options.

`python -m benchmarks.structure [CHECKOUT …]` prints one column for each; without any, that of this one.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median

import networkx as nx

ROOT = Path(__file__).parents[1]
MOST_PARAMETERS = 5
"""Parameters of a function, `self` and `cls` apart, that a reader holds in mind."""


@dataclass(frozen=True)
class Structure:
    """What is counted of `src/archllm`, and, where it says so, of `benchmarks/`; a field's docstring is its row."""

    files: int
    """files"""
    lines: int
    """lines"""
    code: int
    """lines of code (no blanks, comments or docstrings)"""
    comments: int
    """lines with a comment"""
    median_lines: float
    """lines of a file, median"""
    single_use: int
    """files that exactly one other imports"""
    packages: int
    """packages and single modules at the top"""
    arrows: int
    """imports between these, pairs"""
    circles: int
    """import circles among files, benchmarks included"""
    in_circles: int
    """files in circles"""
    long_signatures: int
    """functions with more than five parameters"""
    train_options: int
    """options of `train --help`"""


def structure(checkout: Path) -> Structure:
    """Counts in one checkout.

    Args:
        checkout: its folder.
    """
    sources = {_module(path, checkout / "src"): path for path in sorted((checkout / "src" / "archllm").rglob("*.py"))}
    scripts = {_module(path, checkout): path for path in sorted((checkout / "benchmarks").rglob("*.py"))}
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in {**sources, **scripts}.items()}
    graph: nx.DiGraph = nx.DiGraph()
    graph.add_nodes_from(trees)
    for name, tree in trees.items():
        graph.add_edges_from((name, target) for target in _imported(tree, trees) if target != name)
    circles = [part for part in nx.strongly_connected_components(graph) if len(part) > 1]
    inner = graph.subgraph(sources)
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in sources.items()}
    rooms = {name: ".".join(name.split(".")[:2]) for name in sources}
    arrows = {(rooms[a], rooms[b]) for a, b in inner.edges if rooms[a] != rooms[b] and "archllm" not in (a, b)}
    return Structure(
        files=len(sources),
        lines=sum(lengths.values()),
        code=sum(len(_code_lines(trees[name])) for name in sources),
        comments=sum(
            line.lstrip().startswith("#") or "  # " in line
            for path in sources.values()
            for line in path.read_text(encoding="utf-8").splitlines()
        ),
        median_lines=median(lengths.values()),
        single_use=sum(degree == 1 for name, degree in inner.in_degree() if not sources[name].name.startswith("__")),
        packages=len(set(rooms.values()) - {"archllm"}),
        arrows=len(arrows),
        circles=len(circles),
        in_circles=sum(map(len, circles)),
        long_signatures=sum(
            _parameters(node) > MOST_PARAMETERS for name in sources for node in _functions(trees[name])
        ),
        train_options=_options(checkout, "train"),
    )


def _module(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _imported(tree: ast.Module, known: dict[str, ast.Module]) -> Iterator[str]:
    """Modules that a file imports, inside of functions and for type checking, too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for each in node.names:
                inner = f"{node.module}.{each.name}"
                if inner in known:
                    yield inner
                elif node.module in known:
                    yield node.module


def _code_lines(tree: ast.Module) -> set[int]:
    """Numbers of lines that hold a statement; a docstring is none."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            continue
        if isinstance(node, ast.stmt):
            inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
            last = min((child.lineno for child in inner), default=(node.end_lineno or node.lineno) + 1)
            found.update(range(node.lineno, max(last, node.lineno + 1)))
    docs = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    return found - docs


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _parameters(node: ast.FunctionDef) -> int:
    names = [each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def _options(checkout: Path, command: str) -> int:
    """Options that the help of a command names."""
    program = f"import sys; sys.path.insert(0, {str(checkout / 'src')!r}); from archllm.cli import main; main()"
    text = subprocess.run(
        [sys.executable, "-c", program, command, "--help"], capture_output=True, text=True, check=True, cwd="/"
    ).stdout
    words = [line.strip(" │|").split()[:1] for line in text.splitlines()]
    return len({word[0] for word in words if word and word[0].startswith("--")})


def main(checkouts: list[Path]) -> None:
    """Prints the table."""
    columns = [structure(checkout.resolve()) for checkout in checkouts]
    print("| |" + "".join(f" {checkout.name} |" for checkout in checkouts))
    print("|---|" + "---|" * len(columns))
    for field, label in zip(fields(Structure), _labels(), strict=True):
        print(f"| {label} |" + "".join(f" {getattr(each, field.name):,} |" for each in columns))


def _labels() -> list[str]:
    """The docstrings of the fields, in order."""
    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef)).body
    texts = [node.value for node in body[1:] if isinstance(node, ast.Expr)]
    return [str(each.value) for each in texts if isinstance(each, ast.Constant)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkouts", type=Path, nargs="*", default=[ROOT])
    main(parser.parse_args().checkouts)
