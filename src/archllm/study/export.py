"""Trials as data: one flat row each, in CSV, Parquet or JSON lines."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from archllm.errors import InvalidInput, MissingExtra
from archllm.files import replacing, write_text
from archllm.objectives.evaluation import recorded_cost
from archllm.study.store import Study, Trial

ENDINGS = (".csv", ".parquet", ".jsonl")
"""Endings of files that can be written."""

_FORMULA = re.compile(r"(^|[;\t\r\n])(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])")
"""Where a spreadsheet begins a formula: at the start of a cell, and behind what it may take for the end of one."""


def trial_rows(study: Study, trials: Iterable[Trial]) -> list[dict[str, Any]]:
    """Trials as flat rows.

    Columns are `study`, `space`, `method`, `seed`, `number`, `place` (from 1, in the order in which trials were over),
    `text`, `key`, `state`, `value` (by the first objective), `cost` and `lower_fidelity_cost` in seconds, `reused_from`
    (the study that made the evaluation, where it was not made again), `failure`, `attempts`, `worker`, and the times
    `asked`, `started` and `finished` in seconds since 1970. With several objectives there is a `value.SPEC` for each.
    Names say what else is what: `metric.NAME`, `curve.NAME` (a list, one number per epoch), and `test.NAME` for metrics
    on test data, which no search saw and by which nothing may be chosen.

    Args:
        study: the study.
        trials: some of its trials.
    """
    return [_row(study, trial) for trial in trials]


def _row(study: Study, trial: Trial) -> dict[str, Any]:
    found = trial.evaluation
    values = dict(zip(study.objectives, found.values or (None,) * len(study.objectives), strict=True))
    return {
        "study": study.name,
        "space": study.space,
        "method": study.method,
        "seed": study.seed,
        "number": trial.number,
        "place": trial.place,
        "text": trial.text,
        "key": trial.key,
        "state": trial.state,
        "value": found.value,
        **({f"value.{spec}": value for spec, value in values.items()} if len(values) > 1 else {}),
        "cost": found.cost,
        "lower_fidelity_cost": recorded_cost(found.lower_fidelity),
        "reused_from": found.reused_from,
        **{f"metric.{name}": value for name, value in found.metrics.items()},
        **{f"test.{name}": value for name, value in found.test.items()},
        **{f"curve.{name}": list(curve) for name, curve in found.curves.items()},
        "failure": found.failure,
        "attempts": trial.attempts,
        "worker": trial.worker,
        "asked": trial.asked,
        "started": trial.started,
        "finished": trial.finished,
    }


def write_rows(path: Path, rows: Sequence[dict[str, Any]], ending: str | None = None) -> Path:
    """Writes rows to a file, as a whole or not at all; an existing one is replaced.

    What a row has no value for is left empty, or null. In CSV, a list is written as JSON, and a text that a spreadsheet
    would take for a formula (it, or what stands in it behind a semicolon or a break, starts with `=`, `+`, `-` or `@`)
    gets an apostrophe in front, because names and reasons in a store may come from anybody. Parquet and JSON lines have
    every text as it is; JSON has null for numbers that are not finite.

    Args:
        path: the file; its ending says what is written.
        rows: the rows.
        ending: one of `ENDINGS` where the file's own is not to decide.

    Returns:
        The file.

    Raises:
        InvalidInput: the ending is of no known kind.
        MissingExtra: Parquet needs pyarrow.
        RunFolderError: the file can't be written.
    """
    kind = check_ending(path) if ending is None else ending
    columns = _columns(rows)
    if kind == ".csv":
        with replacing(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerow([csv_cell(name) for name in columns])
            lines.writerows([csv_cell(row.get(name)) for name in columns] for row in rows)
    elif kind == ".jsonl":
        write_text(path, "".join(json.dumps(_finite(row), ensure_ascii=False) + "\n" for row in rows))
    else:
        _write_parquet(path, rows, columns)
    return path


def check_ending(path: Path) -> str:
    """The ending of a file that is to be written.

    Raises:
        InvalidInput: it is of no known kind.
        MissingExtra: it is of a kind that needs a library which is not installed.
    """
    kind = path.suffix.lower()
    if kind not in ENDINGS:
        raise InvalidInput(f"trials are written as {', '.join(ENDINGS)}, by the ending of the file; got {path.name!r}")
    if kind == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise MissingExtra("a Parquet file", "data") from error
    return kind


def csv_cell(value: Any) -> Any:
    """A value as a cell of a CSV file that a spreadsheet opens without running anything.

    Example:
        >>> csv_cell("=1+2"), csv_cell("a; =1"), csv_cell(-1.5), csv_cell([1.0, 2.0]), csv_cell(None)
        ("'=1+2", "a;' =1", -1.5, '[1.0, 2.0]', '')
    """
    if value is None:
        return ""
    if isinstance(value, list):
        return json.dumps(value)
    return _FORMULA.sub(r"\1'", value) if isinstance(value, str) else value


def _write_parquet(path: Path, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({name: [row.get(name) for row in rows] for name in columns})
    with replacing(path) as aside:
        pq.write_table(table, aside)


def _columns(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The columns of all rows; one that only some rows have stands behind the one it follows there."""
    names: list[str] = []
    for row in rows:
        place = 0
        for name in row:
            if name in names:
                place = names.index(name) + 1
            else:
                names.insert(place, name)
                place += 1
    return names


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
