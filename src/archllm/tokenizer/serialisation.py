"""Serialisations: reversible ways of writing a graph as a sequence of tokens, with nothing learned.

Both write node after node, so that what stands side by side in a graph often does in its sequence. `NodeSerialisation`
has one token for a node and all its in-edges. Where most sets of in-edges occur once, such tokens can't be learned:
`EdgeSerialisation` writes the label, then each in-edge by the distance of its source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from archllm.errors import RunFolderError
from archllm.graphs import ABSENT, Graphs
from archllm.spaces.base import SearchSpace
from archllm.tokenizer.groups import PACKED_NODES, graphs_of_tokens, node_tokens, varying_nodes

UNSEEN = 0.001
"""Unseen tokens per architecture from which on nodes are written in parts."""

FEW_TOKENS = 512
"""Different nodes up to which they are learned whole even where some are rare."""

MOST_TOKENS = 4096
"""Different nodes from which on they are written in parts."""

_ROOM = 1.25  # length of the longest sequence that can be written, in lengths of the longest seen


Scalar = TypeVar("Scalar", bound=np.generic)


class Serialisation(Protocol):
    """A way of writing graphs as token sequences."""

    name: ClassVar[str]
    """What it is called in `tokenizer.json`."""

    size: int
    """Number of tokens."""

    length: int
    """Tokens of the longest sequence."""

    end: int | None
    """The token behind the last one of a shorter sequence; it fills the rest."""

    foreign: int
    """The token that, in the first place, is written for a graph that can't be."""

    def write(self, graphs: Graphs) -> NDArray[np.int64]:
        """`n x length` tokens of graphs."""

    def told(self, tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        """`n` booleans: which sequences are not written for graphs that can't be."""

    def read(self, tokens: NDArray[np.int64]) -> Graphs:
        """The graphs that `n x length` tokens stand for; what stands for none has a loop, as no member does."""

    def tensors(self) -> dict[str, torch.Tensor]:
        """What `restore` needs to know."""

    @classmethod
    def restore(cls, space: SearchSpace, tensors: dict[str, torch.Tensor]) -> Self:
        """The serialisation of saved tensors.

        Raises:
            RunFolderError: they are missing or foreign.
        """


def serialisation(space: SearchSpace, graphs: Graphs) -> NodeSerialisation | EdgeSerialisation:
    """The one that suits members of a space: a token for each node, unless tokens would be met that training never saw.

    Members of several parts are written part by part; see `archllm.tokenizer.parts`.

    Args:
        space: the space.
        graphs: training members; they must differ.
    """
    if graphs.edgeless:
        return NodeSerialisation.of(graphs.padded(space.max_nodes))
    if graphs.nodes > PACKED_NODES:
        return EdgeSerialisation.of(space, graphs)
    whole = NodeSerialisation.of(graphs.padded(space.max_nodes))
    # Good and Turing: the probability that the next token is a new one is estimated by n_1 / N, the share of tokens
    # seen once (Good, 1953, eq. 9); with N / n tokens an architecture, that is n_1 / n unseen ones in each.
    once = (np.bincount(whole.write(graphs).ravel(), minlength=whole.size) == 1).sum()
    few = whole.size <= FEW_TOKENS or once / len(graphs) <= UNSEEN
    return whole if few and whole.size <= MOST_TOKENS else EdgeSerialisation.of(space, graphs)


@dataclass(frozen=True)
class NodeSerialisation:
    """One token for each node that varies: its label with its set of in-edges.

    Example:
        >>> from archllm.spaces import load_space
        >>> cells = load_space("nasbench201").enumerate()
        >>> NodeSerialisation.of(cells).write(cells[:1]).shape
        (1, 6)
    """

    name: ClassVar[str] = "nodes"

    words: NDArray[np.int64]
    """What each token but 0 stands for, sorted; 0 is one that training never saw."""

    varying: NDArray[np.bool_]
    """`v` booleans: the nodes that are written."""

    fixed: NDArray[np.int64]
    """`v` words of one member, for the nodes that are not."""

    linked: bool = True
    """Whether there are edges."""

    foreign: ClassVar[int] = 0

    @classmethod
    def of(cls, graphs: Graphs) -> Self:
        """Of the nodes of training members."""
        varying, words = varying_nodes(graphs), node_tokens(graphs)
        return cls(np.unique(words[:, varying]), varying, words[0], not graphs.edgeless)

    @property
    def size(self) -> int:
        return len(self.words) + 1

    @property
    def length(self) -> int:
        return int(self.varying.sum())

    @property
    def end(self) -> int | None:
        """The token of an absent node: those behind it are absent too."""
        absent = node_tokens(Graphs(np.full((1, 1), ABSENT), np.zeros((1, 1, 1), np.bool_)))[0, 0]
        at = int(np.searchsorted(self.words, absent))
        return at + 1 if at < len(self.words) and self.words[at] == absent else None

    def write(self, graphs: Graphs) -> NDArray[np.int64]:
        words = node_tokens(graphs.padded(len(self.varying)))
        asked = words[:, self.varying]
        at = np.searchsorted(self.words, asked).clip(0, len(self.words) - 1)
        # A node that is not written must be as in training: no tokens of another member may stand for one that differs.
        alike = (words == self.fixed)[:, ~self.varying].all(1, keepdims=True)
        return np.where(alike & (self.words[at] == asked), at + 1, 0)

    def told(self, tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray((tokens != 0).all(1))

    def read(self, tokens: NDArray[np.int64]) -> Graphs:
        words = np.repeat(self.fixed[None], len(tokens), axis=0)
        words[:, self.varying] = np.concatenate([[np.int64(0)], self.words])[tokens]
        graphs, unknown = graphs_of_tokens(words, self.linked), (tokens == 0).any(1)
        if self.linked:
            graphs.adjacency[unknown, 0, 0] = True
        else:
            graphs.ops[unknown] = ABSENT  # no member holds nothing
        return graphs

    def tensors(self) -> dict[str, torch.Tensor]:
        arrays = {"words": self.words, "varying": self.varying, "fixed": self.fixed}
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}

    @classmethod
    def restore(cls, space: SearchSpace, tensors: dict[str, torch.Tensor]) -> Self:
        nodes = (space.max_nodes,)
        made = cls(
            words=_taken(tensors, "words", np.int64, None),
            varying=_taken(tensors, "varying", np.bool_, nodes),
            fixed=_taken(tensors, "fixed", np.int64, nodes),
            linked=not space.sequential,
        )
        if not len(made.words) or not made.varying.any() or (np.diff(made.words) <= 0).any():
            raise RunFolderError("tokenizer.safetensors does not fit tokenizer.json: it holds no vocabulary")
        return made


@dataclass(frozen=True)
class EdgeSerialisation:
    """A token for the label of a node, then one for each of its in-edges: how far before it the source stands.

    Token 0 is the end; `1 … labels` are labels, and `labels + d` is an edge from `d` nodes before. The first nodes,
    as far as all training members begin alike, are not written. A graph that begins otherwise, or whose sequence would
    be longer than `length`, is written as an edge to nowhere, which stands for no member.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench101")
        >>> cells = space.sample(100, np.random.default_rng(0))
        >>> way = EdgeSerialisation.of(space, cells)
        >>> bool((way.read(way.write(cells)).adjacency == cells.adjacency).all())
        True
    """

    name: ClassVar[str] = "edges"

    labels: int
    """Number of labels."""

    prefix: NDArray[np.int64]
    """Labels of the nodes that are not written."""

    linked: NDArray[np.bool_]
    """The edges among them."""

    nodes: int
    """Node positions."""

    length: int
    """Tokens of the longest sequence."""

    @classmethod
    def of(cls, space: SearchSpace, graphs: Graphs) -> Self:
        """Of training members of a space."""
        nodes = space.max_nodes
        graphs = graphs.padded(nodes)
        first = int(varying_nodes(graphs).argmax())
        prefix = graphs.ops[0, :first].astype(np.int64)
        written = (graphs.ops[:, first:] != ABSENT).sum(1) + graphs.adjacency[:, :, first:].sum((1, 2))
        most = nodes - first + nodes * (nodes - 1) // 2 - first * (first - 1) // 2
        longest = min(most, round(_ROOM * int(written.max(initial=1))))
        return cls(len(space.op_names), prefix, graphs.adjacency[0, :first, :first], nodes, longest)

    @property
    def size(self) -> int:
        return self.labels + self.nodes

    @property
    def foreign(self) -> int:
        return self.labels + 1  # an edge: before the first label, there is no node that it could lead to

    @property
    def end(self) -> int | None:
        return 0

    def write(self, graphs: Graphs) -> NDArray[np.int64]:
        graphs, first = graphs.padded(self.nodes), len(self.prefix)
        n = len(graphs)
        # One column for a node and one for each of its possible sources, nearest first: the tokens are what is there.
        columns = [column for node in range(first, self.nodes) for column in self._columns(graphs, node)]
        wide = np.stack(columns, axis=1) if columns else np.zeros((n, 0), np.int64)
        tokens = np.zeros((n, self.length), dtype=np.int64)
        row, column = np.nonzero(wide)
        at = np.arange(len(row)) - np.searchsorted(row, np.arange(n))[row]
        inside = at < self.length
        tokens[row[inside], at[inside]] = wide[row[inside], column[inside]]
        alike = (graphs.ops[:, :first] == self.prefix).all(1)
        alike &= (graphs.adjacency[:, :first, :first] == self.linked).all((1, 2))
        alike[row[~inside]] = False
        tokens[~alike] = 0
        tokens[~alike, 0] = self.foreign
        return tokens

    def told(self, tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(tokens[:, 0] != self.foreign)

    def _columns(self, graphs: Graphs, node: int) -> list[NDArray[np.int64]]:
        label = graphs.ops[:, node].astype(np.int64) + 1
        sources = [graphs.adjacency[:, node - d, node] * (self.labels + d) for d in range(1, node + 1)]
        return [label, *sources]

    def read(self, tokens: NDArray[np.int64]) -> Graphs:
        n, first, v = len(tokens), len(self.prefix), self.nodes
        ops = np.full((n, v), ABSENT, dtype=np.int8)
        edges = np.zeros((n, v, v), dtype=np.bool_)
        ops[:, :first], edges[:, :first, :first] = self.prefix, self.linked
        going = (tokens == 0).cumsum(1) == 0
        is_label = going & (tokens <= self.labels)
        node = first - 1 + is_label.cumsum(1)
        row, at = np.nonzero(is_label & (node < v))
        ops[row, node[row, at]] = tokens[row, at] - 1
        source = node - (tokens - self.labels)
        is_edge = going & (tokens > self.labels)
        # No token may be lost: an edge from nowhere, or to a node that is not written, and one node too many.
        legal = (node >= first) & (node < v) & (source >= 0)
        row, at = np.nonzero(is_edge & legal)
        edges[row, source[row, at], node[row, at]] = True
        wrong = (is_edge & ~legal).any(1) | (is_label & (node >= v)).any(1)
        edges[wrong, 0, 0] = True
        return Graphs(ops, edges)

    def tensors(self) -> dict[str, torch.Tensor]:
        sizes = np.array([self.length], dtype=np.int64)
        arrays = {"prefix": self.prefix, "linked": self.linked, "length": sizes}
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}

    @classmethod
    def restore(cls, space: SearchSpace, tensors: dict[str, torch.Tensor]) -> Self:
        prefix = _taken(tensors, "prefix", np.int64, None)
        linked = _taken(tensors, "linked", np.bool_, (len(prefix), len(prefix)))
        length = int(_taken(tensors, "length", np.int64, (1,))[0])
        labels, nodes = len(space.op_names), space.max_nodes
        fits = len(prefix) < nodes and 1 <= length <= nodes * nodes
        if not fits or (len(prefix) and not 0 <= prefix.min() <= prefix.max() < labels):
            raise RunFolderError("tokenizer.safetensors does not fit tokenizer.json: it holds no serialisation")
        return cls(labels, prefix, linked, nodes, length)


SERIALISATIONS: dict[str, type[NodeSerialisation] | type[EdgeSerialisation]] = {
    "nodes": NodeSerialisation,
    "edges": EdgeSerialisation,
}
"""By what `tokenizer.json` calls them."""


def _taken(
    tensors: dict[str, torch.Tensor], name: str, dtype: type[Scalar], shape: tuple[int, ...] | None
) -> NDArray[Scalar]:
    """An array of a saved tokenizer; without a shape, of one dimension."""
    array: NDArray[Scalar] | None = tensors[name].numpy() if name in tensors else None
    if array is None or array.dtype != dtype or (array.ndim != 1 if shape is None else array.shape != shape):
        raise RunFolderError(f"tokenizer.safetensors does not fit tokenizer.json: {name!r} is missing or foreign")
    return array
