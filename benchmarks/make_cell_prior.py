"""Makes the prior of cells that comes with the package: `python -m benchmarks.make_cell_prior`.

Needs the tables in `$ARCHLLM_DATA`; writes `src/archllm/predictor/shipped/cell_prior.json`, the same each time, and
`SOURCES.md` beside it.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archllm import load_space
from archllm.files import write_text
from archllm.objectives.evaluation import sign
from archllm.objectives.table import TableObjective
from archllm.predictor.cell_prior import CellPrior, Part
from benchmarks.harness import ROOT
from benchmarks.tasks import TASKS, table_of

FOLDER = ROOT / "src" / "archllm" / "predictor" / "shipped"
"""Where it belongs."""


@dataclass(frozen=True)
class Scores:
    """Published scores of one space that a part is learned from."""

    tasks: tuple[str, ...]
    """Names of `benchmarks.tasks`: full trainings, and shorter ones where one training is all there is of each."""

    licence: str
    """Where they come from, and under which licence."""


SOURCES = (
    Scores(("nasbench101", "nasbench101@36"), "NAS-Bench-101 (Apache-2.0), a sample of its cells"),
    Scores(("cifar10", "cifar100", "imagenet16"), "NAS-Bench-201 (MIT)"),
)
"""One part each."""


def part_of(tasks: Sequence[str], licence: str, folder: Path) -> Part:
    """A part, learned from tables of one space.

    Args:
        tasks: names of tasks.
        licence: where their tables come from.
        folder: where tables may be rewritten.
    """
    space = load_space(TASKS[tasks[0]].space)
    tables = [TableObjective.of(table_of(TASKS[task], folder), space) for task in tasks]
    graphs, keys = tables[0].architectures(), tables[0].space.keys(tables[0].architectures())
    return Part.learn(space, graphs, [_by_key(each, keys) for each in tables], [TASKS[t].score for t in tasks], licence)


def _by_key(table: TableObjective, keys: NDArray[np.int64]) -> NDArray[np.float64]:
    own = table.space.keys(table.architectures())
    order = np.argsort(own, kind="stable")
    return sign(table.direction) * table.values[order[np.searchsorted(own[order], keys)]]


def main() -> None:
    """Writes the prior."""
    formatter = argparse.RawDescriptionHelpFormatter
    argparse.ArgumentParser(
        "python -m benchmarks.make_cell_prior", None, __doc__, formatter_class=formatter
    ).parse_args()
    os.environ.setdefault("ARCHLLM_DATA", str(ROOT.parent / "shared" / "data"))
    tables = ROOT / "runs" / "benchmark-cell_prior"
    prior = CellPrior(tuple(part_of(source.tasks, source.licence, tables) for source in SOURCES))
    prior.write(FOLDER / "cell_prior.json")
    lines = [
        f"- `{part.space}`: {part.known:,} cells of {', '.join(part.tables)}. {part.licence}." for part in prior.parts
    ]
    about = "`cell_prior.json` is made by `python -m benchmarks.make_cell_prior`. What it was learned from:"
    write_text(FOLDER / "SOURCES.md", "\n".join(["# Sources of the prior of cells", "", about, "", *lines]) + "\n")


if __name__ == "__main__":
    main()
