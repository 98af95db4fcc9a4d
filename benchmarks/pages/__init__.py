"""Result pages, each made from its JSON file alone: `python -m benchmarks.pages [NAME …]` writes them anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from archllm.files import write_text
from benchmarks.harness import ROOT
from benchmarks.harness.readme import between_markers
from benchmarks.harness.results import Result, read

NAMES = (
    "generation",
    "search",
    "predictor",
    "spaces",
    "speed",
    "spread",
    "conditional_generation",
    "llm_prior",
    "networks",
    "proxies",
    "latency",
    "fit",
    "robustness",
    "halving",
    "transfer",
    "cell_prior",
    "large_spaces",
    "unlisted",
    "ui",
)
"""All pages, by the name of their files in `docs/results`."""


class Page(Protocol):
    """A module of this package."""

    page: Callable[[list[Result]], str]
    """The text of the page."""

    README: dict[str, Callable[[list[Result]], str]]
    """Markers in the README -> what stands between them."""


def rendered(name: str, root: Path = ROOT) -> dict[Path, str]:
    """The files that a page's results make, by path: the page, files beside it, and the README if it has a part."""
    results = read(root / "docs" / "results" / f"{name}.json")
    module = cast(Page, import_module(f"benchmarks.pages.{name}"))
    folder = root / "docs" / "results"
    found = {folder / f"{name}.md": module.page(results)}
    found |= {folder / file: make(results) for file, make in getattr(module, "FILES", {}).items()}
    if module.README:
        readme = root / "README.md"
        whole = readme.read_text(encoding="utf-8")
        for marker, shown in module.README.items():
            whole = between_markers(whole, marker, shown(results))
        found[readme] = whole
    return found


def measured(names: Iterable[str] = NAMES, root: Path = ROOT) -> list[str]:
    """Those pages that have results."""
    return [name for name in names if (root / "docs" / "results" / f"{name}.json").exists()]


def write_pages(names: Iterable[str] = NAMES, root: Path = ROOT) -> None:
    """Writes those pages anew that have results."""
    for name in measured(names, root):
        for path, text in rendered(name, root).items():
            write_text(path, text)
