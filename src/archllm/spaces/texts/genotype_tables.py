"""Genotypes as dictionaries of choices: configurations of NAS-Bench-301, and what both generations of nni export.

NAS-Bench-301 numbers the pairs of nodes that could be linked, target by target: `…:edge_normal_3` is the operation on
the fourth of them, `…:inputs_node_normal_3` says which nodes node 3 reads, as in `0_1`; a node that could read no more
than it does has no such entry. nni has an entry for each operation and one for what it reads, `normal/op_2_0` and
`normal/input_2_0`, or one for each pair and one for each node, `normal_n2_p0` and `normal_n2_switch`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from archllm.config import did_you_mean
from archllm.errors import FormatError, shown
from archllm.spaces.texts.genotype_form import GenotypeForm, Pair
from archllm.spaces.texts.notation import Notation

_SIZELESS = {"maxpool": "maxpool3x3", "avgpool": "avgpool3x3"}  # nni's short names say no size


def parse_table(notation: Notation, form: GenotypeForm) -> list[list[list[Pair]]] | None:
    """Reads a dictionary of choices; entries that speak of no cell, such as those of a training, are skipped.

    Returns:
        What each operation reads and its number, cell by cell and inner node by inner node; `None` for any other text.

    Raises:
        FormatError: an entry is missing, unknown or can't be read; with its position.
    """
    tree = notation.tree
    if not isinstance(tree, ast.Dict):
        return None
    cells = "|".join(map(re.escape, form.cells))
    entries = dict(zip(map(_word, tree.keys), tree.values, strict=True))
    for pattern, read in _TABLES:
        own = re.compile(pattern.replace("CELL", f"(?:{cells})"))
        table = _Table(
            notation, form, {found[1]: node for key, node in entries.items() if (found := own.fullmatch(key))}
        )
        if table.entries:
            nodes = [[list(read(table, cell, form.cell_inputs + k)) for k in range(form.inner)] for cell in form.cells]
            table.check_all_read()
            return nodes
    return None


def _word(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


@dataclass
class _Table:
    """Entries by key, and which of them were read."""

    notation: Notation
    form: GenotypeForm
    entries: dict[str, ast.expr]

    def __post_init__(self) -> None:
        self.read: set[str] = set()

    def node(self, key: str) -> ast.expr:
        if key not in self.entries:
            at = self.notation.offset(self.notation.tree)
            raise FormatError(f"the entry {key!r} is missing", self.notation.text, at)
        self.read.add(key)
        return self.entries[key]

    def skip(self, key: str) -> None:
        """An entry that says nothing, as others decide."""
        self.read.add(key)

    def wrong(self, key: str, wanted: str) -> FormatError:
        node = self.entries[key]
        found = self.notation.value(node)
        return FormatError(
            f"{key} must be {wanted}, found {shown(found)}", self.notation.text, self.notation.offset(node)
        )

    def single(self, key: str) -> Any:
        """The value of an entry, which may stand in a list by itself."""
        value = self.notation.value(self.node(key))
        return value[0] if isinstance(value, list | tuple) and len(value) == 1 else value

    def op(self, key: str) -> int:
        """The operation that an entry names, or gives the number of."""
        value, ops = self.single(key), self.form.ops
        if type(value) is int and 0 <= value < len(ops):
            return value
        known = {_bare(op): number for number, op in enumerate(ops)}
        if not isinstance(value, str) or _bare(value) not in known:
            raise self.wrong(key, f"one of {', '.join(ops)}, or a number 0 to {len(ops) - 1}")
        return known[_bare(value)]

    def check_all_read(self) -> None:
        for key in self.entries:
            if key not in self.read:
                near = did_you_mean(key, self.read)
                hint = f"; {near}" if near else ""
                at = self.notation.offset(self.entries[key])
                raise FormatError(f"there is no entry {shown(key)}{hint}", self.notation.text, at)


def _bare(op: str) -> str:
    """The name of an operation as nni shortens it."""
    short = op.replace("_", "").lower()
    return _SIZELESS.get(short, short)


def _of_configuration(table: _Table, cell: str, node: int) -> Iterator[Pair]:
    """An entry for each pair of nodes in use, numbered over all; one for what a node reads."""
    form = table.form
    first = sum(range(form.cell_inputs, node))  # pairs of earlier targets
    sources = list(range(node))
    if node > form.arity:
        key = f"inputs_node_{cell}_{node}"
        words = str(table.single(key)).split("_")
        sources = [int(word) for word in words if word.isdecimal() and len(word) < 3]
        if len(sources) != len(words) or len(words) != form.arity or not all(source < node for source in sources):
            raise table.wrong(key, f"{form.arity} nodes before {node}, such as 0_1")
    for source in range(node):
        table.skip(f"edge_{cell}_{first + source}")  # one that is not read may have an operation
    for source in sources:
        yield source, table.op(f"edge_{cell}_{first + source}")


def _of_slots(table: _Table, cell: str, node: int) -> Iterator[Pair]:
    """An entry for each operation, one for what it reads."""
    for slot in range(table.form.arity):
        source = table.single(f"{cell}/input_{node}_{slot}")
        if type(source) is not int or not 0 <= source < table.form.sources:
            raise table.wrong(f"{cell}/input_{node}_{slot}", f"a node number 0 to {table.form.sources - 1}")
        yield source, table.op(f"{cell}/op_{node}_{slot}")


def _of_switches(table: _Table, cell: str, node: int) -> Iterator[Pair]:
    """An entry for each pair of nodes, one for which of them a node reads."""
    names = [f"{cell}_n{node}_p{source}" for source in range(node)]
    for name in names:
        table.skip(name)
    switch = f"{cell}_n{node}_switch"
    chosen = table.notation.value(table.node(switch))
    chosen = list(chosen) if isinstance(chosen, list | tuple) else [chosen]
    sources = [names.index(each) if each in names else each for each in chosen]
    if len(sources) != table.form.arity or not all(type(each) is int and 0 <= each < node for each in sources):
        raise table.wrong(switch, f"{table.form.arity} of {', '.join(names)}, or their numbers")
    for source in sources:
        yield source, table.op(names[source])


_TABLES: tuple[tuple[str, Callable[[_Table, str, int], Iterator[Pair]]], ...] = (
    (r"(?:.*:)?((?:edge|inputs_node)_CELL_\d+)", _of_configuration),
    (r"(CELL/(?:op|input)_\w+)", _of_slots),
    (r"(CELL_n\w+)", _of_switches),
)
"""Which keys a table has, and what reads the operations of one of its inner nodes."""
