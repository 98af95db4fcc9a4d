"""Tasks of searches: on which table and column, and whether settings may be chosen by them.

Development tasks are there to choose settings by; test tasks judge what was chosen, and nothing is ever chosen by them.
"""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from archllm.errors import DataMissing
from archllm.files import write_text

Role = Literal["test", "development"]

_TRANSNAS_OPS = {"skip": "skip_connect", "conv1": "nor_conv_1x1", "conv3": "nor_conv_3x3", "none": "none"}


@dataclass(frozen=True)
class Task:
    """One score of the members of a space.

    Example:
        >>> TASKS["macro"].role
        'development'
    """

    title: str
    """What it is called on the page."""

    space: str
    """The space."""

    score: str
    """Table and column."""

    role: Role
    """Whether settings may be chosen by it."""

    points: float = 1.0
    """What a score is multiplied by so that 1 is a percentage point, or a hundredth of a loss."""


GRAPHS = {
    "cora": "Cora",
    "citeseer": "CiteSeer",
    "pubmed": "PubMed",
    "cs": "Coauthor CS",
    "physics": "Coauthor Physics",
    "photo": "Amazon Photo",
    "computers": "Amazon Computers",
    "arxiv": "ogbn-arXiv",
    "proteins": "ogbn-proteins",
}
"""Data sets of NAS-Bench-Graph, and what they are called."""

TASKS = {
    "cifar10": Task("NAS-Bench-201, CIFAR-10", "nasbench201", "nasbench201/cifar10", "test"),
    "cifar100": Task("NAS-Bench-201, CIFAR-100", "nasbench201", "nasbench201/cifar100", "test"),
    "imagenet16": Task("NAS-Bench-201, ImageNet16-120", "nasbench201", "nasbench201/imagenet16", "test"),
    "nasbench101": Task("NAS-Bench-101, a pool of 30,001", "nasbench101", "nasbench101/cifar10", "test"),
    **{
        f"graph-{data}": Task(f"NAS-Bench-Graph, {title}", "nasbench-graph", f"nasbench-graph/{data}", "test")
        for data, title in GRAPHS.items()
    },
    "cifar10@12": Task(
        "NAS-Bench-201, CIFAR-10, 12 epochs", "nasbench201", "nasbench201/cifar10.valid@12", "development"
    ),
    "cifar100@12": Task(
        "NAS-Bench-201, CIFAR-100, 12 epochs", "nasbench201", "nasbench201/cifar100.valid@12", "development"
    ),
    "imagenet16@12": Task(
        "NAS-Bench-201, ImageNet16-120, 12 epochs", "nasbench201", "nasbench201/imagenet16.valid@12", "development"
    ),
    "nasbench101@12": Task(
        "NAS-Bench-101, a pool, 12 epochs", "nasbench101", "nasbench101/cifar10.valid@12", "development"
    ),
    "nasbench101@36": Task(
        "NAS-Bench-101, a pool, 36 epochs", "nasbench101", "nasbench101/cifar10.valid@36", "development"
    ),
    "scene": Task("TransNAS micro, scene classes", "transnasbench", "transnasbench/class_scene", "development"),
    "jigsaw": Task("TransNAS micro, jigsaw", "transnasbench", "transnasbench/jigsaw", "development"),
    "room": Task("TransNAS micro, room layout", "transnasbench", "transnasbench/room_layout", "development", 100.0),
    "macro": Task("NAS-Bench-Macro, CIFAR-10", "nasbench-macro", "nasbench_macro/accuracy", "development"),
    "enas6": Task("ENAS, 6 layers, a pool of 20,015", "enas6", "enas6/accuracy", "development", 100.0),
}
"""All tasks by name."""


NOT_APPLICABLE = {"largest": ("nasbench-graph",)}
"""Methods, and spaces that they can't search: where no networks are, there is no size."""


def applicable(method: str, task: str) -> bool:
    """Whether a method can search a task."""
    return TASKS[task].space not in NOT_APPLICABLE.get(method, ())


def named(role: Role) -> tuple[str, ...]:
    """The names of the tasks of one role."""
    return tuple(name for name, task in TASKS.items() if task.role == role)


def table_of(task: Task, folder: Path) -> str:
    """The table and column, as an objective `table:` takes them; one in a notation of its own is rewritten once.

    Args:
        task: the task.
        folder: where tables are written.

    Raises:
        DataMissing: there is no such table.
    """
    from archllm.objectives.table import find_table

    table, _, column = task.score.partition("/")
    if table == "nasbench-graph":
        return f"{_graph_table(column, folder)}/valid"
    if table != "transnasbench":
        return task.score
    path = folder / f"{table}.csv"
    if not path.exists():
        source = find_table("transnas_micro")
        folder.mkdir(parents=True, exist_ok=True)
        with gzip.open(source, "rt", encoding="utf-8", newline="") as file:
            write_text(path, "\n".join(_transnas(csv.reader(file))) + "\n")
    return f"{path}/{column}"


def _graph_table(data: str, folder: Path) -> Path:
    """The table of a data set of NAS-Bench-Graph, read once from the benchmark's own file."""
    from archllm.spaces import load_space
    from archllm.workflows.data import import_data

    path = folder / f"nasbench-graph-{data}.parquet"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        import_data(_graph_file(data), "nasbench-graph", load_space("nasbench-graph"), out=path)
    return path


def _graph_file(data: str) -> Path:
    """The file in the folder `$NAS_BENCH_GRAPH`, or in the package nas-bench-graph, none of whose code is run."""
    named, package = os.environ.get("NAS_BENCH_GRAPH"), find_spec("nas_bench_graph")
    folders = [Path(named)] if named else []
    if package is not None:
        folders += [Path(place) / "light" for place in package.submodule_search_locations or ()]
    found = [folder / f"{data}.bench" for folder in folders if (folder / f"{data}.bench").is_file()]
    if not found:
        raise DataMissing(
            f"there is no {data}.bench of NAS-Bench-Graph; install nas-bench-graph, or name the folder of its files in "
            "NAS_BENCH_GRAPH"
        )
    return found[0]


def _transnas(rows: Iterator[list[str]]) -> Iterator[str]:
    """With the operations' names of the space, and without test scores."""
    heading = next(rows)
    kept = [at for at, name in enumerate(heading) if not name.endswith("_test")]
    yield ",".join(heading[at] for at in kept)
    for row in rows:
        edges = row[0].split("|")
        named = [f"{_TRANSNAS_OPS[edge.split('~')[0]]}~{edge.split('~')[1]}" if "~" in edge else edge for edge in edges]
        yield ",".join(["|".join(named), *(row[at] for at in kept[1:])])
