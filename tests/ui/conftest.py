"""One folder with something of everything, one server and one browser for all tests of the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from tests.browser import Browser, chromium
from tests.ui import fit_stand_in
from tests.ui.serving import Served, served

from archllm.classifier.config import FitRequest
from archllm.classifier.folder import FitFolder
from archllm.objectives.evaluation import Evaluation
from archllm.spaces import load_space
from archllm.study.store import Study, open_store

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
    _store(root / "searches" / "done.db")
    request = FitRequest(data="digits", minutes=2)
    fit_stand_in.end(FitFolder.begin(root / "fits" / "done", request), request)
    outside = root.parent / "outside"
    shutil.copytree(with_generator, outside / "secret")
    (root / "linked").symlink_to(outside / "secret", target_is_directory=True)
    return root


def _store(path: Path) -> None:
    """Two searches for the same, and a third one whose names and reasons are hostile."""
    space = load_space("nasbench201")
    graphs = space.architectures(space.sample(80, np.random.default_rng(0)))
    archs = list(dict.fromkeys(graphs))[:60]
    path.parent.mkdir()
    with open_store(path) as store:
        for name, method, order in (("first", "evolution", archs), ("second", "random", archs[::-1])):
            store.create(Study(name, "nasbench201", ("params",), ("minimise",), method, 0))
            store.add(name, order, len(order))
            for number, arch in enumerate(order):
                store.claim(name, "me")
                store.finish(name, number, Evaluation(float(arch.params), cost=1.0))
        store.create(Study(HOSTILE, "nasbench201", ("command:./score", "params"), ("maximise", "minimise"), HOSTILE, 1))
        store.add(HOSTILE, archs, 20)
        for number, arch in enumerate(archs[:20]):
            store.claim(HOSTILE, "me")
            failed = Evaluation(None, failure=f"{HOSTILE} of memory" if number % 2 else "=cmd()")
            store.finish(HOSTILE, number, failed if number < 6 else Evaluation((number % 7, float(arch.params))))


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
