"""Table: scores of many architectures of one space.

A column is called `DATASET.SPLIT@EPOCHS`, such as `cifar10.valid@200` (accuracy in percent) or `cifar10.seconds@12`, or
plainly `params`, `macs`, `latency_ms.DEVICE`; tables of users keep the names they have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, InvalidArchitecture
from archllm.graphs import Graphs
from archllm.spaces import SearchSpace

NAME = re.compile(r"(?P<dataset>[^.@]+)\.(?P<what>[^.@]+)@(?P<epochs>\d+)")
"""The form of a column of a trained network's figures."""


@dataclass(frozen=True, eq=False)
class Table:
    """Scores of `n` different architectures."""

    space: str
    """Name of the space."""

    graphs: Graphs
    """`n` normalised members."""

    keys: NDArray[np.int64]
    """`n` canonical keys, all different."""

    columns: dict[str, NDArray[np.float64]]
    """`n` values per column; NaN where there is no score."""

    about: dict[str, str] = field(default_factory=dict)
    """Provenance: source, checksum, date, and what the columns mean."""

    def __len__(self) -> int:
        return len(self.keys)

    def column(self, name: str) -> NDArray[np.float64]:
        """The `n` values of a column.

        Raises:
            DataError: there is no such column; the message lists those that exist.
        """
        if name not in self.columns:
            raise DataError(f"the table has no column {name!r}; it has {', '.join(sorted(self.columns))}")
        return self.columns[name]


def make_table(
    space: SearchSpace,
    texts: Sequence[str],
    columns: dict[str, NDArray[np.float64]],
    about: dict[str, str],
    where: Callable[[int], str],
) -> Table:
    """A table of architectures given as texts.

    Args:
        space: the space.
        texts: `n` texts, in any format of the space.
        columns: `n` values each, NaN where there is no score.
        about: provenance.
        where: names a row in messages, given its number.

    Raises:
        DataError: a text is missing, unreadable or of another space, or two rows give one architecture different
            scores.
    """
    for number, text in enumerate(texts):
        if not text:
            raise DataError(f"{where(number)}: the architecture is missing")
    try:
        graphs = space.parse_batch(texts, where)
    except InvalidArchitecture as error:
        raise DataError(f"{error}; is this a table of {space.name}?") from error
    return make_table_of_graphs(space, graphs, columns, about, where)


def make_table_of_graphs(
    space: SearchSpace,
    graphs: Graphs,
    columns: dict[str, NDArray[np.float64]],
    about: dict[str, str],
    where: Callable[[int], str],
) -> Table:
    """A table of members; see `make_table`."""
    graphs = space.normalise(graphs)
    keys = space.keys(graphs)
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    for name, values in columns.items():
        same = values[first][group]
        differs = ~((values == same) | (np.isnan(values) & np.isnan(same)))
        if differs.any():
            row = int(np.flatnonzero(differs)[0])
            raise DataError(
                f"two scores for one architecture: {where(int(first[group[row]]))} has {name} = {same[row]:g}, "
                f"{where(row)} has {values[row]:g}"
            )
    keep = np.sort(first)
    return Table(space.name, graphs[keep], keys[keep], {name: v[keep] for name, v in columns.items()}, about)
