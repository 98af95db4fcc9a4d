"""A map of the tokenizer's codebook: where each code lies, how often it is used, and what it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs

if TYPE_CHECKING:
    from archllm.tokenizer import Tokenizer

ABSENT = "no node"
"""What a code means that stands for a node that an architecture does not have."""

_LARGEST = 20_000  # architectures on which the use of codes is counted at most


@dataclass(frozen=True)
class CodePoint:
    """One code on the map."""

    code: int
    """Its number."""

    x: float
    """Along the direction in which the vectors of the codes vary most."""

    y: float
    """Along the second such direction."""

    share: float
    """Its share of all code positions of some architectures."""

    position: int
    """Position of the sequence at which it is used most, from 1."""

    meaning: tuple[str, ...]
    """The operations, one for each node that it speaks of, that it stands for most often."""

    purity: float
    """How often it stands for these, as a share."""


@dataclass(frozen=True)
class CodebookMap:
    """All codes in use, projected onto a plane."""

    points: tuple[CodePoint, ...]
    """The codes."""

    explained: float
    """Share of the variance of the vectors that the plane shows."""

    architectures: int
    """Number of architectures on which their use was counted."""


def codebook_map(tokenizer: Tokenizer, graphs: Graphs) -> CodebookMap | None:
    """The map of a learned codebook; `None` for a tokenizer that has none.

    A code speaks of a group of nodes, and stands for the operations of those of them that vary.

    Args:
        tokenizer: a trained tokenizer.
        graphs: architectures on which the use of codes is counted.
    """
    from archllm.tokenizer.vq import VQTokenizer  # reports of a search alone need no torch

    if not isinstance(tokenizer, VQTokenizer) or tokenizer.groups is None or not len(graphs):
        return None
    graphs = tokenizer.space.normalise(graphs[:_LARGEST]).padded(tokenizer.space.max_nodes)
    codes = tokenizer.encode_as_written(graphs)
    words, meanings = _meanings(graphs, tokenizer.groups.nodes, (*tokenizer.space.op_names, ABSENT))
    plane, explained = project(tokenizer.codebook())
    points = []
    for code in range(tokenizer.codebook_size):
        uses = codes == code
        if not uses.any():
            continue
        found, counts = np.unique(words[uses], return_counts=True)
        most = int(counts.argmax())
        points.append(
            CodePoint(
                code=code,
                x=float(plane[code, 0]),
                y=float(plane[code, 1]),
                share=float(uses.mean()),
                position=int(uses.sum(0).argmax()) + 1,
                meaning=meanings[int(found[most])],
                purity=float(counts[most] / counts.sum()),
            )
        )
    return CodebookMap(tuple(points), explained, len(graphs))


def project(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
    """`n x 2` principal components of `n x d` vectors, and the share of the variance that they show.

    The sign of each component is such that its largest coordinate is positive.
    """
    centred = vectors.astype(np.float64) - vectors.mean(0, dtype=np.float64)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    plane = np.zeros((len(vectors), 2))
    kept = min(2, len(sizes))
    plane[:, :kept] = left[:, :kept] * sizes[:kept]
    plane *= np.where(plane[np.abs(plane).argmax(0), range(2)] < 0, -1.0, 1.0)
    total = float((sizes**2).sum())
    return plane, float((sizes[:2] ** 2).sum()) / total if total else 1.0


def _meanings(
    graphs: Graphs, groups: NDArray[np.int64], names: Sequence[str]
) -> tuple[NDArray[np.int64], list[tuple[str, ...]]]:
    """`n x length` numbers of the operations that each group of nodes has, those that vary, and what they stand for."""
    varies = (graphs.ops != graphs.ops[:1]).any(0)
    meanings: dict[tuple[str, ...], int] = {}
    columns = []
    for group in groups:
        nodes = [int(node) for node in group if node >= 0]
        told = [node for node in nodes if varies[node]] or nodes[-1:]
        labels = graphs.ops[:, told].astype(np.int64)  # -1, a node that is absent, is the last name
        known, inverse = np.unique(labels, axis=0, return_inverse=True)
        numbers = [meanings.setdefault(tuple(names[label] for label in row), len(meanings)) for row in known]
        columns.append(np.array(numbers)[inverse.ravel()])
    return np.stack(columns, axis=1), list(meanings)
