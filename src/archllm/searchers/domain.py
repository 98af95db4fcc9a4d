"""Domain: the architectures that a search may ask for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archllm.errors import BudgetExhausted, InvalidArchitecture, InvalidInput, NotEnumerable
from archllm.graphs import Graphs, concatenate
from archllm.networks.setting import NetworkSetting
from archllm.predictor.feature_sets import feature_set
from archllm.predictor.features import Featurizer
from archllm.spaces import Architecture, SearchSpace
from archllm.spaces.base import check_same_space

Allowed = Callable[[Graphs], NDArray[np.bool_]]
"""From `n` members to `n` booleans: which may be asked for."""

_DENSE = 0.2  # share of the space from which on a pool holds enough of its members' one-edit neighbours
_NEAREST = 24  # neighbours in a pool that holds fewer; as many as a cell of NAS-Bench-201 has
REFERENCE = 1_000  # members of the space by which features are scaled
_LEAST_DRAWS = 20_000  # that are spent before a constraint is said to leave nothing
_DRAWS_EACH = 1_000
_CHUNK = 5_000
_NARROW = 0.2  # share of draws that keep to a constraint, below which they are counted as dear

LARGEST_SCANNED = 50_000
"""Members of a domain that predictors look at before each choice; of a larger one they are shown a part."""


class Domain:
    """A whole space, or a closed pool of its members, narrowed by a constraint.

    Args:
        space: the space.
        pool: members that alone may be asked for, such as those of a table; repeats count once.
        allowed: the constraint.
        network: setting of the networks that are searched for; by default that of the space's paper.

    Raises:
        InvalidInput: pool and constraint leave nothing, or the constraint does not give `n` booleans.
        InvalidArchitecture: the pool holds what is not a member of the space.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench201")
        >>> Domain(space, allowed=lambda graphs: space.networks.params(graphs) <= 1e5).size
        729
    """

    def __init__(
        self,
        space: SearchSpace,
        pool: Graphs | None = None,
        allowed: Allowed | None = None,
        network: NetworkSetting | None = None,
    ) -> None:
        self.space, self.network = space, network
        self.enumerable = pool is not None or space.enumerable
        self._pool, self._allowed = pool, allowed
        self._near: dict[int, list[Architecture]] = {}
        self._found, self._drawn = 0, 0  # draws that kept to the constraint, and all
        if self.enumerable:
            self._positions  # noqa: B018  (a domain without members is refused here and now)
        elif allowed is not None:
            self.sample(1, np.random.default_rng(0))

    @property
    def size(self) -> int | None:
        """Number of different members; `None` where they can't be enumerated."""
        return len(self._positions[0]) if self.enumerable else None

    @property
    def scanned(self) -> bool:
        """Whether the domain is small enough for looking at all of it before each choice."""
        return self.size is not None and self.size <= LARGEST_SCANNED

    @property
    def narrowed(self) -> bool:
        """Whether a constraint makes a random member of a space that can't be enumerated cost many draws."""
        return self._found < _NARROW * self._drawn

    def enumerate(self) -> Graphs:
        """All members, each once, normalised, in a fixed order.

        Raises:
            NotEnumerable: there are too many.
        """
        if not self.enumerable:
            raise NotEnumerable(f"{self.space.name} is too large to enumerate; use sample(n, rng)")
        return self._members

    @property
    def keys(self) -> NDArray[np.int64]:
        """Canonical keys of `enumerate()`, in the same order.

        Raises:
            NotEnumerable: there are too many members.
        """
        self.enumerate()
        return self._positions[2]

    def sample(self, n: int, rng: np.random.Generator) -> Graphs:
        """`n` independent draws, uniform over the members; where they can't be enumerated, as `space.sample` draws.

        Raises:
            InvalidInput: `n` is not positive, or the constraint leaves nothing that draws could find.
            BudgetExhausted: it leaves so little that fewer than `n` were found.
        """
        if n < 1:
            raise InvalidInput(f"n must be at least 1, got {n}")
        if self.enumerable:
            return self._members[rng.integers(len(self._members), size=n)]
        if self._allowed is None:
            return self.space.sample(n, rng)
        parts: list[Graphs] = []
        found, drawn, most = 0, 0, max(_LEAST_DRAWS, _DRAWS_EACH * n)
        while found < n and drawn < most:
            draws = self.space.sample(min(_CHUNK, most - drawn, max(100, 4 * (n - found))), rng)
            parts.append(draws[self._passes(draws)])
            found, drawn = found + len(parts[-1]), drawn + len(draws)
        self._found, self._drawn = self._found + found, self._drawn + drawn
        if not self._found:
            raise InvalidInput(
                f"none of {drawn:,} random architectures of {self.space.name} meets the constraint"
                f"{self._sizes(draws)}; loosen it"
            )
        if found < n:
            raise BudgetExhausted(
                f"only {found} of {drawn:,} random architectures of {self.space.name} meet the constraint, "
                f"{n} were asked for; loosen it",
                found,
                drawn,
            )
        return concatenate(parts)[np.arange(n)]

    def contains(self, graphs: Graphs) -> NDArray[np.bool_]:
        """`n` booleans: which graphs may be asked for; what is not a member of the space may not."""
        inside = self.space.validate(graphs)
        rows = np.flatnonzero(inside)
        if not len(rows):
            return inside
        members = graphs[rows]
        if self.enumerable:
            inside[rows] = self.index(self.space.keys(members)) >= 0
        elif self._allowed is not None:
            inside[rows] = self._passes(members)
        return inside

    def index(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions in `enumerate()` of `n` canonical keys, -1 for those of other architectures.

        Raises:
            NotEnumerable: the domain can't be enumerated.
        """
        own = self.keys
        order, ascending = self._positions[0], self._positions[1]
        at = np.minimum(np.searchsorted(ascending, keys), len(own) - 1)
        found: NDArray[np.int64] = np.where(ascending[at] == keys, order[at], -1)
        return found

    def neighbours(self, arch: Architecture) -> list[Architecture]:
        """Members one edit away from an architecture, itself excluded, ordered by key.

        A pool that holds few of the space's members has hardly two that are one edit apart. There, the 24 members with
        the nearest features are the neighbours, the nearest first.

        Raises:
            InvalidInput: it is of another space.
        """
        check_same_space(self.space, arch.space)
        if arch.key not in self._near:
            self._near[arch.key] = self._nearest(arch) if self.sparse else self._one_edit(arch)
        return self._near[arch.key]

    @property
    def sparse(self) -> bool:
        """Whether it is a closed pool that holds few of the space's members."""
        return self._pool is not None and len(self._pool) / self.space.size < _DENSE

    def _one_edit(self, arch: Architecture) -> list[Architecture]:
        others = self.space.neighbours(arch)
        if not others or (self._pool is None and self._allowed is None):
            return others
        inside = self.contains(concatenate([other.graph for other in others]))
        return [other for other, own in zip(others, inside, strict=True) if own]

    def _nearest(self, arch: Architecture) -> list[Architecture]:
        away = ((self._described - self._describe(arch.graph)) ** 2).sum(1)
        rows = np.argsort(away, kind="stable")[: _NEAREST + 1]
        return self.space.architectures(self._members[rows[self.keys[rows] != arch.key][:_NEAREST]])

    @cached_property
    def params(self) -> NDArray[np.int64]:
        """Parameter counts of `enumerate()`.

        Raises:
            NotEnumerable: there are too many members.
        """
        return self.params_of(self.enumerate())

    def params_of(self, graphs: Graphs) -> NDArray[np.int64]:
        """Parameter counts of the networks of `n` members."""
        return self.space.require_networks().params(graphs, self.network)

    def _sizes(self, graphs: Graphs) -> str:
        """How large the networks of members are, for who has set limits that none of them keeps."""
        networks = self.space.networks
        if networks is None or networks.counts_import(self.network):
            return ""
        params, macs = networks.params(graphs, self.network), networks.macs(graphs, self.network)
        return (
            f" (their networks have {params.min():,} to {params.max():,} parameters and {macs.min():,} to "
            f"{macs.max():,} multiply-accumulates)"
        )

    @cached_property
    def _describe(self) -> Callable[[Graphs], NDArray[np.float32]]:
        """Training-free features of architectures."""
        reference = self.space.sample(REFERENCE, np.random.default_rng(0))
        make = Featurizer(self.space, feature_set("hand", self.space, reference), reference)
        return lambda graphs: make(graphs).values

    @cached_property
    def _described(self) -> NDArray[np.float32]:
        """`size x d` features of the members."""
        return self._describe(self._members)

    @cached_property
    def _members(self) -> Graphs:
        graphs = self.space.enumerate() if self._pool is None else self._unique(self._pool)
        if self._allowed is None:
            return _read_only(graphs)
        passing = self._passes(graphs)
        if not passing.any():
            raise InvalidInput(
                f"none of the {len(graphs):,} architectures "
                f"{'of ' + self.space.name if self._pool is None else 'of the pool'} meets the constraint"
                f"{self._sizes(graphs)}; loosen it"
            )
        return _read_only(graphs[passing])

    @cached_property
    def _positions(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Members in the order of their keys, their keys in that order, and in the order of members."""
        keys = self.space.keys(self._members)
        order = np.argsort(keys)
        return order, keys[order], keys

    def _unique(self, pool: Graphs) -> Graphs:
        if not len(pool):
            raise InvalidInput("the pool holds no architecture")
        try:
            keys = self.space.keys(pool)
        except InvalidArchitecture as error:
            raise InvalidArchitecture(f"the pool can't be used: {error}") from error
        return self.space.normalise(pool[np.sort(np.unique(keys, return_index=True)[1])])

    def _passes(self, graphs: Graphs) -> NDArray[np.bool_]:
        assert self._allowed is not None
        passing = np.asarray(self._allowed(graphs))
        if passing.shape != (len(graphs),) or passing.dtype != np.bool_:
            raise InvalidInput(
                f"a constraint gives a boolean for each of {len(graphs)} architectures, "
                f"got {passing.dtype} of shape {passing.shape}"
            )
        return passing

    def __repr__(self) -> str:
        narrowed = " with a constraint" if self._allowed is not None else ""
        what = f"a pool of {self.space.name}" if self._pool is not None else self.space.name
        return f"<Domain: {what}{narrowed}, {f'{self.size:,}' if self.enumerable else 'not enumerable'}>"


def _read_only(graphs: Graphs) -> Graphs:
    graphs.ops.setflags(write=False)
    graphs.adjacency.setflags(write=False)
    return graphs
