"""The pages in the repository: links, variables and citation are right, without building the site."""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from docs_site import commands, files, names, reference

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
LINK = re.compile(r"\]\(([^)\s]+)\)")
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")


CITATION = {
    "message": "Please cite it.",
    "title": "A tool",
    "version": "1.2",
    "license": "MIT",
    "authors": [{"name": "The authors"}],
    "references": [
        {
            "title": "A method",
            "year": 2025,
            "authors": [{"given-names": "A.", "family-names": "B"}, {"given-names": "C.", "family-names": "D"}],
            "identifiers": [{"value": "arXiv:1234.5"}],
        }
    ],
}


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as hosts and mkdocs make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_files_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in LINK.findall(prose):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name} leads to {link}"
        assert not anchor or anchor in anchors(target), f"{page.name} leads to {link}"


def test_each_page_has_a_place_in_the_navigation() -> None:
    places = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    made = {*files.pages(CITATION), *reference.pages(), commands.FILE}
    assert places == pages | made


def variables(tree: ast.Module) -> Iterator[str]:
    """Names of environment variables in a module that looks at them: there, any text that is written like one."""
    words = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    words |= {each.arg for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for each in node.args.args}
    if not words & {"environ", "environment", "getenv"}:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and VARIABLE.fullmatch(node.value):
            yield node.value


def test_each_variable_that_the_code_looks_at_is_on_the_page() -> None:
    page = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")
    found = {
        name
        for file in (ROOT / "src").rglob("*.py")
        if "testing" not in file.parts
        if "environ" in (text := file.read_text(encoding="utf-8"))
        for name in variables(ast.parse(text))
    }
    assert {"ARCHLLM_DATA", "ARCHLLM_MODELS", "RAY_ADDRESS", "OMP_NUM_THREADS"} <= found
    assert [name for name in sorted(found) if f"`{name}`" not in page] == []


def test_each_variable_of_ours_on_the_page_is_one_that_the_code_knows() -> None:
    page = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")
    code = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "src").rglob("*.py"))
    for name in re.findall(r"`(ARCHLLM_[A-Z]+)", page):
        assert name in code


def test_links_out_of_the_pages_hold_in_the_site(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "[a](../../CHANGELOG.md) [b](../../examples/x.ipynb) [c](../search.md#d) [e](../../Makefile)"
    monkeypatch.delenv("ARCHLLM_FILES_URL", raising=False)
    assert files.linked(text, "docs/recipes/gpu.md", "recipes/gpu.md") == (
        "[a](../changelog.md) [b](../notebooks/x.md) [c](../search.md#d) e"
    )
    monkeypatch.setenv("ARCHLLM_FILES_URL", "https://host/raw/main")
    assert files.linked("[e](Makefile)", "README.md", "readme.md") == "[e](https://host/blob/main/Makefile)"


def test_each_notebook_is_a_page() -> None:
    pages = files.pages(CITATION)
    for notebook in (ROOT / "examples").glob("*.ipynb"):
        assert pages[f"notebooks/{notebook.stem}.md"].startswith("# ")
        assert f"({notebook.stem}.md)" in pages["notebooks/index.md"]


def test_the_citation_is_that_of_the_file() -> None:
    page = files.pages(CITATION)["cite.md"]
    for part in ("{B, A. and D, C.}", "{A method}", "{1234.5}", "{A tool}", "{{The authors}}", "Please cite it."):
        assert part in page


@pytest.mark.parametrize("module", [files, names, reference], ids=lambda module: module.__name__)
def test_examples_of_what_makes_pages_hold(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0
