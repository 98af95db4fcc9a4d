"""Every notebook of the examples runs, and is kept without outputs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from docs_site.notebooks import code_of, outputs_file

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))

nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed (extra `dev`)")
nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed (extra `dev`)")


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.fixture
def kernel(started_fast: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a kernel of Jupyter that starts without importing anything."""
    python = shutil.which("python", path=started_fast["PATH"])
    folder = tmp_path / "kernels" / "started-fast"
    folder.mkdir(parents=True)
    words = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": words, "display_name": "", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    return folder.name


FAST = """
import functools, time
import archllm
archllm.fit = functools.partial(archllm.fit, clock=lambda: 5 * time.process_time())
"""
"""Five minutes are over in 60 seconds of the processor."""


def read(path: Path) -> Any:
    """The notebook; one that fits gets a fast clock."""
    notebook = nbformat.read(path, as_version=4)
    if "archllm.fit(" in path.read_text(encoding="utf-8"):
        notebook.cells.insert(0, nbformat.v4.new_code_cell(FAST))
    return notebook


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs(path: Path, kernel: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    notebook = read(path)
    if "table:" in path.read_text(encoding="utf-8"):
        request.getfixturevalue("data_dir")
    nbclient.NotebookClient(
        notebook, timeout=300, startup_timeout=300, kernel_name=kernel, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_holds_no_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_on_the_site_are_those_of_the_notebook_as_it_is(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    kept = json.loads(outputs_file(path).read_text(encoding="utf-8"))
    assert kept["code"] == code_of(notebook), f"run `python -m docs_site.notebooks {path.stem}`"
    assert len(kept["cells"]) == sum(cell["cell_type"] == "code" for cell in notebook["cells"])
