"""The pictures of the README and of the guide to a search space of one's own.

`python -m benchmarks.picture RUN` draws new cells that the run generates, `python -m benchmarks.picture` members of the
guide's space.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np

from benchmarks.harness import IMAGES, ROOT


def generated(run: str) -> None:
    """Writes `docs/images/cells.svg`."""
    import archllm
    from archllm import drawing
    from archllm.files import write_text

    cells = archllm.load(Path(run)).generate(8, novel=True)
    items = [(f"index {cell.official_hash}", cell.space.drawing_cells(cell.graph)) for cell in cells]
    write_text(IMAGES / "cells.svg", drawing.sheet(items))


def own_space() -> str:
    """Members of the space that the guide defines, as one picture."""
    from archllm import drawing
    from archllm.spaces.registry import space_of_text

    guide = (ROOT / "docs" / "your-own-space.md").read_text(encoding="utf-8")
    definition = re.search(r"cat > gated\.toml <<'END'\n(.*?)^END$", guide, flags=re.MULTILINE | re.DOTALL)
    assert definition is not None
    space = space_of_text(definition[1], "gated.toml", "gated")
    cells = space.architectures(space.sample(6, np.random.default_rng(0)))
    return drawing.sheet([(cell.text, space.drawing_cells(cell.graph)) for cell in cells], columns=3)


if __name__ == "__main__":
    if sys.argv[1:]:
        generated(sys.argv[1])
    else:
        (IMAGES / "own-space.svg").write_text(own_space(), encoding="utf-8")
