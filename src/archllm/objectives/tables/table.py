"""Table: scores of many architectures of one space.

A column is called `DATASET.SPLIT@EPOCHS`, such as `cifar10.valid@200` (accuracy in percent) or `cifar10.seconds@12`, or
plainly `params`, `macs`, `latency_ms.DEVICE`; tables of users keep the names they have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from archllm.config.suggestions import did_you_mean
from archllm.errors import ArchLLMError, DataError, InvalidArchitecture
from archllm.graphs import Graphs, concatenate
from archllm.spaces import SearchSpace, load_space, space_names

Progress = Callable[[int, int], None]
"""Told how much of how much is done."""

Repeats = Literal["error", "first", "mean"]
"""What is kept of several scores of one architecture: the first, their mean, or nothing: then it is an error."""

_AT_ONCE = 5_000  # architectures that are read at once

NAME = re.compile(r"(?P<dataset>[^.@]+)\.(?P<what>[^.@]+)@(?P<epochs>\d+)")
"""The form of a column of a trained network's figures."""


@dataclass(frozen=True, eq=False)
class Table:
    """Scores of `n` different architectures.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench201")
        >>> cells = space.sample(2, np.random.default_rng(0))
        >>> table = Table(space.name, cells, space.keys(cells), {"accuracy": np.array([0.9, 0.8])})
        >>> len(table), table.column("accuracy").max()
        (2, np.float64(0.9))
    """

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

    unread: dict[str, str] = field(default_factory=dict)
    """Columns of the file that hold no numbers, and the first cell that is none."""

    def __len__(self) -> int:
        return len(self.keys)

    def column(self, name: str) -> NDArray[np.float64]:
        """The `n` values of a column.

        Raises:
            DataError: there is no such column; the message lists those that exist.
        """
        if name not in self.columns:
            raise DataError(self.without(f"column {name!r}", name))
        return self.columns[name]

    def without(self, what: str, name: str) -> str:
        """The message that something is not in the table, with what is, and why a column of that name was not read."""
        why = f"; column {name} was not read: {self.unread[name]}" if name in self.unread else ""
        meant = did_you_mean(name, self.columns)
        return f"the table has no {what}{f'; {meant}' if meant else ''}; it has {', '.join(sorted(self.columns))}{why}"


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
    rows = {text: row for row, text in reversed(list(enumerate(texts)))}  # the first row of each text
    first = sorted(rows.values())
    try:
        parts = [
            space.parse_batch([texts[row] for row in part], lambda number, part=part: where(part[number]))  # type: ignore[misc]
            for part in (first[at : at + _AT_ONCE] for at in range(0, len(first), _AT_ONCE))
        ]
    except InvalidArchitecture as error:
        others = [name for name in space_names() if name != space.name and _reads(name, texts[0])]
        hint = f"; the first row is an architecture of {others[0]}" if others else ""
        raise DataError(f"{error}{hint}") from error
    graphs = concatenate(parts)
    if len(first) == len(texts):
        return graphs
    place = {row: at for at, row in enumerate(first)}
    return graphs[np.array([place[rows[text]] for text in texts])]


def make_table_of_graphs(
    space: SearchSpace,
    graphs: Graphs,
    columns: dict[str, NDArray[np.float64]],
    about: dict[str, str],
    where: Callable[[int], str],
    repeats: Repeats = "error",
) -> Table:
    """A table of members; see `make_table`.

    Rows of one architecture become one: where the first has no score, that of another is taken. `repeats` says what
    becomes of different scores.
    """
    graphs = space.normalise(graphs)
    keys = space.keys(graphs)
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)  # rows stay in their order
    scores = {name: _joined(name, values, group, where, repeats)[order] for name, values in columns.items()}
    return Table(space.name, graphs[first[order]], keys[first[order]], scores, about)


def _joined(
    name: str, values: NDArray[np.float64], group: NDArray[np.int64], where: Callable[[int], str], repeats: Repeats
) -> NDArray[np.float64]:
    """The one score of each group of rows."""
    scored = np.flatnonzero(~np.isnan(values))
    holder = np.full(group.max() + 1, -1)
    holder[group[scored][::-1]] = scored[::-1]  # the first row of each group that has a score
    if repeats == "mean":
        count = np.bincount(group[scored], minlength=len(holder))
        total = np.bincount(group[scored], weights=values[scored], minlength=len(holder))
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)
    differs = scored[values[scored] != values[holder[group[scored]]]]
    if len(differs) and repeats == "error":
        row, other = differs[0], holder[group[differs[0]]]
        raise DataError(
            f"two scores for one architecture: {where(int(other))} has {name} = {values[other]:.10g}, "
            f"{where(int(row))} has {values[row]:.10g}; to keep the first or the mean, import the table with "
            "`archllm data import … --repeats first` or `mean`"
        )
    return np.where(holder >= 0, values[holder], np.nan)


def _reads(name: str, text: str) -> bool:
    try:
        load_space(name).parse(text)
    except ArchLLMError:
        return False
    return True
