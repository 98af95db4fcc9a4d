"""Features that say the same in every space of cells whose operations are known: counts and paths by what they mean.

`nor_conv_3x3` of one space and `conv3x3-bn-relu` of another are both a 3 x 3 convolution. So cells of different spaces
can be described in the same columns, and what scores of one say of them can be tried on the other.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.graphs import Graphs
from archllm.operations import Operation, by_name
from archllm.predictor.computation import Paths, paths
from archllm.predictor.features import Features
from archllm.spaces import SearchSpace

MEANINGS = ("conv3", "conv1", "conv5", "light", "pool")
"""Convolutions of 3 x 3, of 1 x 1, and larger; separable, depthwise or dilated ones; pooling."""

COLUMNS = (
    *(f"count {meaning}" for meaning in MEANINGS),
    "log paths",
    *(f"{how} {meaning}" for how in ("mean", "most", "least") for meaning in (*MEANINGS, "any")),
)
"""What `meaning_features` gives, in order."""

_USUAL = 3  # kernel of a convolution of which no more is known
_REFERENCE = 1_000


def meaning_of(operation: Operation) -> str | None:
    """What an operation does, in the columns' words; `None` for one that has no effect, or passes values on.

    Raises:
        InvalidInput: it is not known.

    Example:
        >>> [meaning_of(by_name(name)) for name in ("nor_conv_3x3", "conv1x1-bn-relu", "sep_conv_5x5", "skip")]
        ['conv3', 'conv1', 'light', None]
    """
    if operation.role in ("zero", "identity"):
        return None
    if operation.role == "pooling":
        return "pool"
    if operation.role in ("separable", "dilated"):
        return "light"
    if operation.role == "convolution":
        kernel = operation.kernel or _USUAL
        return "conv1" if kernel == 1 else "conv3" if kernel <= 3 else "conv5"
    raise InvalidInput(
        f"what the operation {operation.name!r} does can't be told from its name; a space file says so under [roles]"
    )


def known_operations(space: SearchSpace) -> bool:
    """Whether it is known what a space's operations do."""
    if space.slotted:
        return False
    try:
        labels_by_meaning(space)
    except InvalidInput:
        return False
    return True


def meaning_features(space: SearchSpace, graphs: Graphs) -> NDArray[np.float64]:
    """`n x 24`, the `COLUMNS`: how often operations of a meaning occur, and on paths from input to output.

    Only what has an effect counts. Of several cells that stand in one graph, the mean.

    Args:
        space: a space of cells.
        graphs: `n` members.

    Raises:
        InvalidInput: what an operation of the space does is not known.
    """
    if space.slotted:
        raise InvalidInput(f"what is chosen in slots of {space.name} is no operation of a cell")
    found = paths(space, graphs, labels_by_meaning(space))
    cells = [_of_cell(found, output) for output in range(found.paths.shape[1])]
    return np.asarray(np.mean(cells, axis=0), dtype=np.float64)


def _of_cell(found: Paths, output: int) -> NDArray[np.float64]:
    routes = found.paths[:, output]
    mean = found.total[:, output] / np.maximum(routes, 1)[:, None]
    most, least = (np.where(np.isfinite(each[:, output]), each[:, output], -1.0) for each in (found.most, found.least))
    return np.concatenate([found.counts, np.log1p(routes)[:, None], mean, most, least], axis=1)


def labels_by_meaning(space: SearchSpace) -> list[list[int]]:
    """Labels of operations of each meaning."""
    groups: list[list[int]] = [[] for _ in MEANINGS]
    inputs = len(space.op_names) - 1 - len(space.ops) if hasattr(space, "ops") else 1
    for label in range(inputs, len(space.op_names) - 1):
        name = space.op_names[label]
        meaning = meaning_of(space.operations.get(name) or by_name(name))
        if meaning is not None:
            groups[MEANINGS.index(meaning)].append(label)
    return groups


def check_common(space: SearchSpace, other: SearchSpace, name: str) -> None:
    """Makes sure that members of two spaces can be described alike.

    Args:
        space: the space that is searched.
        other: the other space.
        name: whose space the other one is, for messages.

    Raises:
        InvalidInput: they can't.
    """
    for each in (space, other):
        if not known_operations(each):
            raise InvalidInput(
                f"{name} is of {other.name}, and this is a search of {space.name}: scores carry over between spaces of "
                f"cells of which it is known what their operations do, and of {each.name} it is not: declare it under "
                "[roles] of a space file of cells"
            )
    both = [{at for at, group in enumerate(labels_by_meaning(each)) if group} for each in (space, other)]
    if not both[0] & both[1]:
        raise InvalidInput(f"{name} is of {other.name}, which has no operation of the same meaning as {space.name}")


def common_features(
    space: SearchSpace, other: SearchSpace, members: Graphs
) -> tuple[Callable[[Graphs], Features], Features]:
    """How members of a space are described, and members of another one described alike.

    Args:
        space: the space.
        other: the other space, see `check_common`.
        members: of the other space.
    """
    drawn = [meaning_features(each, each.sample(_REFERENCE, np.random.default_rng(0))) for each in (space, other)]
    both = np.concatenate(drawn)
    kept = np.flatnonzero((drawn[0].std(0) > 0) & (drawn[1].std(0) > 0))
    centre, scale = both.mean(0)[kept], both.std(0)[kept] * np.sqrt(2 * len(kept))

    def features(of: SearchSpace, graphs: Graphs) -> Features:
        values = (meaning_features(of, graphs)[:, kept] - centre) / scale
        return Features(values.astype(np.float32), (slice(0, len(kept)),))

    return lambda graphs: features(space, graphs), features(other, members)
