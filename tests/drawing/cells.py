"""Random cells of the kinds that the drawing room has to draw well."""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import strategies as st

from archllm.drawing import Cell, Node

NASBENCH101_OPS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
NASBENCH201_OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
DARTS_OPS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)


def nasbench101_cell(rng: random.Random) -> Cell:
    """2 to 7 nodes, at most 9 edges, every node on a way from input to output."""
    count = rng.choice((2, 3, 4, 5, 6, 7, 7, 7, 7))
    while True:
        pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
        edges = sorted(rng.sample(pairs, min(len(pairs), rng.randint(count - 1, 9))))
        sources, targets = {s for s, _ in edges}, {t for _, t in edges}
        if all((i in sources or i == count - 1) and (i in targets or i == 0) for i in range(count)):
            ops = (Node(rng.choice(NASBENCH101_OPS), "op") for _ in range(count - 2))
            return Cell((Node("input", "input"), *ops, Node("output", "output")), tuple(edges))


def nasbench201_cell(rng: random.Random) -> Cell:
    """Six operations, one on each edge of a cell of four nodes, each with its place."""
    pairs = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
    ops = (Node(rng.choice(NASBENCH201_OPS), "op", f"{start} → {end}") for start, end in pairs)
    edges: list[tuple[int, int]] = []
    for index, (start, end) in enumerate(pairs):
        edges += [(0, index + 1)] if start == 0 else []
        edges += [(i + 1, index + 1) for i, (_, other) in enumerate(pairs) if other == start]
        edges += [(index + 1, 7)] if end == 3 else []
    return Cell((Node("input", "input", "0"), *ops, Node("output", "output", "3")), tuple(sorted(edges)))


def darts_cell(rng: random.Random, title: str = "normal") -> Cell:
    """Two inputs, four sums of two operations each, one output."""
    nodes = [Node("c_{k-2}", "input"), Node("c_{k-1}", "input")]
    edges: list[tuple[int, int]] = []
    states = [0, 1]
    for step in range(4):
        ops = []
        for state in sorted(rng.sample(states, 2)):
            ops.append(len(nodes))
            edges.append((state, len(nodes)))
            nodes.append(Node(rng.choice(DARTS_OPS), "op"))
        edges += [(op, len(nodes)) for op in ops]
        states.append(len(nodes))
        nodes.append(Node(str(step), "sum"))
    edges += [(state, len(nodes)) for state in states[2:]]
    nodes.append(Node("output", "output"))
    return Cell(tuple(nodes), tuple(edges), title)


def darts_cells(rng: random.Random) -> tuple[Cell, Cell]:
    """A normal and a reduction cell."""
    return darts_cell(rng), darts_cell(rng, "reduction")


@st.composite
def cells(draw: st.DrawFn, labels: st.SearchStrategy[str] | None = None) -> Cell:
    """Any cell of up to 12 nodes, in no search space, with every role anywhere."""
    names = labels
    if names is None:
        names = st.sampled_from((*NASBENCH101_OPS, *NASBENCH201_OPS, "an_operation_nobody_knows"))
    roles = st.sampled_from(("input", "op", "op", "op", "sum", "output"))
    nodes = draw(st.lists(st.builds(Node, names, roles), min_size=1, max_size=12))
    pairs = [(i, j) for i in range(len(nodes)) for j in range(i + 1, len(nodes))]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=24)) if pairs else []
    return Cell(tuple(nodes), tuple(edges))


def _seeded(make: Callable[[random.Random], Cell]) -> st.SearchStrategy[Cell]:
    return st.integers(0, 10_000).map(lambda seed: make(random.Random(seed)))


ANY_CELL = st.one_of(cells(), _seeded(nasbench101_cell), _seeded(nasbench201_cell), _seeded(darts_cell))
"""Cells of every kind."""
