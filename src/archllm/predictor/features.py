"""Features: architectures as rows of numbers, in blocks that predictors may weigh against each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidArchitecture, InvalidInput
from archllm.graphs import Graphs
from archllm.spaces import SearchSpace

_CONSTANT = 1e-6  # standard deviation below which a column says nothing


@dataclass(frozen=True)
class FeatureMaker:
    """One kind of features; `archllm.predictor.makers` holds the usual ones.

    Example:
        >>> from archllm.spaces import load_space
        >>> cells = load_space("nasbench201").sample(3, np.random.default_rng(0))
        >>> FeatureMaker("edges", lambda graphs: graphs.adjacency.sum((1, 2))[:, None]).make(cells).shape
        (3, 1)
    """

    name: str
    """What they are called."""

    make: Callable[[Graphs], NDArray[np.floating]]
    """From `n` members to `n x d`."""

    of_space_alone: bool = False
    """Whether they depend on the space alone: averages over all its members are then kept for the next who asks."""


@dataclass(frozen=True)
class Features:
    """A batch of `n` rows of features.

    Example:
        >>> features = Features(np.ones((5, 3), dtype=np.float32), (slice(0, 2), slice(2, 3)))
        >>> len(features), [block.shape for block in features[[0, 4]].parts]
        (5, [(2, 2), (2, 1)])
    """

    values: NDArray[np.float32]
    """`n x d`; within a block, two random cells have a squared distance of 1 on average."""

    blocks: tuple[slice, ...]
    """The columns of each block."""

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or not self.blocks or self.values.shape[1] != self.blocks[-1].stop:
            ends = [block.stop for block in self.blocks]
            raise InvalidInput(f"features must be n x d with blocks that end at d, got {self.values.shape}, {ends}")

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: slice | NDArray[np.bool_] | NDArray[np.int64] | Sequence[int]) -> Features:
        return Features(self.values[rows], self.blocks)

    def joined(self, block: NDArray[np.floating]) -> Features:
        """These features and one more block, `n x d`."""
        values = np.concatenate([self.values, block], axis=1).astype(np.float32)
        return Features(values, (*self.blocks, slice(self.values.shape[1], values.shape[1])))

    def select(self, blocks: Sequence[int]) -> Features:
        """Some of the blocks alone, in this order."""
        values = np.concatenate([self.values[:, self.blocks[block]] for block in blocks], axis=1)
        ends = np.cumsum([0, *(self.blocks[block].stop - self.blocks[block].start for block in blocks)]).tolist()
        return Features(values, tuple(slice(start, stop) for start, stop in pairwise(ends)))

    @property
    def parts(self) -> list[NDArray[np.float32]]:
        """The blocks, each `n x` its width."""
        return [self.values[:, block] for block in self.blocks]


class Featurizer:
    """Makes features, one block per maker, scaled by what is found among reference cells.

    `makers` are those whose features are not the same for all reference cells.

    Args:
        space: the space of the cells.
        makers: what to join.
        reference: cells without scores, such as all candidates; they set centre and scale of each column, and columns
            that are constant among them are left out.

    Raises:
        InvalidInput: there is no maker, or fewer than two reference cells, or nothing tells them apart.

    Example:
        >>> from archllm.predictor.makers import free, one_hot
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench201")
        >>> cells = space.sample(100, np.random.default_rng(0))
        >>> features = Featurizer(space, [one_hot(space), free(space)], cells)(cells)
        >>> len(features), len(features.blocks)
        (100, 2)
    """

    def __init__(self, space: SearchSpace, makers: Sequence[FeatureMaker], reference: Graphs) -> None:
        if not makers:
            raise InvalidInput("features need at least one maker")
        if len(reference) < 2:
            raise InvalidInput(f"features need at least 2 reference cells, got {len(reference)}")
        self.space = space
        self._check(reference)
        self._columns: list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]] = []
        telling = []
        for maker in makers:
            raw = self._raw(maker, reference)
            centre, spread = raw.mean(0), raw.std(0)
            kept = np.flatnonzero(spread > _CONSTANT)
            if len(kept):
                telling.append(maker)
                self._columns.append((kept, centre[kept], spread[kept] * np.sqrt(2 * len(kept))))
        if not telling:
            names = " and ".join(repr(maker.name) for maker in makers)
            raise InvalidInput(f"the features {names} are the same for all {len(reference)} reference cells")
        self.makers = tuple(telling)
        ends = np.cumsum([0, *(len(kept) for kept, _, _ in self._columns)]).tolist()
        self.blocks = tuple(slice(start, stop) for start, stop in pairwise(ends))

    def __call__(self, graphs: Graphs) -> Features:
        """Features of members.

        Raises:
            InvalidArchitecture: a graph is not a member.
        """
        self._check(graphs)
        parts = [
            (self._raw(maker, graphs)[:, kept] - centre) / scale
            for maker, (kept, centre, scale) in zip(self.makers, self._columns, strict=True)
        ]
        return Features(np.concatenate(parts, axis=1).astype(np.float32), self.blocks)

    def _raw(self, maker: FeatureMaker, graphs: Graphs) -> NDArray[np.float64]:
        raw = np.asarray(maker.make(graphs), dtype=np.float64)
        if raw.ndim != 2 or len(raw) != len(graphs) or not np.isfinite(raw).all():
            raise InvalidInput(f"the features {maker.name!r} must be {len(graphs)} x d finite numbers, got {raw.shape}")
        return raw

    def _check(self, graphs: Graphs) -> None:
        valid = self.space.validate(graphs)
        if not valid.all():
            first = int(np.flatnonzero(~valid)[0])
            reason = self.space.explain(graphs[first])
            raise InvalidArchitecture(f"graph {first} is not a member of {self.space.name}: {reason}")
