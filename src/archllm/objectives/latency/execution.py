"""Which operations of a cell a runtime computes, and what they amount to.

A cell may hold operations that no output depends on. Some runtimes compute everything that is written, some drop what
nothing reads, some also what only zeros enter; and where a zero follows an operation directly, some fold the zero into
its weights, and compute it after all. Which of these a device does is told by timings alone, so all are offered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import ABSENT, Graphs
from archllm.networks.setting import NetworkSetting
from archllm.spaces import SearchSpace

ASSUMPTIONS = ("all", "equal ones once", "read", "read or folded", "read and fed")
"""What a runtime may compute: all operations; all, but equal poolings of the same once; those that the output depends
on; those and the ones that a zero was folded into; or those that the output depends on and the input gets to."""


@dataclass(frozen=True)
class Work:
    """What `n` members compute under one assumption."""

    operations: NDArray[np.float64]
    """`n x k` counts of the operations, in the order of the space's names."""

    sizes: NDArray[np.float64]
    """`n x w`: multiply-accumulates, parameters and whatever else the networks tell of what is computed."""


def work(space: SearchSpace, graphs: Graphs, setting: NetworkSetting | None = None) -> dict[str, Work]:
    """What members compute, by assumption; where the space has no zero, all are the same and only the first is given.

    Args:
        space: a space with networks.
        graphs: `n` members.
        setting: setting of the networks; by default that of the space's paper.
    """
    normal = space.normalise(graphs)
    zeros = space.labels_of("zero")
    if not zeros:
        return {ASSUMPTIONS[0]: _work(space, normal, normal.ops != ABSENT, [], setting)}
    return {
        name: _work(space, normal, mask, zeros, setting)
        for name, mask in zip(ASSUMPTIONS, _computed(space, normal, zeros), strict=True)
    }


def _work(
    space: SearchSpace,
    graphs: Graphs,
    computed: NDArray[np.bool_],
    zeros: list[int],
    setting: NetworkSetting | None,
) -> Work:
    """The counts of the operations that a mask leaves, and the size of the network with zeros for all others."""
    labels = [label for label in range(len(space.op_names)) if label not in zeros]
    operations = np.stack([((graphs.ops == label) & computed).sum(1) for label in labels], axis=1).astype(np.float64)
    if zeros:
        silenced = np.where(computed | (graphs.ops == ABSENT), graphs.ops, zeros[0]).astype(graphs.ops.dtype)
        changed = Graphs(silenced, graphs.adjacency)
        graphs = changed if space.validate(changed).all() else graphs
    return Work(operations, space.require_networks().work(graphs, setting))


def _computed(space: SearchSpace, graphs: Graphs, zeros: list[int]) -> list[NDArray[np.bool_]]:
    """`n x v` masks, one for each assumption; inputs and outputs are in all of them."""
    ops, links = graphs.ops, graphs.adjacency.astype(bool)
    there = ops != ABSENT
    silent = np.isin(ops, zeros)
    active = there & ~silent
    entering = there & ~links.any(1)
    leaving = ops == len(space.op_names) - 1
    read = _upstream(links, active, leaving)
    fed = _upstream(links[:, ::-1, ::-1].transpose(0, 2, 1), active[:, ::-1], entering[:, ::-1])[:, ::-1]
    # An operation is folded into where all that reads it are zeros, and nothing else is added before those.
    others = (links & active[:, :, None]).sum(1)  # n x v: active operations that are added up before each node
    alone = np.where(links, (silent & (others == 1))[:, None, :], True).all(2) & links.any(2)
    folded = _upstream(links, active, leaving | (alone & active & ~entering))
    ends = entering | leaving
    return [active, active & ~_repeated(space, graphs, links), read | ends, folded | ends, (read & fed) | ends]


def _repeated(space: SearchSpace, graphs: Graphs, links: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`n x v`: poolings of what an earlier, equal pooling reads, too; no weights could make them differ."""
    ops = graphs.ops
    poolings = space.labels_of("pooling")
    found = np.zeros(ops.shape, dtype=np.bool_)
    for node in range(1, ops.shape[1]):
        same = (ops[:, :node] == ops[:, node, None]) & (links[:, :, :node] == links[:, :, node, None]).all(1)
        found[:, node] = same.any(1) & np.isin(ops[:, node], poolings)
    return found


def _upstream(links: NDArray[np.bool_], active: NDArray[np.bool_], start: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`n x v`: the starts, and active nodes with a way to one over active nodes; links go from earlier to later."""
    reached = start.copy()
    for node in range(links.shape[1] - 2, -1, -1):
        reached[:, node] |= active[:, node] & (links[:, node, node + 1 :] & reached[:, node + 1 :]).any(1)
    return reached
