"""The site builds, strictly: no link is broken, no page is left out, no public name is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    find_spec("material") is None or find_spec("mkdocstrings_handlers") is None,
    reason="mkdocs is not installed; `make docs` installs it",
)


def test_the_site_builds_and_is_searched_offline(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "archllm.SearchSpace" in (tmp_path / "site" / "search" / "search_index.js").read_text(encoding="utf-8")
    assert "unpkg" not in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
