"""Ordered DAGs, against all matrices."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from archllm.graphs import Graphs
from archllm.spaces.kinds.ordered_dags import OrderedDags

LIMITS = [
    {},
    {"max_in": 2},
    {"max_edges": 5},
    {"chain": True},
    {"chain": True, "max_edges": 6, "max_in": 2},
    {"output_reads": {v: frozenset({1}) for v in range(2, 6)}},
    {"max_edges": 7, "output_reads": {4: frozenset({1, 3})}, "input_read": {5: frozenset({1, 2})}},
]


def allowed(links: np.ndarray, limits: dict) -> bool:
    v, reads, readers = len(links), links.sum(0), links.sum(1)
    return bool(
        (reads[1:] > 0).all()
        and (readers[:-1] > 0).all()
        and reads.max() <= limits.get("max_in", 99)
        and links.sum() <= limits.get("max_edges", 99)
        and (not limits.get("chain") or np.diagonal(links, 1).all())
        and reads[-1] in limits.get("output_reads", {}).get(v, range(99))
        and readers[0] in limits.get("input_read", {}).get(v, range(99))
    )


def all_matrices(limits: dict) -> int:
    """How many there are of 2 to 5 vertices, with 2 operations."""
    found = 0
    for v in range(2, 6):
        upper = np.triu_indices(v, 1)
        for bits in product((0, 1), repeat=len(upper[0])):
            links = np.zeros((v, v), dtype=np.int64)
            links[upper] = bits
            found += allowed(links, limits) * 2 ** (v - 2)
    return found


@pytest.mark.parametrize("limits", LIMITS)
def test_all_are_counted_and_equally_likely(limits: dict) -> None:
    dags = OrderedDags(**{"ops": 2, "max_vertices": 5, "max_edges": 10} | limits)
    assert dags.size == all_matrices(limits)
    drawn = dags.draw(20 * dags.size, np.random.default_rng(0))
    for graph in drawn[np.arange(0, len(drawn), 97)]:
        used = int((graph.ops[0] >= 0).sum())
        assert allowed(graph.adjacency[0, :used, :used].astype(int), limits)
        assert graph.ops[0, 0] == 0 and graph.ops[0, used - 1] == 3 and set(graph.ops[0, 1 : used - 1]) <= {1, 2}
    _, counts = np.unique(flat(drawn), axis=0, return_counts=True)
    degrees = dags.size - 1
    assert len(counts) == dags.size
    assert abs(((counts - 20) ** 2 / 20).sum() - degrees) < 6 * (2 * degrees) ** 0.5  # chi-square


def flat(graphs: Graphs) -> np.ndarray:
    return np.concatenate([graphs.ops, graphs.adjacency.reshape(len(graphs), -1)], axis=1)


def test_sixty_four_vertices_are_counted_and_drawn() -> None:
    dags = OrderedDags(ops=6, max_vertices=64, max_edges=2016, max_in=3)
    assert len(str(dags.size)) == 250
    links = dags.draw(50, np.random.default_rng(0)).adjacency
    assert links.sum(1).max() == 3 and links[:, 0].any(1).all()
