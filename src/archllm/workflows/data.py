"""Turn official benchmark files, and one's own tables, into one Parquet table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archllm.errors import InvalidInput
from archllm.files import make_folder
from archllm.objectives.table import data_folder
from archllm.objectives.tables import FORMATS, Table, check_format, import_table, space_of, write_parquet
from archllm.objectives.tables.parquet import pyarrow
from archllm.objectives.tables.table import Repeats
from archllm.spaces import SearchSpace, load_space
from archllm.spaces.registry import stored_space

if TYPE_CHECKING:
    from archllm.training.progress import Listener


@dataclass(frozen=True)
class Imported:
    """A table that was imported."""

    out: Path
    """The Parquet file."""

    table: Table
    """What it holds."""

    def to_json(self) -> dict[str, Any]:
        """What `archllm data import --json` prints."""
        return {
            "out": str(self.out),
            "space": self.table.space,
            "architectures": len(self.table),
            "columns": sorted(self.table.columns),
            "unread": self.table.unread,
            "about": self.table.about,
        }


def import_data(
    file: str | Path,
    form: str,
    space: SearchSpace | str | None = None,
    *,
    out: str | Path | None = None,
    arch_column: str | None = None,
    metrics: Sequence[str] = (),
    repeats: Repeats = "error",
    listener: Listener | None = None,
) -> Imported:
    """Reads a table and writes it as one Parquet file, the form in which objectives read it.

    Args:
        file: the file, or the folder of NATS-Bench.
        form: `nats`, `nasbench201-pth`, `nasbench101-tfrecord`, `nasbench-graph`, `csv` or `parquet`.
        space: the space of its architectures; official files know theirs, and tables of well-known shape.
        out: file to write, ending in `.parquet`; by default one in the data folder, named after the space (official
            files), the file, or both (NAS-Bench-Graph, which has a file for each data set).
        arch_column: for CSV and Parquet, the column of architectures.
        metrics: for CSV and Parquet, the columns to keep; by default all that hold numbers.
        repeats: for CSV and Parquet, what is kept of several scores of one architecture: the `first`, their `mean`, or
            none: an `error`.
        listener: told of the progress.

    Raises:
        InvalidInput: the format, the space or the file to write can't be used.
        DataMissing: there is no such file.
        DataError: the file can't be used; the message names the place.
        RunFolderError: the table can't be written.
        MissingExtra: pyarrow is not installed.
    """
    check_format(form)
    file = Path(file)
    if space is not None:
        home = load_space(space) if isinstance(space, str) else space
    elif (name := space_of(file, form)) is not None:
        home = stored_space(name, file)
    else:
        raise InvalidInput(f"{file} does not say which space its architectures are of; name it (--space)")
    stem = home.name if FORMATS[form] else file.name.split(".")[0]
    if form == "nasbench-graph":
        stem = f"{home.name}-{file.name.split('.')[0]}"
    target = Path(out) if out is not None else data_folder() / f"{stem}.parquet"
    if target.suffix != ".parquet":
        raise InvalidInput(f"a table is written as a .parquet file, got {target}")
    if out is not None and not target.parent.is_dir():
        raise InvalidInput(f"there is no folder {target.parent} to write {target.name} to; make it first")
    pyarrow()

    def tell(done: int, total: int) -> None:
        if listener is not None:
            from archllm.training.progress import Event

            listener(Event("import", done, total, {}))

    table = import_table(file, form, home, arch_column=arch_column, metrics=metrics, repeats=repeats, progress=tell)
    if out is None:
        make_folder(target.parent)
    write_parquet(table, home, target)
    return Imported(target, table)
