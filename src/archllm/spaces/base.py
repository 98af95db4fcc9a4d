"""SearchSpace: the contract every search space fulfils."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archllm import drawing
from archllm.errors import FormatError, InvalidArchitecture, InvalidInput
from archllm.graphs import Graphs, concatenate
from archllm.networks import NetworkConfig
from archllm.spaces.architecture import Architecture
from archllm.spaces.definition import Definition

if TYPE_CHECKING:
    from archllm.networks.blueprint import Blueprint

MOST_LISTED = 5_000_000
"""Most members of a space that is listed."""

LARGEST_LISTING = 1 << 30
"""Most bytes of a listing."""


class SearchSpace(ABC):
    """A set of labelled DAGs: which graphs are members, when two are the same, how they are written.

    Batches travel as `Graphs`; a single member that a person or an objective meets is an `Architecture`.
    """

    name: str
    """What the space is called on the command line and in run folders."""

    kind: str
    """The family of spaces it belongs to (a module of `archllm.spaces.kinds`)."""

    op_names: tuple[str, ...]
    """Label `k` of `Graphs.ops` is the operation `op_names[k]`."""

    max_nodes: int
    """Node positions `v` of the space's graphs."""

    definition: Definition
    """What defines it, as plain values."""

    file: str | None = None
    """The text of its space file, where it comes from one."""

    origin: str | None = None
    """The path of that file, as it was given."""

    size: int
    """Number of members."""

    exact_size: bool = True
    """Whether `size` was counted; a large constrained space is estimated from random draws."""

    code_length: int
    """Codes per architecture that suit the space: see docs/decisions.md."""

    code_words: int | None = None
    """How many different contents so many codes have to tell apart; `None` where it is not known."""

    independent_codes: bool = False
    """Whether such codes of a uniform member do not depend on one another."""

    enumerable: bool
    """Whether `enumerate` can list the whole space."""

    slotted: bool = False
    """Whether each node position is a slot with a meaning of its own, so that what a label does depends on where it
    stands, and paths through a graph say nothing."""

    network_config: type[NetworkConfig] | None = None
    """The options of the space's networks; `None` where no network is made of its members."""

    small_network: Mapping[str, Any] = MappingProxyType({})
    """Network options for small images and short trainings on a CPU, where the paper's network would take hours."""

    @abstractmethod
    def enumerate(self) -> Graphs:
        """All `size` members, each once, normalised, in a fixed order.

        Raises:
            NotEnumerable: the space is too large.
        """

    @abstractmethod
    def sample(self, n: int, rng: np.random.Generator) -> Graphs:
        """`n` independent draws, uniform over the members, normalised."""

    @abstractmethod
    def validate(self, graphs: Graphs) -> NDArray[np.bool_]:
        """`n` booleans: which graphs are members (the strict rule: as the benchmark itself defines its members)."""

    @abstractmethod
    def explain(self, graph: Graphs) -> str | None:
        """Why the single graph is not a member, or `None` if it is one."""

    @abstractmethod
    def normalise(self, graphs: Graphs) -> Graphs:
        """The members in the form in which the space writes them; non-members come back as they are."""

    @abstractmethod
    def relabel(self, graphs: Graphs, rng: np.random.Generator) -> Graphs:
        """A random isomorphic copy of each member (not normalised): a new node order where the space allows one."""

    @abstractmethod
    def _keys(self, graphs: Graphs) -> NDArray[np.int64]:
        """`keys` for graphs known to be members."""

    @abstractmethod
    def _neighbours(self, graph: Graphs) -> Graphs:
        """Candidate one-edit variants of one normalised member; may hold non-members and repeats."""

    @abstractmethod
    def _parse(self, text: str) -> Graphs:
        """The one graph that `text` describes, a member or not."""

    @abstractmethod
    def _format(self, graph: Graphs) -> str:
        """The text of one normalised member."""

    def official_hash(self, graph: Graphs) -> str | None:
        """The identifier that the benchmark itself gives to a member; `None` where it has none."""
        return None

    def other_names(self, graph: Graphs) -> dict[str, Any]:
        """Further names of a normalised member, in use elsewhere; by what they are called."""
        return {}

    def validate_loosely(self, graphs: Graphs) -> NDArray[np.bool_] | None:
        """A laxer rule of the literature, for comparison only; `None` where the literature has none."""
        return None

    def class_keys(self, graphs: Graphs) -> NDArray[np.int64] | None:
        """Keys under a coarser notion of "the same network"; `None` where `keys` is already the coarsest."""
        return None

    class_count: int | None = None
    """Number of distinct `class_keys`, where there are any."""

    @property
    def identity(self) -> tuple[str, str]:
        """Name and fingerprint of the definition: equal for spaces whose architectures are the same."""
        return self.name, self.definition.fingerprint

    def slot_values(self, graphs: Graphs) -> NDArray[np.float64]:
        """`n x d` numbers chosen in members' slots, as ranks from 0 to 1; `d` is 0 where there are no such slots."""
        return np.zeros((len(graphs), 0))

    def _define(self, definition: Definition) -> None:
        """Takes over what all kinds of definitions say."""
        self.definition, self.name = definition, definition.name

    @staticmethod
    def _listable(size: int, nodes: int) -> bool:
        """Whether so many graphs of so many nodes can be listed."""
        return size <= MOST_LISTED and size * nodes * (nodes + 1) <= LARGEST_LISTING

    def __reduce__(self) -> tuple[Callable[..., SearchSpace], tuple[str, ...]]:
        """A space is pickled as its name, or as its file; its look-up tables are made anew where they are needed."""
        from archllm.spaces.registry import load_space, space_names, space_of_text

        if self.name in space_names():
            return load_space, (self.name,)
        return space_of_text, (self.file or self.definition.to_toml(), self.origin or self.name, self.name)

    @property
    def ideal_nats(self) -> float:
        """Entropy in nats of a uniform draw, ln(size): what a perfect prior needs per architecture."""
        return math.log(self.size)

    def keys(self, graphs: Graphs) -> NDArray[np.int64]:
        """`n` canonical keys: equal exactly for members that are isomorphic in the space's own sense.

        Raises:
            InvalidArchitecture: a graph is not a member; the message says which and why.
        """
        self._check_members(graphs)
        return self._keys(graphs)

    def architecture(self, graph: Graphs) -> Architecture:
        """The member that a batch of one holds.

        Raises:
            InvalidArchitecture: it is not a member.
        """
        if len(graph) != 1:
            raise InvalidInput(f"one graph is needed, got a batch of {len(graph)}")
        return Architecture(self, self.normalise(graph), int(self.keys(graph)[0]))

    def architectures(self, graphs: Graphs) -> list[Architecture]:
        """All members of a batch as objects, in order.

        Raises:
            InvalidArchitecture: one is not a member.
        """
        keys = self.keys(graphs)
        normal = self.normalise(graphs)
        return [Architecture(self, normal[i], int(keys[i])) for i in range(len(graphs))]

    def parse(self, text: str) -> Architecture:
        """Reads an architecture from any text format of the space.

        Raises:
            FormatError: the text can't be read; the message names the position.
            InvalidArchitecture: it can be read and is not a member.
        """
        if not isinstance(text, str):
            raise InvalidInput(f"an architecture of {self.name} is given as text, got {type(text).__name__}")
        graph = self._parse(text)
        reason = self.explain(graph)
        if reason is not None:
            raise InvalidArchitecture(f"not a member of {self.name}: {reason}")
        return self.architecture(graph)

    def parse_batch(self, texts: Sequence[str], where: Callable[[int], str] = "architecture {}".format) -> Graphs:
        """Reads many architectures at once, as `n` normalised graphs.

        Args:
            texts: their texts.
            where: names the place of a text in messages, given its number.

        Raises:
            InvalidArchitecture: one can't be read or is not a member; the message names the place.
        """
        graphs = []
        for number, text in enumerate(texts):
            try:
                graphs.append(self._parse(text))
            except FormatError as error:
                raise InvalidArchitecture(f"{where(number)}: {error}") from error
        if not graphs:
            raise InvalidInput("no architectures to read")
        batch = concatenate(graphs)
        valid = self.validate(batch)
        if not valid.all():
            first = int(np.flatnonzero(~valid)[0])
            raise InvalidArchitecture(f"{where(first)}: not a member of {self.name}: {self.explain(batch[first])}")
        return self.normalise(batch)

    def format(self, graphs: Graphs) -> list[str | None]:
        """The text of each graph, `None` for non-members."""
        valid = self.validate(graphs)
        normal = self.normalise(graphs)
        return [self._format(normal[i]) if valid[i] else None for i in range(len(graphs))]

    def neighbours(self, arch: Architecture) -> list[Architecture]:
        """All members one edit away, each once, `arch` itself excluded, ordered by key."""
        self._check_own(arch)
        candidates = self._neighbours(arch.graph)
        candidates = candidates[self.validate(candidates)]
        keys, first = np.unique(self._keys(candidates), return_index=True)
        others = first[keys != arch.key]
        return self.architectures(candidates[others])

    def params(self, graphs: Graphs, **options: Any) -> NDArray[np.int64]:
        """`n` counts of trainable parameters of the members' networks, exact, without building them.

        Args:
            graphs: members.
            options: fields of `network_config`.

        Raises:
            InvalidArchitecture: a graph is not a member.
            InvalidInput: an option does not exist or is out of range.
        """
        return self._params(*self._checked(graphs, options))

    def macs(self, graphs: Graphs, **options: Any) -> NDArray[np.int64]:
        """`n` counts of multiply-accumulates of the members' networks for one image, without building them.

        Convolutions and linear layers count, and an addition per bias of a linear layer, as in NAS-Bench-201's own
        figures; batch norm, pooling, additions and activations don't.

        Args:
            graphs: members.
            options: fields of `network_config`.

        Raises:
            InvalidArchitecture: a graph is not a member.
            InvalidInput: an option does not exist or is out of range.
        """
        return self._macs(*self._checked(graphs, options))

    def network_options(self, **options: Any) -> NetworkConfig:
        """The configuration of a network with these options; the rest is as in the space's paper.

        Raises:
            InvalidInput: an option does not exist or is out of range, or the space has no networks.
        """
        if self.network_config is None:
            raise InvalidInput(
                f"no network can be made of architectures of {self.name}: that takes a space of cells whose file names "
                "a block for each operation under [ops]; scores can also come from a table or a function of yours"
            )
        return self.network_config.of(options)

    def blueprint(self, arch: Architecture, **options: Any) -> Blueprint:
        """All that it takes to make a network of `arch`.

        Raises:
            InvalidInput: an option does not exist or is out of range, or `arch` is of another space.
        """
        config = self.network_options(**options)
        self._check_own(arch)
        return self._blueprint(arch, config)

    def _checked(self, graphs: Graphs, options: dict[str, Any]) -> tuple[Graphs, NetworkConfig]:
        config = self.network_options(**options)
        self._check_members(graphs)
        return self.normalise(graphs), config

    def _params(self, graphs: Graphs, config: Any) -> NDArray[np.int64]:
        """`params` for normalised members."""
        raise NotImplementedError

    def _macs(self, graphs: Graphs, config: Any) -> NDArray[np.int64]:
        """`macs` for normalised members."""
        raise NotImplementedError

    def _blueprint(self, arch: Architecture, config: Any) -> Blueprint:
        """`blueprint` for an own architecture."""
        raise NotImplementedError

    def drawing_cells(self, graph: Graphs) -> list[drawing.Cell]:
        """What to draw for one graph: one labelled cell, or several."""
        return [drawing.cell_of_graph(graph, self.op_names)]

    def _check_members(self, graphs: Graphs) -> None:
        valid = self.validate(graphs)
        if not valid.all():
            first = int(np.flatnonzero(~valid)[0])
            raise InvalidArchitecture(f"graph {first} is not a member of {self.name}: {self.explain(graphs[first])}")

    def _check_own(self, arch: Architecture) -> None:
        check_same_space(self, arch.space)

    def _check_count(self, n: int) -> None:
        if n < 1:
            raise InvalidInput(f"n must be at least 1, got {n}")

    def __repr__(self) -> str:
        about = "" if self.exact_size else "about "
        return f"<SearchSpace {self.name}: {self.kind}, {about}{self.size:,} architectures>"


def check_same_space(wanted: SearchSpace, found: SearchSpace) -> None:
    """Makes sure that architectures of one space are architectures of the other.

    Raises:
        InvalidInput: the spaces have different names, or are defined differently.
    """
    if wanted is found or wanted.identity == found.identity:
        return
    if wanted.name == found.name:
        raise InvalidInput(f"two different spaces are called {wanted.name}: the definition was changed in between")
    raise InvalidInput(f"an architecture of {wanted.name} is needed, got one of {found.name}")
