"""GenotypeForm: what the cells of a space of genotypes look like, and how texts name their parts."""

from __future__ import annotations

import ast
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archllm.errors import FormatError, shown
from archllm.spaces.texts.notation import Notation

Parts = list[list[list[int]]]
"""Numbers by cell, inner node and slot."""

Pair = tuple[int, int]
"""What an operation reads, and its number."""


@dataclass(frozen=True)
class GenotypeForm:
    """What cells look like.

    Example:
        >>> GenotypeForm(("conv", "skip"), ("normal",), 2, 2, 2).sources
        4
    """

    ops: tuple[str, ...]
    """Names of the operations."""

    cells: tuple[str, ...]
    """Names of the cell types."""

    inner: int
    """Inner nodes per cell."""

    arity: int
    """Operations per inner node."""

    cell_inputs: int
    """Inputs of a cell."""

    loose: bool = False
    """Whether the output joins only the inner nodes that no other inner node reads."""

    @property
    def sources(self) -> int:
        """How many nodes an operation could read: cell inputs first, then inner nodes."""
        return self.cell_inputs + self.inner

    def joined(self, sources: NDArray[np.integer]) -> NDArray[np.bool_]:
        """`… x inner` booleans: the inner nodes that the output joins, given what is read, `… x inner x arity`."""
        if not self.loose:
            return np.ones(sources.shape[:-1], dtype=np.bool_)
        flat = sources.reshape(*sources.shape[:-2], self.inner * self.arity, 1)
        unread: NDArray[np.bool_] = (flat != np.arange(self.cell_inputs, self.sources)).all(-2)
        return unread

    def joined_nodes(self, sources: NDArray[np.int64]) -> list[int]:
        """The same nodes of one cell, `inner x arity`, by their numbers; cell inputs have the first."""
        return (np.flatnonzero(self.joined(sources)) + self.cell_inputs).tolist()

    def named_op(self, notation: Notation, node: ast.expr) -> int:
        """The number of the operation of that name.

        Raises:
            FormatError: there is none.
        """
        op = notation.value(node)
        if not isinstance(op, str) or op not in self.ops:
            hint = ""
            if op == "none":
                hint = "; a space file of your own can have it: archllm spaces darts --toml prints one to begin from"
            message = f"unknown operation {shown(op)}; legal are {', '.join(self.ops)}{hint}"
            raise FormatError(message, notation.text, notation.offset(node))
        return self.ops.index(op)

    def numbered_op(self, notation: Notation, node: ast.expr) -> int:
        """The number that stands for an operation, in the order of the space.

        Raises:
            FormatError: it is none.
        """
        op = notation.value(node)
        if type(op) is not int or not 0 <= op < len(self.ops):
            wanted = f"the number of an operation, 0 ({self.ops[0]}) to {len(self.ops) - 1} ({self.ops[-1]}), is needed"
            raise FormatError(f"{wanted}, found {shown(op)}", notation.text, notation.offset(node))
        return op

    def source(self, notation: Notation, node: ast.expr) -> int:
        """The number of a node that is read.

        Raises:
            FormatError: it is none.
        """
        source = notation.value(node)
        if type(source) is not int or not 0 <= source < self.sources:
            wanted = f"a node number 0 to {self.sources - 1} is needed"
            raise FormatError(f"{wanted}, found {shown(source)}", notation.text, notation.offset(node))
        return source
