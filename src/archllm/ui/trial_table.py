"""Trials as a table: ordered, filtered and cut into pages here, so that 100,000 are no burden to a browser."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request

from archllm.errors import InvalidInput
from archllm.study.export import csv_cell, trial_rows
from archllm.study.store import State, Trial
from archllm.ui import asking
from archllm.ui.watching import Snapshot

AT_ONCE = 50
"""Rows of a page of the table."""

SHOWN = ("all", "front", *get_args(State))
"""Which trials can be shown."""

_PIECE = 500  # rows of a file that are written at a time


@dataclass(frozen=True)
class Question:
    """What a reader wants to see of a table."""

    sort: str
    """`number`, `cost`, `state`, `text`, or the place of an objective, from 0."""

    down: bool
    """Whether the largest comes first."""

    words: tuple[str, ...]
    """What the text, the reason or the state of a trial has to hold, in small letters."""

    show: str
    """One of `SHOWN`."""

    at: int
    """Page, from 1."""


@dataclass(frozen=True)
class Page:
    """A part of a table."""

    trials: tuple[Trial, ...]
    """Its rows."""

    at: int
    """Which page it is, from 1."""

    pages: int
    """How many there are."""

    total: int
    """Rows of all of them."""


def question(request: Request, objectives: int) -> Question:
    """What is asked for.

    Raises:
        InvalidInput: it can't be.
    """
    sort, show = asking.text(request, "sort", "number"), asking.text(request, "show", "all")
    columns = ("number", "cost", "state", "text", *map(str, range(objectives)))
    for name, value, known in (("sort", sort, columns), ("show", show, SHOWN)):
        if value not in known:
            raise InvalidInput(f"{name} is one of {', '.join(known)}, got {value!r}")
    words = asking.text(request, "words", "").lower().split()
    return Question(
        sort, asking.flag(request, "down"), tuple(words), show, asking.whole(request, "page", 1, 10**7) or 1
    )


def chosen(found: Snapshot, asked: Question) -> list[Trial]:
    """The trials that are asked for, in their order; those without a value of the column come last."""
    trials = list(found.result.front if asked.show == "front" else found.result.trials)
    if asked.show in get_args(State):
        trials = [trial for trial in trials if trial.state == asked.show]
    if asked.words:
        trials = [trial for trial in trials if _holds(trial, asked.words)]
    if asked.sort in ("state", "text"):
        return sorted(trials, key=lambda trial: str(getattr(trial, asked.sort)), reverse=asked.down)
    column = _column(trials, asked.sort)
    order = np.argsort(-column if asked.down else column, kind="stable")  # NaN stays last either way
    return [trials[row] for row in order]


def page_of(found: Snapshot, asked: Question) -> Page:
    """One page of them."""
    trials = chosen(found, asked)
    pages = max(-(-len(trials) // AT_ONCE), 1)
    at = min(asked.at, pages)
    return Page(tuple(trials[(at - 1) * AT_ONCE : at * AT_ONCE]), at, pages, len(trials))


def csv_of(found: Snapshot, asked: Question) -> Iterator[str]:
    """The same trials, all pages, as a CSV file that a spreadsheet opens without running anything."""
    trials = chosen(found, asked)
    columns: dict[str, None] = {}
    for start in range(0, max(len(trials), 1), _PIECE):
        for row in trial_rows(found.study, trials[start : start + _PIECE]):
            columns.update(dict.fromkeys(row))
    yield _lines([[csv_cell(name) for name in columns]])
    for start in range(0, len(trials), _PIECE):
        rows = trial_rows(found.study, trials[start : start + _PIECE])
        yield _lines([[csv_cell(row.get(name)) for name in columns] for row in rows])


def _lines(rows: list[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _holds(trial: Trial, words: tuple[str, ...]) -> bool:
    told = f"{trial.number} {trial.text} {trial.state} {trial.evaluation.failure or ''}".lower()
    return all(word in told for word in words)


def _column(trials: list[Trial], name: str) -> NDArray[np.float64]:
    if name == "number":
        values = [float(trial.number) for trial in trials]
    elif name == "cost":
        values = [trial.evaluation.total_cost for trial in trials]
    else:
        values = [np.nan if trial.values is None else trial.values[int(name)] for trial in trials]
    return np.array(values, dtype=np.float64)
