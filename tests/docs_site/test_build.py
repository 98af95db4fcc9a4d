"""The site builds, strictly: no link is broken, no page is left out, no public name is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.browser import Browser, chromium

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    find_spec("material") is None or find_spec("mkdocstrings_handlers") is None,
    reason="mkdocs is not installed; `make docs` installs it",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "site"
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_builds(site: Path) -> None:
    assert "archllm.SearchSpace" in (site / "search" / "search_index.js").read_text(encoding="utf-8")


def test_its_files_are_searched_without_a_server(site: Path, tmp_path: Path) -> None:
    if chromium() is None:
        pytest.skip("no Chromium is installed")
    browser = Browser(tmp_path)
    try:
        browser.open(site / "recipes" / "gpu.html", width=1280)
        browser.click("[data-md-component=search-query]")
        browser.enter("[data-md-component=search-query]", "cycle consistency")
        browser.wait_for("document.querySelector('.md-search-result__meta').textContent.includes('Type to start')")
        browser.press("ArrowRight")
        browser.wait_for("document.querySelectorAll('.md-search-result__item').length")
        assert "How it works" in browser.run("document.querySelector('.md-search-result__list').textContent")
        assert [url for url in browser.requests if not url.startswith(("file:", "data:"))] == []
        assert browser.complaints == []
    finally:
        browser.close()
