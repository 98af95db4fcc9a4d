"""The official hash of NAS-Bench-101."""

from __future__ import annotations

from hashlib import md5

import numpy as np

from archllm.graphs import ABSENT, Graphs


def module_hash(graph: Graphs) -> str:
    """The official identifier of a pruned cell: MD5 over refined neighbourhoods (Ying et al., 2019, appendix).

    Every vertex starts from (out-degree, in-degree, operation number) and takes in, as many times as there are
    vertices, the sorted hashes of its predecessors and successors; the cell's hash is that of its sorted vertices.
    Operations are numbered from 0, input is -1, output -2.
    """
    used = int((graph.ops[0] != ABSENT).sum())
    edges = graph.adjacency[0, :used, :used]
    numbers = [-1, *(int(label) - 1 for label in graph.ops[0, 1 : used - 1]), -2]
    starts = zip(edges.sum(1).tolist(), edges.sum(0).tolist(), numbers, strict=True)
    hashes = [_digest(str(start)) for start in starts]
    for _ in range(used):
        hashes = [
            _digest(
                "".join(sorted(hashes[i] for i in np.flatnonzero(edges[:, vertex])))
                + "|"
                + "".join(sorted(hashes[j] for j in np.flatnonzero(edges[vertex])))
                + "|"
                + hashes[vertex]
            )
            for vertex in range(used)
        ]
    return _digest(str(sorted(hashes)))


def _digest(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
