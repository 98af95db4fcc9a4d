"""Definition: a search space as plain values, what a space file says."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from functools import cached_property
from keyword import iskeyword
from typing import Any, ClassVar

from archllm.config import did_you_mean
from archllm.errors import DefinitionError, InvalidInput, shown
from archllm.files import toml_value
from archllm.operations import Operation, declared, operation_of

MOST_OPS = 100
"""Most operations, or different values of all slots: labels are 8-bit."""

MOST_CONSTRAINTS = 100
"""Most constraints of a space."""

MOST_INPUTS = 6
"""Most operations that an inner node of a genotype adds up."""

Value = int | float | str | bool
"""A value of a slot."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
_WORD = re.compile(r"[A-Za-z0-9_.:/-]{1,60}")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
_CALLABLE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_RESERVED = ("input", "output", "off")
_LATER = {"later": True}  # of fields that files and stores from before do not have
_NETWORKS = ("callables", "builder", "form")  # fields that say how networks are made, not what the architectures are


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What all kinds of spaces have.

    Raises:
        DefinitionError: a value can't be used; `key` of the error says which.
    """

    name: str
    """What the space is called: letters, digits, `_`, `.` and `-`."""

    about: str = ""
    """A line about it, for people."""

    constraints: tuple[str, ...] = ()
    """What every member fulfils; see `archllm.spaces.constraints`."""

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name.endswith(".toml") or self.name == "check":
            raise DefinitionError(
                f"a name has up to 60 letters, digits, '_', '.' and '-', begins with a letter or digit, and is not "
                f"'check'; found {shown(self.name)}",
                "name",
            )
        if len(self.constraints) > MOST_CONSTRAINTS:
            raise DefinitionError(
                f"must be at most {MOST_CONSTRAINTS}, found {len(self.constraints)}; join some by `and`", "constraints"
            )
        _distinct(self.constraints, "a constraint", "constraints")

    @property
    def operations(self) -> Mapping[str, Operation]:
        """What the operations do that it names."""
        return {}

    def to_toml(self) -> str:
        """The text of a space file that says the same."""
        lines, tables = [f"name = {toml_value(self.name)}", f"kind = {toml_value(self.kind)}"], []
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name == "name" or value in ((), "", None) or entry.name in _NETWORKS or self._unsaid(entry):
                continue
            if isinstance(value, Mapping):
                if value:
                    tables += ["", f"[{entry.name}]"]
                    tables += [f"{_key(key)} = {toml_value(item)}" for key, item in value.items()]
            else:
                lines.append(f"{entry.name} = {toml_value(value)}")
        callables = getattr(self, "callables", None)
        if callables:
            lines = [line for line in lines if not line.startswith("ops = ")]
            tables += ["", "[ops]", *(f"{toml_value(op)} = {toml_value(where)}" for op, where in callables.items())]
        builder = getattr(self, "builder", "")
        if builder:
            tables += ["", "[network]", f"builder = {toml_value(builder)}"]
        return "\n".join([*lines, *tables]) + "\n"

    @cached_property
    def fingerprint(self) -> str:
        """The same for definitions of the same architectures, whatever their names and networks."""
        left_out = ("name", "about", "same", "roles", *_NETWORKS)
        said = {e.name: getattr(self, e.name) for e in fields(self) if e.name not in left_out and not self._unsaid(e)}
        plain = {key: list(value.items()) if isinstance(value, Mapping) else value for key, value in said.items()}
        return hashlib.sha256(json.dumps([self.kind, plain]).encode()).hexdigest()

    def _unsaid(self, entry: Field[Any]) -> bool:
        """Whether a field came after fingerprints were stored, and says nothing."""
        return bool(entry.metadata.get("later")) and getattr(self, entry.name) == entry.default

    def _check_whole(self, key: str, least: int, most: int) -> None:
        value = getattr(self, key)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise DefinitionError(f"must be a whole number, {least} to {most}, found {shown(value)}", key)


@dataclass(frozen=True, kw_only=True)
class CellDefinition(Definition):
    """What kinds with named operations have."""

    ops: tuple[str, ...]
    """Names of the operations."""

    callables: Mapping[str, str] = field(default_factory=dict)
    """Operation -> `module:function` that makes it, for networks; imported only when one is built."""

    roles: Mapping[str, str] = field(default_factory=dict)
    """Operation -> what it does, as `archllm.operations.declared` reads it; by default as its block or name says."""

    @cached_property
    def operations(self) -> Mapping[str, Operation]:
        """What the operations do."""
        return {op: operation_of(op, self.callables.get(op, ""), self.roles.get(op, "")) for op in self.ops}

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= len(self.ops) <= MOST_OPS:
            raise DefinitionError(f"must be 1 to {MOST_OPS} operations, found {len(self.ops)}", "ops")
        for number, op in enumerate(self.ops):
            if not _WORD.fullmatch(op) or op in _RESERVED:
                raise DefinitionError(
                    f"an operation is named by up to 60 letters, digits and _ . : / - (and not by "
                    f"{', '.join(_RESERVED)}), found {shown(op)}",
                    "ops",
                    *([op] if self.callables else [number]),
                )
        _distinct(self.ops, "an operation", "ops")
        check_roles(self.roles, self.ops)
        for op, where in self.callables.items():
            check_callable(where, "ops", op)
        if self.callables and set(self.callables) != set(self.ops):
            missing = next(op for op in self.ops if op not in self.callables)
            raise DefinitionError(
                f"either all operations name a 'module:function' or none; {missing!r} has none", "ops"
            )


@dataclass(frozen=True, kw_only=True)
class NodeDagDefinition(CellDefinition):
    """Operations on vertices, free edges between them.

    Example:
        >>> NodeDagDefinition(name="tiny", ops=("a", "b"), max_vertices=4, max_edges=5).kind
        'node_dag'
    """

    max_vertices: int
    """Most vertices, input and output included."""

    max_edges: int
    """Most edges."""

    max_in_degree: int | None = None
    """Most edges into a vertex; without it any number."""

    max_out_degree: int | None = None
    """Most edges out of a vertex; without it any number."""

    chain: bool = field(default=False, metadata=_LATER)
    """Whether every vertex reads the one before it."""

    kind = "node_dag"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_whole("max_vertices", 2, 64)
        self._check_whole("max_edges", 1, 2016)
        for key in ("max_in_degree", "max_out_degree"):
            if getattr(self, key) is not None:
                self._check_whole(key, 1, 63)


@dataclass(frozen=True, kw_only=True)
class EdgeDagDefinition(CellDefinition):
    """One operation on every edge of the complete DAG on a few nodes.

    Example:
        >>> print(EdgeDagDefinition(name="tiny", ops=("none", "skip"), nodes=3).to_toml())
        name = "tiny"
        kind = "edge_dag"
        ops = ["none", "skip"]
        nodes = 3
        <BLANKLINE>
    """

    nodes: int
    """Nodes of the cell, the first being its input and the last its output."""

    kind = "edge_dag"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_whole("nodes", 2, 8)


@dataclass(frozen=True, kw_only=True)
class GenotypeDefinition(CellDefinition):
    """Cells whose inner nodes each add up a fixed number of operations on earlier nodes.

    Example:
        >>> GenotypeDefinition(name="tiny", ops=("a", "b"), nodes=2).cells
        ('normal', 'reduce')
    """

    nodes: int
    """Inner nodes per cell."""

    inputs_per_node: int = 2
    """Operations per inner node, on different earlier nodes unless `repeat_inputs` allows otherwise."""

    cell_inputs: tuple[str, ...] = ("c_{k-2}", "c_{k-1}")
    """Names of the inputs of a cell."""

    cells: tuple[str, ...] = ("normal", "reduce")
    """Names of the cell types."""

    repeat_inputs: bool = field(default=False, metadata=_LATER)
    """Whether an inner node may read the same earlier node several times."""

    concat: str = field(default="all", metadata=_LATER)
    """What the output of a cell joins: `all` inner nodes, or the `loose` ones, which no other inner node reads."""

    kind = "genotype"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_whole("nodes", 1, 6)
        for key, names in (("cell_inputs", self.cell_inputs), ("cells", self.cells)):
            if not 1 <= len(names) <= 6:
                raise DefinitionError(f"must be 1 to 6, found {len(names)}", key)
            _distinct(names, "a name", key)
        for number, cell in enumerate(self.cells):
            if not _IDENTIFIER.fullmatch(cell) or iskeyword(cell) or cell.endswith("_concat"):
                raise DefinitionError(
                    f"a cell type is named by a word such as 'normal', found {shown(cell)}", "cells", number
                )
        if self.callables and len(self.cells) > 2:
            raise DefinitionError("networks are made of one or two cell types, the second between stages", "cells")
        self._check_whole("inputs_per_node", 1, MOST_INPUTS if self.repeat_inputs else len(self.cell_inputs))
        if self.concat not in ("all", "loose"):
            raise DefinitionError(f"must be 'all' or 'loose', found {shown(self.concat)}", "concat")
        both = [name for name in self.cell_inputs if name in (*self.ops, *_RESERVED)]
        if both:
            raise DefinitionError(f"{both[0]!r} names something else already", "cell_inputs")


@dataclass(frozen=True, kw_only=True)
class ChoicesDefinition(Definition):
    """Decision variables by name (slots), each with a list of values to choose from.

    Example:
        >>> from archllm.spaces.registry import space_of
        >>> space_of(ChoicesDefinition(name="tiny", slots={"width": (8, 16), "norm": ("batch", "layer")})).size
        4
    """

    slots: Mapping[str, tuple[Value, ...]]
    """Slot -> its values: numbers, or texts, or truth values."""

    when: Mapping[str, str] = field(default_factory=dict)
    """Slot -> the condition, on earlier slots, without which it is inactive."""

    interchangeable: tuple[tuple[str, ...], ...] = field(default=(), metadata=_LATER)
    """Groups of units that may change places without changing what an architecture is: slots, or several slots that
    belong together, separated by spaces."""

    same: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """Slot -> further texts, and the values that they mean; where the slot has such a text as a value, it is left
    out."""

    builder: str = ""
    """`module:callable` that gives the layers of a member's network; imported only when one is counted or built. See
    `archllm.networks.choices.builder`."""

    kind = "choices"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= len(self.slots) <= 46:
            raise DefinitionError(f"must be 1 to 46 slots, found {len(self.slots)}", "slots")
        for slot, values in self.slots.items():
            if not _IDENTIFIER.fullmatch(slot):
                raise DefinitionError(f"a slot is named by a word such as 'width1', found {shown(slot)}", "slots", slot)
            _check_values(slot, values)
        self._take_same()
        self._check_interchangeable()
        labels = {text_of(value) for values in self.slots.values() for value in values}
        if len(labels) > MOST_OPS:
            raise DefinitionError(
                f"all slots together have at most {MOST_OPS} different values, found {len(labels)}", "slots"
            )
        for slot in self.when:
            if slot not in self.slots:
                near = did_you_mean(slot, self.slots)
                hint = f"; {near}" if near else ""
                raise DefinitionError(f"there is no slot {slot!r} to switch{hint}", "when", slot)
        if self.builder and not _CALLABLE.fullmatch(self.builder):
            raise DefinitionError(
                f"names what makes the networks as 'module:function', such as 'mypackage.networks:layers', found "
                f"{shown(self.builder)}",
                "network",
                "builder",
            )

    def _take_same(self) -> None:
        """Checks texts that mean the same, and leaves them out of the values."""
        slots = dict(self.slots)
        for slot, words in self.same.items():
            self._check_slot(slot, "same", slot)
            slots[slot] = tuple(value for value in slots[slot] if text_of(value) not in words)
            for word, value in words.items():
                if not _WORD.fullmatch(word) or word in _RESERVED:
                    raise DefinitionError(
                        f"a text has letters, digits and _ . : / -, found {shown(word)}", "same", slot
                    )
                if not any(type(own) is type(value) and own == value for own in slots[slot]):
                    known = ", ".join(map(text_of, slots[slot]))
                    raise DefinitionError(
                        f"{word!r} must mean one of the other values of {slot} ({known}), found {shown(value)}",
                        "same",
                        slot,
                        word,
                    )
        object.__setattr__(self, "slots", slots)

    def _check_interchangeable(self) -> None:
        taken: set[str] = set()
        for number, units in enumerate(self.interchangeable):
            key = "interchangeable", number
            if len(units) < 2:
                raise DefinitionError(f"at least two can change places, found {len(units)}", *key)
            first = units[0].split()
            for unit in units:
                slots = unit.split()
                for slot in slots:
                    self._check_slot(slot, *key)
                    if slot in taken:
                        raise DefinitionError(f"{slot} stands twice", *key)
                    taken.add(slot)
                if not slots or len(slots) != len(first):
                    raise DefinitionError(f"{units[0]!r} and {unit!r} have not as many slots", *key)
                for one, other in zip(first, slots, strict=True):
                    if self.slots[one] != self.slots[other]:
                        raise DefinitionError(f"{one} and {other} have different values", *key)
            if math.prod(len(self.slots[slot]) for slot in first) >= 2**53:
                raise DefinitionError("a unit has too many combinations of values", *key)

    def _check_slot(self, slot: str, *key: str | int) -> None:
        if slot not in self.slots:
            near = did_you_mean(slot, self.slots)
            raise DefinitionError(f"there is no slot {shown(slot)}{f'; {near}' if near else ''}", *key)


@dataclass(frozen=True, kw_only=True)
class ClassDefinition(Definition):
    """A space that a Python class says, instead of a file."""

    where: str
    """`MODULE:CLASS`, by which such spaces are told apart."""

    kind = "class"

    def to_toml(self) -> str:
        raise InvalidInput(
            f"a space of the class {self.where} can't be written as a file; name it python:{self.where}, so that it is "
            "found again"
        )


def check_callable(where: str, *key: str) -> None:
    """Makes sure that a text names something in a module.

    Raises:
        DefinitionError: it does not; its key is the given one.
    """
    if not _CALLABLE.fullmatch(where) or any(map(iskeyword, re.split(r"[.:]", where))):
        raise DefinitionError(
            f"names what makes the operation as 'module:function', such as 'mypackage.blocks:conv3x3', found "
            f"{shown(where)}",
            *key,
        )


def check_roles(roles: Mapping[str, str], known: Sequence[str]) -> None:
    """Makes sure that what is declared of operations can be read.

    Args:
        roles: operation -> what is declared.
        known: names of the operations.

    Raises:
        DefinitionError: it can't, or there is no such operation.
    """
    for op, role in roles.items():
        if op not in known:
            near = did_you_mean(op, known)
            raise DefinitionError(f"there is no operation {shown(op)}{f'; {near}' if near else ''}", "roles", op)
        try:
            declared(op, role)
        except ValueError as error:
            raise DefinitionError(f"{error}, found {shown(role)}", "roles", op) from error


def _key(name: str) -> str:
    """A key of TOML."""
    return name if _BARE.fullmatch(name) else toml_value(name)


def text_of(value: Value) -> str:
    """A value as texts of architectures write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_values(slot: str, values: tuple[Value, ...]) -> None:
    if not values:
        raise DefinitionError("a slot needs at least one value to choose", "slots", slot)
    if len(values) > MOST_OPS:
        raise DefinitionError(f"a slot has at most {MOST_OPS} values, found {len(values)}", "slots", slot)
    kinds = {"number" if type(v) in (int, float) else type(v).__name__ for v in values}
    if len(kinds) > 1:
        raise DefinitionError(f"all values of a slot must be of one type, found {shown(list(values))}", "slots", slot)
    for number, value in enumerate(values):
        if not _WORD.fullmatch(text_of(value)) or value in _RESERVED:
            raise DefinitionError(
                f"a value is a finite number, true, false, or a text of up to 60 letters, digits and _ . : / - (and "
                f"not {', '.join(_RESERVED)}), found {shown(value)}",
                "slots",
                slot,
                number,
            )
        if type(value) in (int, float) and not abs(value) <= 2**53:  # type: ignore[arg-type]
            raise DefinitionError(f"numbers lie between -2^53 and 2^53, found {shown(value)}", "slots", slot, number)
    _distinct(values, "a value", "slots", slot)


def _distinct(values: tuple[Any, ...], what: str, *key: str) -> None:
    known = set()
    for number, value in enumerate(values):
        if value in known:
            raise DefinitionError(f"{what} must stand once, found {shown(value)} twice", *key, number)
        known.add(value)
