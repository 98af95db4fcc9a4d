"""Rows of a store -> studies and trials. A store is data of others, too, so every cell is looked at."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, get_args

from sqlalchemy import Column, ColumnElement, Table, Text, cast

from archllm.errors import StoreError, shown
from archllm.objectives.evaluation import Evaluation, LowerFidelity, is_score
from archllm.objectives.identity import Identity
from archllm.study.store.base import OVER, State, Study, Trial
from archllm.study.store.schema import STUDIES, TRIALS

LONGEST = 4 << 20
"""Most characters of a cell."""

LARGEST = 16 << 20
"""Most bytes of a cell that are read at all."""

LONGEST_NAME = 2_000
"""Most characters of a name or reason."""

LONGEST_ARCHITECTURE = 20_000
"""Most characters of an architecture's text."""

DEEPEST = 20
"""Most lists and dictionaries within one another."""

_LATEST = 1e11  # seconds since 1970: the year 5138
LONGEST_COST = 1e12
"""Most seconds of an evaluation."""


def columns(table: Table) -> list[ColumnElement[Any]]:
    """What to select of a table: JSON as its text, as a library would read it without bounds."""
    return [cast(each, Text).label(each.name) if _is_json(each) else each for each in table.c]


def study_of(row: Mapping[Any, Any], where: str) -> Study:
    """The study of a row.

    Args:
        row: cells by column, as `columns` selects them.
        where: the store.

    Raises:
        StoreError: a cell holds what can't be; the message names table, row and column.
    """
    cells = _Cells(row, STUDIES, row["id"], where)
    name = cells.text("name", LONGEST_NAME)
    objectives = cells.texts("objectives")
    directions = cells.texts("directions")
    if len(directions) != len(objectives) or not set(directions) <= {"maximise", "minimise"}:
        cells.wrong("directions", f"maximise or minimise for each of {len(objectives)} objectives")
    identities = []
    for each in cells.json("identities", list):
        try:
            identities.append(Identity.from_json(each))
        except ValueError:
            cells.wrong("identities", "what decides the scores of each objective")
    study = Study(
        name=name,
        space=cells.text("space", LONGEST_NAME),
        objectives=objectives,
        directions=directions,
        method=cells.text("method", LONGEST_NAME),
        seed=cells.whole("seed", -(2**63), 2**63 - 1),
        settings=cells.json("settings", dict),
        network=cells.json("network", dict, needed=False),
        identities=tuple(identities),
    )
    if row["scores"] != study.scores:
        cells.wrong("scores", "the name that its objectives have")
    cells.number("created", 0, _LATEST)
    return study


def trial_of(row: Mapping[Any, Any], objectives: int, where: str) -> Trial:
    """The trial of a row.

    Args:
        row: cells by column, as `columns` selects them.
        objectives: how many objectives its study has.
        where: the store.

    Raises:
        StoreError: a cell holds what can't be; the message names table, row and column.
    """
    cells = _Cells(row, TRIALS, row["number"], where)
    state: State = row["state"]
    if state not in get_args(State):
        cells.wrong("state", f"one of {', '.join(get_args(State))}")
    over = state in OVER
    evaluation = Evaluation(
        cells.values(objectives, complete=state == "complete"),
        metrics=cells.metrics("metrics"),
        test=cells.metrics("test"),
        cost=cells.number("cost", 0, LONGEST_COST),
        curves=cells.curves(),
        failure=cells.text("failure", LONGEST, needed=False),
        lower_fidelity=cells.lower_fidelity(),
        reused_from=cells.text("reused_from", LONGEST_NAME, needed=False),
    )
    running = state == "running"
    if not over:
        cells.nothing("place", "a place before it is over")
    return Trial(
        number=cells.whole("number", 0, 2**31 - 1),
        text=cells.text("text", LONGEST_ARCHITECTURE),
        key=cells.whole("key", -(2**63), 2**63 - 1),
        state=state,
        evaluation=evaluation,
        place=cells.whole("place", 1, 2**31 - 1) if over else None,
        attempts=cells.whole("attempts", 0, 2**31 - 1),
        worker=cells.text("worker", LONGEST_NAME, needed=running),
        asked=cells.number("asked", 0, _LATEST),
        started=cells.number("started", 0, _LATEST, needed=running),
        heartbeat=cells.number("heartbeat", 0, _LATEST, needed=running),
        finished=cells.number("finished", 0, _LATEST, needed=over),
    )


def trials_of(rows: Iterable[Mapping[Any, Any]], objectives: int, where: str) -> list[Trial]:
    """The trials of rows of one study; see `trial_of`.

    Raises:
        StoreError: also if two have one number, architecture or place.
    """
    found = []
    seen: dict[str, set[int]] = {"number": set(), "key": set(), "place": set()}
    for row in rows:
        found.append(trial := trial_of(row, objectives, where))
        for column, known in seen.items():
            value = getattr(trial, column)
            if value in known:
                _Cells(row, TRIALS, trial.number, where).wrong(column, "a value that no other trial has")
            if value is not None:
                known.add(value)
    return found


def damaged(where: str, table: Table, row: object, column: str, expected: str, found: str) -> StoreError:
    """The error that says which cell holds what can't be."""
    return StoreError(
        f"{where} is damaged: table {table.name}, row {shown(row)}, column {column}: expected {expected}, found "
        f"{found}; restore the store from a copy, or delete the study"
    )


class _Cells:
    """The cells of a row, by column."""

    def __init__(self, row: Mapping[Any, Any], table: Table, name: object, where: str) -> None:
        self.row, self.table, self.name, self.where = row, table, name, where

    def wrong(self, column: str, expected: str) -> NoReturn:
        raise damaged(self.where, self.table, self.name, column, expected, shown(self.row[column]))

    def text(self, column: str, most: int, needed: bool = True) -> Any:
        value = self.row[column]
        if value is None and not needed:
            return None
        if not isinstance(value, str) or not value or len(value) > most:
            self.wrong(column, f"a text of 1 to {most:,} characters")
        return value

    def whole(self, column: str, low: int, high: int) -> int:
        value = self.row[column]
        if type(value) is not int or not low <= value <= high:
            self.wrong(column, f"a whole number from {low} to {high}")
        return value

    def number(self, column: str, low: float, high: float, needed: bool = True) -> Any:
        value = self.row[column]
        if value is None and not needed:
            return None
        if type(value) not in (int, float) or not low <= value <= high:
            self.wrong(column, f"a number from {low:g} to {high:g}")
        return float(value)

    def nothing(self, column: str, what: str) -> None:
        if self.row[column] is not None:
            self.wrong(column, f"not {what}")

    def json(self, column: str, kind: type, needed: bool = True) -> Any:
        """What a text says in JSON: a list or a dictionary of plain values."""
        text = self.row[column]
        if text is None and not needed:
            return None
        if isinstance(text, str) and len(text) <= LONGEST:
            try:
                value = _DECODER.decode(text)
                brackets = text.count("[") + text.count("{")  # no deeper than that, which is quick to see
                if isinstance(value, kind) and (brackets <= DEEPEST or _depth(value) <= DEEPEST):
                    return value
            except (ValueError, RecursionError):
                pass
        return self.wrong(
            column, f"a {'list' if kind is list else 'dictionary'} in JSON, of up to {LONGEST:,} characters"
        )

    def texts(self, column: str) -> tuple[str, ...]:
        found = self.json(column, list)
        if not found or not all(isinstance(each, str) and 0 < len(each) <= LONGEST_NAME for each in found):
            self.wrong(column, "a list of texts")
        return tuple(found)

    def values(self, objectives: int, complete: bool) -> tuple[float, ...] | None:
        """The scores of a complete trial; others have none."""
        if not complete:
            self.nothing("values", "scores of a trial that is not complete")
            return None
        found = self.json("values", list)
        if len(found) != objectives or not all(type(each) in (int, float) and is_score(each) for each in found):
            self.wrong("values", f"{objectives} scores, one for each objective")
        return tuple(map(float, found))

    def metrics(self, column: str) -> dict[str, float]:
        found = self.json(column, dict, needed=False) or {}
        return {name: self.figure(column, value) for name, value in found.items()}

    def curves(self) -> dict[str, tuple[float, ...]]:
        found = self.json("curves", dict, needed=False) or {}
        if not all(isinstance(curve, list) for curve in found.values()):
            self.wrong("curves", "lists of numbers by name")
        return {name: tuple(self.figure("curves", value) for value in curve) for name, curve in found.items()}

    def figure(self, column: str, value: Any) -> float:
        """A number; those that JSON has no word for are written as texts."""
        if type(value) not in (int, float) and value not in ("nan", "inf", "-inf"):
            self.wrong(column, "numbers by name")
        return float(value)

    def lower_fidelity(self) -> tuple[LowerFidelity, ...]:
        found = self.json("lower_fidelity", list, needed=False) or []
        for each in found:
            right = isinstance(each, list) and len(each) == len(LowerFidelity._fields)
            if not right or type(each[0]) is not int or not isinstance(each[1], str) or not isinstance(each[4], str):
                self.wrong("lower_fidelity", "evaluations of key, objective, score, seconds and architecture")
            if not all(number is None or (type(number) in (int, float) and is_score(number)) for number in each[2:4]):
                self.wrong("lower_fidelity", "scores and seconds as numbers")
        return tuple(LowerFidelity(*each) for each in found)


_JSON: dict[type, str] = {list: "list", dict: "dictionary"}


def _is_json(column: Column[Any]) -> bool:
    return type(column.type).__name__ == "JSON"


def _depth(value: Any) -> int:
    """How many lists and dictionaries stand within one another; looked at no further than `DEEPEST`."""
    depth, layer = 0, [value]
    while layer and depth <= DEEPEST:
        inner = [each for each in layer if isinstance(each, list | dict)]
        layer = [part for each in inner for part in (each.values() if isinstance(each, dict) else each)]
        depth += bool(inner)
    return depth


def _refused(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise ValueError("a number out of range")
    return number


def _small(word: str) -> int:
    if len(word) > 20:
        raise ValueError("a number of many digits")
    return int(word)


_DECODER = json.JSONDecoder(parse_constant=_refused, parse_float=_finite, parse_int=_small)  # made once for all cells
