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

from archllm.errors import ArchLLMError, DataError, InvalidArchitecture
from archllm.graphs import Graphs
from archllm.spaces import SearchSpace, load_space, space_names

Progress = Callable[[int, int], None]
"""Told how much of how much is done."""

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
    return make_table_of_graphs(space, parse_texts(space, texts, where), columns, about, where)


def parse_texts(space: SearchSpace, texts: Sequence[str], where: Callable[[int], str]) -> Graphs:
    """The architectures of `n` rows; see `make_table`.

    Raises:
        DataError: one is missing, unreadable or of another space.
    """
    for number, text in enumerate(texts):
        if not text:
            raise DataError(f"{where(number)}: the architecture is missing")
    try:
        return space.parse_batch(texts, where)
    except InvalidArchitecture as error:
        others = [name for name in space_names() if name != space.name and _reads(name, texts[0])]
        hint = f"; the first row is an architecture of {others[0]}" if others else ""
        raise DataError(f"{error}{hint}") from error


def make_table_of_graphs(
    space: SearchSpace,
    graphs: Graphs,
    columns: dict[str, NDArray[np.float64]],
    about: dict[str, str],
    where: Callable[[int], str],
) -> Table:
    """A table of members; see `make_table`. Rows that say the same of one architecture count once."""
    graphs = space.normalise(graphs)
    keys = space.keys(graphs)
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    for name, values in columns.items():
        same = values[first][group]
        differs = ~((values == same) | (np.isnan(values) & np.isnan(same)))
        if differs.any():
            row = int(np.flatnonzero(differs)[0])
            raise DataError(
                f"two scores for one architecture: {where(int(first[group[row]]))} has {name} = {_score(same[row])}, "
                f"{where(row)} has {_score(values[row])}"
            )
    keep = np.sort(first)
    return Table(space.name, graphs[keep], keys[keep], {name: v[keep] for name, v in columns.items()}, about)


def _score(value: float) -> str:
    return "no score" if np.isnan(value) else f"{value:.10g}"


def _reads(name: str, text: str) -> bool:
    try:
        load_space(name).parse(text)
    except ArchLLMError:
        return False
    return True
