"""Every notebook of the examples runs, and is kept without outputs."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))

nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed (extra `dev`)")
nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed (extra `dev`)")


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs(path: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch) -> None:
    notebook = nbformat.read(path, as_version=4)
    if "table:" in path.read_text(encoding="utf-8"):
        monkeypatch.setenv("ARCHLLM_DATA", str(request.getfixturevalue("data_dir")))
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_holds_no_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
