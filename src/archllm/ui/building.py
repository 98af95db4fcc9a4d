"""An architecture as menus that can be clicked, and what is chosen in them as a text of its space."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from archllm.errors import InvalidInput, shown
from archllm.graphs import ABSENT
from archllm.spaces import Architecture, SearchSpace
from archllm.spaces.definition import text_of as value_text
from archllm.spaces.kinds.choices import Choices
from archllm.spaces.kinds.edge_dag import EdgeDag
from archllm.spaces.kinds.genotype import Genotype
from archllm.spaces.kinds.node_dag import NodeDag
from archllm.spaces.parameters import INACTIVE, holds
from archllm.spaces.texts.edges import format_string
from archllm.spaces.texts.genotypes import format_genotype
from archllm.spaces.texts.slots import format_slots

NONE = "-"
"""The entry of a menu for what is not there: a vertex that a cell does not use, a slot that is inactive."""


@dataclass(frozen=True)
class Menu:
    """One thing to choose."""

    name: str
    """What its value is sent as."""

    label: str
    """What it is, in words."""

    options: tuple[str, ...]
    """What can be chosen."""

    chosen: str
    """What is."""

    locked: bool = False
    """Whether it follows from the others."""


@dataclass(frozen=True)
class Tick:
    """One thing that is there or not."""

    name: str
    """What it is sent as, where it is there."""

    label: str
    """What it is, in words."""

    on: bool
    """Whether it is there."""


@dataclass(frozen=True)
class Row:
    """What belongs together."""

    title: str
    """What it is."""

    menus: tuple[Menu, ...] = ()
    """Menus side by side."""

    ticks: tuple[Tick, ...] = ()
    """Boxes behind them."""


def rows_of(arch: Architecture) -> tuple[Row, ...]:
    """The menus of an architecture; none for a space of no known kind.

    Example:
        >>> from archllm.spaces import load_space
        >>> rows = rows_of(load_space("nasbench201").parse("0"))
        >>> rows[0].title, rows[0].menus[0].label, rows[0].menus[0].chosen
        ('node 1', '← node 0', 'avg_pool_3x3')
    """
    for kind, read, _ in _KINDS:
        if isinstance(arch.space, kind):
            return read(arch)
    return ()


def text_of(space: SearchSpace, chosen: Mapping[str, str]) -> str:
    """The text of what is chosen in menus, which may be no member.

    Args:
        space: the space.
        chosen: values by the names of menus and ticks.

    Raises:
        InvalidInput: a menu is missing, or has no such entry.
    """
    for kind, _, write in _KINDS:
        if isinstance(space, kind):
            return write(space, chosen)
    raise InvalidInput(f"architectures of {space.name} can't be clicked together; write their text")


def _one_of(chosen: Mapping[str, str], name: str, options: tuple[str, ...]) -> str:
    if (value := chosen.get(name)) not in options:
        raise InvalidInput(f"{name} must be one of {', '.join(options)}, got {shown(value)}")
    return str(value)


# One operation on every edge.


def _edges_read(arch: Architecture) -> tuple[Row, ...]:
    space = arch.space
    assert isinstance(space, EdgeDag)
    own = space.choices_of(arch.graph)[0]
    rows: dict[int, list[Menu]] = {}
    for at, (source, target) in enumerate(space.cell_edges):
        menu = Menu(f"edge{at}", f"← node {source}", space.ops, space.ops[own[at]])
        rows.setdefault(target, []).append(menu)
    return tuple(Row(f"node {target}", tuple(menus)) for target, menus in rows.items())


def _edges_written(space: SearchSpace, chosen: Mapping[str, str]) -> str:
    assert isinstance(space, EdgeDag)
    own = [space.ops.index(_one_of(chosen, f"edge{at}", space.ops)) for at in range(len(space.cell_edges))]
    return format_string(np.array(own), space.cell_edges, space.ops)


# Operations on vertices, free edges.


def _vertices_read(arch: Architecture) -> tuple[Row, ...]:
    space, graph = arch.space, arch.graph
    assert isinstance(space, NodeDag)
    used = int((graph.ops[0] != ABSENT).sum())
    inner, last = space.definition.max_vertices - 2, space.definition.max_vertices - 1
    place = [*range(used - 1), *[None] * (last - used + 1), used - 1]  # where each vertex of the menus is in the graph
    rows = []
    for vertex in range(1, last + 1):
        own = place[vertex]
        ticks = []
        for source in range(vertex):
            at = place[source]
            on = own is not None and at is not None and bool(graph.adjacency[0, at, own])
            ticks.append(Tick(f"link{source}-{vertex}", "input" if source == 0 else str(source), on))
        name = NONE if own is None else space.op_names[int(graph.ops[0, own])]
        menus = (Menu(f"op{vertex}", "operation", (NONE, *space.definition.ops), name),) if vertex <= inner else ()
        rows.append(Row(f"vertex {vertex}" if vertex <= inner else "output", menus, tuple(ticks)))
    return tuple(rows)


def _vertices_written(space: SearchSpace, chosen: Mapping[str, str]) -> str:
    assert isinstance(space, NodeDag)
    last = space.definition.max_vertices - 1
    ops = {at: _one_of(chosen, f"op{at}", (NONE, *space.definition.ops)) for at in range(1, last)}
    used = [0, *(at for at, op in ops.items() if op != NONE), last]
    matrix = [[int(i < j and f"link{i}-{j}" in chosen) for j in used] for i in used]
    names = [space.op_names[0], *(ops[at] for at in used[1:-1]), space.op_names[-1]]
    return json.dumps({"matrix": matrix, "ops": names})


# Cells whose nodes add up operations on earlier nodes.


def _genotype_read(arch: Architecture) -> tuple[Row, ...]:
    space = arch.space
    assert isinstance(space, Genotype)
    sources, ops = (each[0] for each in space.parts_of(arch.graph))
    rows = []
    for at, cell in enumerate(space.cells):
        for node in range(space.inner):
            earlier = _earlier(space, node)
            menus = []
            for slot in range(space.arity):
                own = f"{cell}.{node}.{slot}"
                op, source = space.ops[ops[at, node, slot]], earlier[sources[at, node, slot]]
                menus.append(Menu(f"{own}.op", f"operation {slot + 1}", space.ops, op))
                menus.append(Menu(f"{own}.from", f"of {slot + 1}", earlier, source))
            rows.append(Row(f"{cell} {node}", tuple(menus)))
    return tuple(rows)


def _genotype_written(space: SearchSpace, chosen: Mapping[str, str]) -> str:
    assert isinstance(space, Genotype)
    shape = (len(space.cells), space.inner, space.arity)
    sources, ops = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for at, node, slot in np.ndindex(shape):
        earlier, own = _earlier(space, node), f"{space.cells[at]}.{node}.{slot}"
        sources[at, node, slot] = earlier.index(_one_of(chosen, f"{own}.from", earlier))
        ops[at, node, slot] = space.ops.index(_one_of(chosen, f"{own}.op", space.ops))
    return format_genotype(sources, ops, space.form)


def _earlier(space: Genotype, node: int) -> tuple[str, ...]:
    """What an inner node can read."""
    return (*space.definition.cell_inputs, *(f"node {each}" for each in range(node)))


# Named slots.


def _slots_read(arch: Architecture) -> tuple[Row, ...]:
    space = arch.space
    assert isinstance(space, Choices)
    values = {name: value_text(value) for name, value in space.values_of(arch.graph).items()}
    menus = []
    for slot in space.definition.slots:
        options = space.value_texts[slot]
        there = slot in values
        menus.append(Menu(slot, slot, options if there else (NONE, *options), values.get(slot, NONE), not there))
    return (Row("choices", tuple(menus)),)


def _slots_written(space: SearchSpace, chosen: Mapping[str, str]) -> str:
    """Slots whose condition does not hold are left out; others that were inactive get their first value."""
    assert isinstance(space, Choices)
    own = []
    for slot in space.slot_names:
        options = space.value_texts[slot]
        value = chosen.get(slot, NONE)
        own.append(INACTIVE if value == NONE else options.index(_one_of(chosen, slot, options)))
    choices = np.array([own])
    for at in range(len(own)):
        condition = space.assignments.conditions.get(at)
        on = condition is None or bool(holds(condition, choices)[0])
        if not on:
            choices[0, at] = INACTIVE
        elif choices[0, at] == INACTIVE:
            choices[0, at] = 0
    found = dict(zip(space.slot_names, choices[0].tolist(), strict=True))
    return format_slots(
        {slot: space.value_texts[slot][found[slot]] for slot in space.definition.slots if found[slot] != INACTIVE}
    )


_Read = Callable[[Architecture], tuple[Row, ...]]
_Write = Callable[[SearchSpace, Mapping[str, str]], str]
_KINDS: tuple[tuple[type[SearchSpace], _Read, _Write], ...] = (
    (EdgeDag, _edges_read, _edges_written),
    (NodeDag, _vertices_read, _vertices_written),
    (Genotype, _genotype_read, _genotype_written),
    (Choices, _slots_read, _slots_written),
)
