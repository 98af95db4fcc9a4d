"""`archllm data import`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from archllm.cli.command import Command
from archllm.cli.console import Console, fields
from archllm.config import Option


@dataclass(frozen=True, kw_only=True)
class Data(Command):
    """Turn official benchmark files, or a table of your own, into one table for objectives.

    A table that was imported is an objective by its name: `table:nasbench201/cifar10`. Foreign pickles are read as
    data only; nothing in them is executed.
    """

    ACTIONS = ("import",)

    action: Annotated[Literal["import"], Option("import", positional=True)]
    """What to do; there is only `import`."""

    file: Annotated[Path, Option("FILE", positional=True)]
    """The file to read, or the folder of NATS-Bench."""

    form: Annotated[
        Literal["nats", "nasbench201-pth", "nasbench101-tfrecord", "nasbench-graph", "csv", "parquet"],
        Option(name="as"),
    ]
    """What it is: the official files of NATS-Bench, NAS-Bench-201, NAS-Bench-101 or (one for each data set)
    NAS-Bench-Graph, or a table with a heading."""

    space: Annotated[str | None, Option("SPACE")] = None
    """The space of its architectures; needed for csv and parquet, unless the headings tell it."""

    out: Annotated[Path | None, Option("FILE")] = None
    """The .parquet file to write; by default one in the folder $ARCHLLM_DATA, or ~/.local/share/archllm. An existing
    file is replaced."""

    arch_column: Annotated[str | None, Option("COLUMN")] = None
    """For csv and parquet: the column of architectures; by default `architecture`, `arch`, `arch_str` or `genotype`."""

    metric: Annotated[tuple[str, ...], Option("COLUMN")] = ()
    """For csv and parquet: the columns to keep; by default all that hold numbers."""

    repeats: Literal["error", "first", "mean"] = "error"
    """For csv and parquet: what is kept of several scores of one architecture."""

    def run(self, console: Console) -> None:
        from archllm.workflows.data import import_data

        with console.progress() as listener:
            found = import_data(
                self.file,
                self.form,
                self.space,
                out=self.out,
                arch_column=self.arch_column,
                metrics=self.metric,
                repeats=self.repeats,
                listener=listener,
            )
        console.document(found.to_json())
        pairs = {
            "wrote": f"{found.out} ({found.out.stat().st_size:,} bytes)",
            "architectures": f"{len(found.table):,} of {found.table.space}",
            "columns": ", ".join(sorted(found.table.columns)),
        }
        if found.table.unread:
            pairs["not read"] = "; ".join(f"{name} ({why})" for name, why in found.table.unread.items())
        for line in fields(pairs):
            console.say(line)
