"""Graphs: a batch of labelled directed acyclic graphs, kept as two arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput

ABSENT = -1
"""The label of a node position that a graph does not use."""

Number = TypeVar("Number", np.int8, np.bool_)


@dataclass(frozen=True, eq=False)
class Graphs:
    """A batch of `n` graphs on up to `v` nodes, as a struct of arrays.

    A graph uses the first node positions and leaves the rest `ABSENT`. What the labels mean, and which graphs are
    members, is for a `SearchSpace` to say: a `Graphs` may hold anything that a decoder produced.

    Example:
        >>> graphs = Graphs(np.array([[0, 1, 2]]), np.zeros((1, 3, 3), dtype=bool))
        >>> len(graphs), graphs.nodes
        (1, 3)
    """

    ops: NDArray[np.int8]
    """`n x v` node labels, `ABSENT` where there is no node."""

    adjacency: NDArray[np.bool_]
    """`n x v x v`; `adjacency[g, i, j]` says that graph `g` has the edge `i -> j`."""

    def __post_init__(self) -> None:
        ops = _exact(self.ops, np.int8, "ops", "whole numbers from -128 to 127")
        adjacency = _exact(self.adjacency, np.bool_, "adjacency", "booleans, or 0 and 1")
        if ops.ndim != 2 or adjacency.shape != (*ops.shape, ops.shape[1]):
            raise InvalidInput(
                f"graphs need ops of shape n x v and adjacency of shape n x v x v, "
                f"got {ops.shape} and {adjacency.shape}"
            )
        object.__setattr__(self, "ops", ops)
        object.__setattr__(self, "adjacency", adjacency)

    @classmethod
    def unlinked(cls, ops: NDArray[np.int8]) -> Graphs:
        """Graphs of `n x v` labels without edges, which are read-only and take one byte, whatever `n` and `v` are.

        Example:
            >>> Graphs.unlinked(np.zeros((1000, 300), dtype=np.int8)).adjacency.shape
            (1000, 300, 300)
        """
        return cls(ops, _spread(np.zeros((1, 1, 1), dtype=np.bool_), *ops.shape))

    @property
    def edgeless(self) -> bool:
        """Whether the batch was made without edges, by `unlinked`; others may have none, too."""
        return self.adjacency.strides == (0, 0, 0) and not self.adjacency[:1, :1, :1].any()

    def copy(self) -> Graphs:
        """The same graphs in arrays of their own."""
        if self.edgeless:
            return Graphs.unlinked(self.ops.copy())
        return Graphs(self.ops.copy(), self.adjacency.copy())

    def __len__(self) -> int:
        return int(self.ops.shape[0])

    @property
    def nodes(self) -> int:
        """Number of node positions `v`."""
        return int(self.ops.shape[1])

    def __getitem__(self, index: int | slice | NDArray[np.bool_] | NDArray[np.int64] | Sequence[int]) -> Graphs:
        """The graphs at `index`, always as a batch (an `int` gives a batch of one)."""
        if isinstance(index, int | np.integer):
            if not -len(self) <= index < len(self):
                raise IndexError(f"graph {index} of a batch of {len(self)}")
            index = [int(index)]
        elif isinstance(index, tuple):
            index = list(index)
        if self.edgeless:
            return Graphs.unlinked(self.ops[index])
        return Graphs(self.ops[index], self.adjacency[index])

    def __iter__(self) -> Iterator[Graphs]:
        return (self[i] for i in range(len(self)))

    def padded(self, nodes: int) -> Graphs:
        """The same graphs on `nodes` positions: absent ones are added, or unused trailing ones dropped.

        Raises:
            InvalidInput: a position to be dropped is in use.
        """
        extra = nodes - self.nodes
        if extra == 0:
            return self
        if self.edgeless and (extra > 0 or (self.ops[:, nodes:] == ABSENT).all()):
            ops = np.pad(self.ops, ((0, 0), (0, max(extra, 0))), constant_values=ABSENT)
            return Graphs.unlinked(ops[:, :nodes])
        if extra < 0:
            linked = self.adjacency[:, nodes:].any() or self.adjacency[:, :, nodes:].any()
            if linked or (self.ops[:, nodes:] != ABSENT).any():
                raise InvalidInput(f"graphs use more than {nodes} node positions")
            return Graphs(self.ops[:, :nodes], self.adjacency[:, :nodes, :nodes])
        return Graphs(
            np.pad(self.ops, ((0, 0), (0, extra)), constant_values=ABSENT),
            np.pad(self.adjacency, ((0, 0), (0, extra), (0, extra))),
        )


def concatenate(batches: Sequence[Graphs]) -> Graphs:
    """Joins batches into one, padded to the largest number of node positions."""
    if not batches:
        raise InvalidInput("concatenate needs at least one batch of graphs")
    nodes = max(batch.nodes for batch in batches)
    wide = [batch.padded(nodes) for batch in batches]
    ops = np.concatenate([b.ops for b in wide])
    if all(batch.edgeless for batch in wide):
        return Graphs.unlinked(ops)
    return Graphs(ops, np.concatenate([b.adjacency for b in wide]))


def equal(left: Graphs, right: Graphs) -> NDArray[np.bool_]:
    """`n` booleans: which graphs have the same labels and edges position by position (not up to isomorphism)."""
    if len(left) != len(right):
        raise InvalidInput(f"two batches of the same length are needed, got {len(left)} and {len(right)}")
    nodes = max(left.nodes, right.nodes)
    left, right = left.padded(nodes), right.padded(nodes)
    same: NDArray[np.bool_] = (left.ops == right.ops).all(1)
    if not (left.edgeless and right.edgeless):
        same &= (left.adjacency == right.adjacency).all((1, 2))
    return same


def _spread(edges: NDArray[np.bool_], n: int, v: int) -> NDArray[np.bool_]:
    """One truth value as `n x v x v` of them, in one byte."""
    spread: NDArray[np.bool_] = np.lib.stride_tricks.as_strided(edges, (n, v, v), (0, 0, 0), writeable=False)
    return spread


def _exact(values: object, dtype: type[Number], field: str, expected: str) -> NDArray[Number]:
    """The values as an array of that type; refused if one of them would change on the way."""
    if type(values) is np.ndarray and values.dtype == dtype:  # most are, and there are many small batches
        return values
    try:
        raw = np.asarray(values)
        with np.errstate(invalid="ignore"):
            made = raw.astype(dtype, copy=False)
        unchanged = made is raw or bool(np.all(made == raw))
    except (ValueError, TypeError, OverflowError):
        unchanged = False
    if not unchanged:
        raise InvalidInput(f"{field} of graphs must be a full array of {expected}")
    return made
