"""PartsSerialisation: members of several parts, written part by part, each as suits its space."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from archllm.errors import RunFolderError
from archllm.graphs import ABSENT, Graphs, equal
from archllm.spaces.base import SearchSpace
from archllm.spaces.kinds.product.space import Product
from archllm.tokenizer.groups import varying_nodes
from archllm.tokenizer.serialisation import SERIALISATIONS, EdgeSerialisation, NodeSerialisation, serialisation


@dataclass(frozen=True)
class FixedPart:
    """A part that is the same in all members: nothing is written."""

    name: ClassVar[str] = "fixed"

    graph: Graphs
    """What it is, a batch of one."""

    size: ClassVar[int] = 0
    length: ClassVar[int] = 0
    end: ClassVar[None] = None

    def write(self, graphs: Graphs) -> NDArray[np.int64]:
        return np.zeros((len(graphs), 0), dtype=np.int64)

    def read(self, tokens: NDArray[np.int64]) -> Graphs:
        return self.graph[np.zeros(len(tokens), dtype=np.int64)]

    def tensors(self) -> dict[str, torch.Tensor]:
        edges = self.graph.adjacency[:, :0, :0] if self.graph.edgeless else self.graph.adjacency
        return {"ops": torch.from_numpy(self.graph.ops.copy()), "edges": torch.from_numpy(edges.copy())}

    @classmethod
    def restore(cls, space: SearchSpace, tensors: dict[str, torch.Tensor]) -> Self:
        ops, edges = (tensors.get(name) for name in ("ops", "edges"))
        v = space.max_nodes
        linked = 0 if space.sequential else v
        if ops is None or edges is None or ops.dtype != torch.int8 or edges.dtype != torch.bool:
            raise _foreign()
        if ops.shape != (1, v) or edges.shape != (1, linked, linked):
            raise _foreign()
        return cls(Graphs(ops.numpy(), edges.numpy()) if linked else Graphs.unlinked(ops.numpy()))


Way = NodeSerialisation | EdgeSerialisation | FixedPart
_WAYS: tuple[type[Way], ...] = (NodeSerialisation, EdgeSerialisation, FixedPart)


@dataclass(frozen=True)
class PartsSerialisation:
    """The tokens of each part, one part after the other; each part has tokens of its own.

    Token 0 is one that training never saw.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("scaled-cells")
        >>> members = space.sample(100, np.random.default_rng(0))
        >>> way = PartsSerialisation.of(space, members)
        >>> way.length, bool((way.read(way.write(members)).ops == members.ops).all())
        (13, True)
    """

    name: ClassVar[str] = "parts"

    space: Product
    """The space, which takes members apart."""

    ways: tuple[Way, ...]
    """How each part is written."""

    @classmethod
    def of(cls, space: Product, graphs: Graphs) -> Self:
        """Of training members."""
        ways: list[Way] = []
        for part, members in space.parted(graphs):
            varies = varying_nodes(members).any()
            ways.append(serialisation(part, members) if varies else FixedPart(members[0]))
        return cls(space, tuple(ways))

    @property
    def size(self) -> int:
        return 1 + sum(way.size for way in self.ways)

    @property
    def length(self) -> int:
        return sum(way.length for way in self.ways)

    end = None
    foreign: ClassVar[int] = 0

    def told(self, tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray((tokens != 0).all(1))

    @property
    def _firsts(self) -> list[int]:
        """The first token of each part."""
        return list(accumulate((way.size for way in self.ways[:-1]), initial=1))

    def write(self, graphs: Graphs) -> NDArray[np.int64]:
        columns = []
        alike = np.ones((len(graphs), 1), dtype=np.bool_)
        for way, (_, members), first in zip(self.ways, self.space.parted(graphs), self._firsts, strict=True):
            own = way.write(members)
            unseen = (own == 0) & isinstance(way, NodeSerialisation)
            columns.append(np.where(unseen, 0, own + first))
            if isinstance(way, FixedPart):
                alike[:, 0] &= equal(members, way.graph[np.zeros(len(members), dtype=np.int64)])
        return np.where(alike, np.concatenate(columns, axis=1), 0)

    def read(self, tokens: NDArray[np.int64]) -> Graphs:
        columns = pairwise(accumulate((way.length for way in self.ways), initial=0))
        wrong = np.zeros(len(tokens), dtype=np.bool_)
        parts = []
        for way, first, (start, stop) in zip(self.ways, self._firsts, columns, strict=True):
            own = tokens[:, start:stop] - first
            legal = (own >= 0) & (own < way.size)
            wrong |= ~legal.all(1)
            parts.append(way.read(np.where(legal, own, 0)))
        found = self.space.layout.put_together(parts)
        found.ops[wrong, 0] = ABSENT  # an unseen token, or one of another part: no member
        return found

    def tensors(self) -> dict[str, torch.Tensor]:
        kinds = torch.tensor([_WAYS.index(type(way)) for way in self.ways])
        parts = {f"{at}.{name}": each for at, way in enumerate(self.ways) for name, each in way.tensors().items()}
        return {"ways": kinds, **parts}

    @classmethod
    def restore(cls, space: SearchSpace, tensors: dict[str, torch.Tensor]) -> Self:
        kinds = tensors.get("ways")
        if not isinstance(space, Product) or kinds is None or kinds.shape != (len(space.spaces),):
            raise _foreign()
        ways: list[Way] = []
        for at, (part, kind) in enumerate(zip(space.spaces, kinds.tolist(), strict=True)):
            if kind not in range(len(_WAYS)):
                raise _foreign()
            own = {name.partition(".")[2]: each for name, each in tensors.items() if name.partition(".")[0] == str(at)}
            ways.append(_WAYS[kind].restore(part, own))
        return cls(space, tuple(ways))


ALL_SERIALISATIONS = {**SERIALISATIONS, PartsSerialisation.name: PartsSerialisation}
"""By what `tokenizer.json` calls them, those of parts included."""

AnySerialisation = NodeSerialisation | EdgeSerialisation | PartsSerialisation


def suited(space: SearchSpace, graphs: Graphs) -> AnySerialisation:
    """The serialisation that suits members of a space, in parts or whole; see `serialisation`.

    Args:
        space: the space.
        graphs: training members; they must differ.
    """
    return PartsSerialisation.of(space, graphs) if isinstance(space, Product) else serialisation(space, graphs)


def _foreign() -> RunFolderError:
    return RunFolderError("tokenizer.safetensors does not fit tokenizer.json: a part is missing or foreign")
