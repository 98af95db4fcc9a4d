"""The picture of the README: `python -m benchmarks.picture RUN` draws new cells that the run generates."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.record import ROOT


def main(run: str) -> None:
    """Writes `docs/images/cells.svg`."""
    import archllm
    from archllm import drawing
    from archllm.files import write_text

    cells = archllm.load(Path(run)).generate(8, novel=True)
    items = [(f"index {cell.official_hash}", cell.space.drawing_cells(cell.graph)) for cell in cells]
    write_text(ROOT / "docs" / "images" / "cells.svg", drawing.sheet(items))


if __name__ == "__main__":
    main(*sys.argv[1:])
