"""Tables of well-known shape, told by their headings, and the unmistakable names of their columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

ACCURACY_201 = re.compile(
    r"(?P<short>ep12_)?(?P<dataset>cifar10|cifar100|imagenet16)_(?P<what>valid|test|valid_run_test)"
)
ACCURACY_101 = re.compile(r"valid_ep(?P<epochs>\d+)")
DEVICE = re.compile(r"(1080ti|titan|gold|silver|raspi|pixel|eyeriss|fpga|edge|essential_ph|samsung|jetson)\w*")


@dataclass(frozen=True)
class Shape:
    """One of them."""

    space: str
    """Name of the space that its architectures are of."""

    headings: frozenset[str]
    """Headings that tell it from other tables."""

    architecture: str | None
    """The column of architectures; `None` where they are spread over several."""

    rename: Callable[[str], str | None]
    """Heading of a score -> name of a column; `None` for headings that are not of the shape."""

    meaning: str
    """What the columns mean."""

    factor: float = 1.0
    """What makes percent of its accuracies."""


def recognise(headings: Collection[str]) -> Shape | None:
    """The shape of a table with these headings, if it is a well-known one."""
    return next((shape for shape in SHAPES if shape.headings <= set(headings)), None)


def _accuracy_201(heading: str) -> str | None:
    known = ACCURACY_201.fullmatch(heading)
    return f"{known['dataset']}.{known['what']}@{12 if known['short'] else 200}" if known else None


def _latency_201(heading: str) -> str | None:
    return f"latency_ms.{heading}" if DEVICE.fullmatch(heading) else None


def _accuracy_101(heading: str) -> str | None:
    known = ACCURACY_101.fullmatch(heading)
    if heading == "train_time_s":
        return "cifar10.seconds@108"
    return f"cifar10.valid@{known['epochs']}" if known else None


SHAPES = (
    Shape(
        "nasbench201",
        frozenset({"index", "arch", "cifar10_valid", "cifar100_valid"}),
        "arch",
        _accuracy_201,
        "accuracies in percent after the last epoch, mean over seeds; cifar10.valid is that of a training on half of "
        "the training images, cifar10.valid_run_test its test accuracy, cifar10.test that of a training on all of them",
    ),
    Shape(
        "nasbench201",
        frozenset({"index", "eyeriss", "fpga"}),
        "index",
        _latency_201,
        "milliseconds for one image on each device",
    ),
    Shape(
        "nasbench101",
        frozenset({"n_vertices", "upper_triangle_bits", "ops"}),
        None,
        _accuracy_101,
        "validation accuracies in percent at the end of training, of one run; seconds of the training",
        factor=100.0,
    ),
)
"""All well-known shapes: accuracies and latencies of NAS-Bench-201, accuracies of NAS-Bench-101."""
