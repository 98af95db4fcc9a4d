"""The pictures of the guide to searches, `docs/images/report.png` and `comparison.svg`.

`python -m benchmarks.search_pictures` trains a generator, searches and compares on the table of NAS-Bench-201
(`$ARCHLLM_DATA`), and takes a picture of the report with Chromium.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.browser import Browser

from archllm.cli import main
from benchmarks.harness import IMAGES, ROOT

SEARCH = ["--space", "nasbench201", "--objective", "table:nasbench201/cifar10", "--budget", "60", "--seed", "0"]
COMPARE = ["--objective", "table:nasbench201/cifar10", "--seeds", "10", "--budget", "60"]
METHODS = ("random", "local", "evolution", "ensemble", "gp", "sequence")

_SIZE = 1_000, 1_150  # of the picture, in pixels


def pictures(folder: Path) -> None:
    """Writes both pictures, with a folder to work in."""
    store, page = str(folder / "search.db"), folder / "search.html"
    _run("search", *SEARCH, "--method", "gp", "--store", store)
    _run("report", store)
    browser = Browser(folder / "browser")
    try:
        browser.open(page, *_SIZE)
        browser.run("document.documentElement.style.overflow = 'hidden'")
        browser.picture(folder / "report.png", whole=False)
    finally:
        browser.close()
    _small(folder / "report.png", IMAGES / "report.png")
    run = str(folder / "run")
    _run("train", "nasbench201", "--out", run)
    _run("compare", "--run", run, *COMPARE, "--methods", *METHODS, "--out", str(folder / "compared"))
    shutil.copy(folder / "compared" / "queries.svg", IMAGES / "comparison.svg")


def _run(*words: str) -> None:
    if main(list(words)):
        raise SystemExit(f"archllm {' '.join(words)} failed")


def _small(source: Path, target: Path) -> None:
    """The same picture in fewer bytes: a page has few colours."""
    from PIL import Image

    Image.open(source).convert("RGB").quantize(64).save(target, optimize=True)


if __name__ == "__main__":
    os.environ.setdefault("ARCHLLM_DATA", str(ROOT.parent / "shared" / "data"))
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        pictures(Path(name))
