"""Tasks of searches: on which table and column, and whether settings may be chosen by them.

Development tasks are there to choose settings by; test tasks judge what was chosen, and nothing is ever chosen by them.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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


TASKS = {
    "cifar10": Task("NAS-Bench-201, CIFAR-10", "nasbench201", "nasbench201/cifar10", "test"),
    "cifar100": Task("NAS-Bench-201, CIFAR-100", "nasbench201", "nasbench201/cifar100", "test"),
    "imagenet16": Task("NAS-Bench-201, ImageNet16-120", "nasbench201", "nasbench201/imagenet16", "test"),
    "nasbench101": Task("NAS-Bench-101, a pool of 30,001", "nasbench101", "nasbench101/cifar10", "test"),
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
    if table != "transnasbench":
        return task.score
    path = folder / f"{table}.csv"
    if not path.exists():
        source = find_table("transnas_micro")
        folder.mkdir(parents=True, exist_ok=True)
        with gzip.open(source, "rt", encoding="utf-8", newline="") as file:
            write_text(path, "\n".join(_transnas(csv.reader(file))) + "\n")
    return f"{path}/{column}"


def _transnas(rows: Iterator[list[str]]) -> Iterator[str]:
    """With the operations' names of the space, and without test scores."""
    heading = next(rows)
    kept = [at for at, name in enumerate(heading) if not name.endswith("_test")]
    yield ",".join(heading[at] for at in kept)
    for row in rows:
        edges = row[0].split("|")
        named = [f"{_TRANSNAS_OPS[edge.split('~')[0]]}~{edge.split('~')[1]}" if "~" in edge else edge for edge in edges]
        yield ",".join(["|".join(named), *(row[at] for at in kept[1:])])
