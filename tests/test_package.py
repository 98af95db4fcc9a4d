"""What is installed: a wheel, built from a source archive, that works where there is no repository."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SMALL = """
from pathlib import Path
import archllm
from archllm.cli import main

assert Path(archllm.__file__).is_relative_to({target!r}), archllm.__file__
for words in (
    "spaces mobilenetv3",
    "train nasbench201 --tokenizer.kind plain --prior.kind marginal --out run",
    "sample run -n 5 --novel",
    "search --space nasbench201 --objective params --method random --budget 5 --store s.db",
    "report s.db --out report.html",
    "export s.db --out best.py --set channels=4 cells=1",
):
    assert main(words.split()) == 0, words
"""
"""The demo in small."""


def ran(words: list[str], folder: Path, **variables: str) -> str:
    done = subprocess.run(
        words, cwd=folder, env=os.environ | variables, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def built(kind: str, source: Path, folder: Path, **variables: str) -> Path:
    """Builds one archive, by the build backend itself, which asks no index for anything."""
    ran([sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)], source, **variables)
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source archive."""
    archive = built("sdist", ROOT, tmp_path_factory.mktemp("sdist"))
    folder = tmp_path_factory.mktemp("sources")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", sources, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    return metadata_of(wheel)


def metadata_of(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as packed:
        (name,) = (name for name in packed.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(packed.read(name))


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as packed:
        files = {name for name in packed.namelist() if ".dist-info/" not in name}
    there = (ROOT / "src").rglob("archllm/**/*")
    assert files == {
        path.relative_to(ROOT / "src").as_posix() for path in there if path.is_file() and path.suffix != ".pyc"
    }


def test_it_works_where_there_is_no_repository(wheel, tmp_path):
    target, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    ran([*pip, "--target", str(target), str(wheel)], tmp_path)
    said = ran([sys.executable, "-c", SMALL.format(target=str(target))], empty, PYTHONPATH=str(target))
    assert said.count("|\n") >= 5
    assert "import torch" in (empty / "best.py").read_text()
    assert "<html" in (empty / "report.html").read_text()
    version = ran([str(target / "bin" / "archllm"), "--version"], empty, PYTHONPATH=str(target))
    assert version == f"archllm {metadata_of(wheel)['Version']}\n"


def test_all_brings_every_extra_for_users(metadata):
    brought: dict[str, set[str]] = {}
    for line in metadata.get_all("Requires-Dist") or ():
        requirement, extra = re.split(r"\s*;\s*extra == ", line) if "extra ==" in line else (line, "''")
        brought.setdefault(extra.strip("'\""), set()).add(requirement)
    apart = ("executorch", "tflite")  # a gigabyte, and the latter asks for older versions of what others need
    users = [name for name in brought if name not in ("", "all", "dev", "docs", "testing", *apart)]
    assert len(users) > 5
    assert brought["all"] == set().union(*(brought[name] for name in users))


def test_an_index_page_has_no_relative_link(sources, metadata, tmp_path):
    text = str(metadata.get_payload())
    assert "# ArchLLM" in text
    assert not re.search(r"\]\((?![a-z]+:|#)", text)
    assert "![" not in text  # nobody said where the pictures are


def test_pictures_show_on_an_index_page_once_it_is_known_where_they_are():
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = "![Cells](docs/a.svg) [search](docs/search.md#x) [paper](https://a.org/b) [here](#up)"
    assert module.index_text(text, "https://host/o/archllm/raw/main/") == (
        "![Cells](https://host/o/archllm/raw/main/docs/a.svg) "
        "[search](https://host/o/archllm/blob/main/docs/search.md#x) [paper](https://a.org/b) [here](#up)"
    )
    assert module.index_text(text, "") == " search [paper](https://a.org/b) [here](#up)"
