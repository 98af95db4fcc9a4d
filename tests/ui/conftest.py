"""One folder with something of everything, one server and one browser for all tests of the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from tests.browser import Browser, chromium
from tests.ui.serving import Served, served

HOSTILE = "<img src=x onerror=alert(1)>"
"""What a run may be called that somebody sends."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs: a good one, one with a hostile name, a damaged one, and a link that leads out of the folder."""
    root: Path = tmp_path_factory.mktemp("ui") / "mine"
    with_generator = Path(str(files("archllm.classifier").joinpath("generators", "nasbench201")))
    for name in ("runs/good", f"runs/{HOSTILE}", "runs/damaged"):
        shutil.copytree(with_generator, root / name)
    (root / "runs" / "damaged" / "config.toml").write_text("format = 4\nspace = '<b>bold</b>'\n")
    outside = root.parent / "outside"
    shutil.copytree(with_generator, outside / "secret")
    (root / "linked").symlink_to(outside / "secret", target_is_directory=True)
    return root


@pytest.fixture(scope="session")
def server(folder: Path) -> Iterator[Served]:
    with served(folder) as found:
        yield found


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory, server: Served) -> Iterator[Browser]:
    """A browser that has opened the address with the token."""
    if chromium() is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    opened = Browser(tmp_path_factory.mktemp("browser"))
    opened.open(server.url, 1280)
    yield opened
    opened.close()
