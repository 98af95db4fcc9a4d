"""SearchSpace, the contract every search space fulfils, and Architecture, one member of one space."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm import drawing
from archllm.errors import FormatError, InvalidArchitecture, InvalidInput
from archllm.graphs import Graphs, concatenate
from archllm.operations import Operation, Role, by_name
from archllm.spaces.constraints import Vocabulary
from archllm.spaces.definition import ClassDefinition, Definition
from archllm.spaces.network_interface import ExportFormat, Networks
from archllm.spaces.parameters import Parameters
from archllm.spaces.sizes import written_size
from archllm.spaces.texts.values import written

_ENDS = ("input", "output")


class SearchSpace(ABC):
    """A set of labelled DAGs: which graphs are members, when two are the same, how they are written.

    Batches travel as `Graphs`; a single member that a person or an objective meets is an `Architecture`.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench201")
        >>> space
        <SearchSpace nasbench201: edge_dag, 15,625 architectures>
        >>> graphs = space.sample(100, np.random.default_rng(0))
        >>> space.validate(graphs).all(), len(np.unique(space.keys(graphs)))
        (np.True_, 100)
    """

    name: str
    """What the space is called on the command line and in run folders."""

    kind: str = "class"
    """The family of spaces it belongs to (a module of `archllm.spaces.kinds`)."""

    op_names: tuple[str, ...]
    """Label `k` of `Graphs.ops` is the operation `op_names[k]`."""

    max_nodes: int
    """Node positions `v` of the space's graphs."""

    file: str | None = None
    """The text of its space file, where it comes from one."""

    origin: str | None = None
    """The path of that file, as it was given."""

    blocks: str | None = None
    """What a training recorded of the blocks that its file names, where it is that of a run folder: a text in JSON,
    which `archllm.networks.record` reads, so that networks are counted without importing the blocks."""

    size: int
    """Number of members, a Python integer of any length."""

    exact_size: bool = True
    """Whether `size` was counted; a large constrained space is estimated from random draws."""

    exact_keys: bool = True
    """Whether different members always have different keys; of more members than 64-bit numbers, keys are fingerprints,
    and two of 10 million are the same with a chance of 3e-6."""

    enumerable: bool
    """Whether `enumerate` can give the whole space at once."""

    counts_writings: bool = False
    """Whether a network that can be written in several ways counts, and is drawn, once for each of them."""

    mutual_neighbours: bool = True
    """Whether a neighbour with as many nodes has the architecture among its own neighbours."""

    slotted: bool = False
    """Whether each node position is a slot with a meaning of its own, so that what a label does depends on where it
    stands, and paths through a graph say nothing."""

    sequential: bool = False
    """Whether members are sequences: node `k` follows node `k - 1`, and there are no edges. Tokenizers and features
    then leave edges out; see `Graphs.unlinked`."""

    vocabulary: Vocabulary | None = None
    """What a constraint can say of a member; `None` where there are no words for it."""

    networks_from: str = "archllm.networks.registry:networks_of"
    """`module:function` that gives `networks` for this space; imported when they are first asked for."""

    made_by: tuple[Callable[..., SearchSpace], tuple[Any, ...]] | None = None
    """The call that makes the space again, an importable function and its arguments: what a pickle of it holds. Set by
    whoever makes the space; without it, a space is pickled like any other object."""

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
    def permute(self, graphs: Graphs, rng: np.random.Generator) -> Graphs:
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
    def member_bytes(self) -> int:
        """Bytes of a member in `Graphs`."""
        return self.max_nodes if self.sequential else self.max_nodes * (self.max_nodes + 1)

    @property
    def identity(self) -> tuple[str, str]:
        """Name and fingerprint of the definition: equal for spaces whose architectures are the same."""
        return self.name, self.definition.fingerprint

    def slot_values(self, graphs: Graphs) -> NDArray[np.float64]:
        """`n x d` numbers chosen in members' slots, as ranks from 0 to 1; `d` is 0 where there are no such slots."""
        return np.zeros((len(graphs), 0))

    @cached_property
    def operations(self) -> Mapping[str, Operation]:
        """What the operations do that labels name; of slots, whose labels are values, none."""
        if not isinstance(self.definition, ClassDefinition):
            return self.definition.operations
        return {} if self.slotted else {name: by_name(name) for name in self.op_names if name not in _ENDS}

    def labels_of(self, *roles: Role) -> list[int]:
        """Labels of operations that do one of these; in slots, where they may do more than their names say, none."""
        known = {} if self.slotted else self.operations
        return [label for label, name in enumerate(self.op_names) if name in known and known[name].role in roles]

    @property
    def key_span(self) -> int | None:
        """Where it is known: what all keys are below; none is negative then."""
        return None

    def described(self, graphs: Graphs) -> Any:
        """What terms of `vocabulary` are functions of, for `n` normalised members; here the graphs."""
        return graphs

    def parted(self, graphs: Graphs) -> list[tuple[SearchSpace, Graphs]]:
        """The spaces that members consist of, and their members in them; here the space itself.

        Args:
            graphs: `n` normalised members.
        """
        return [(self, graphs)]

    @cached_property
    def parameters(self) -> Parameters | None:
        """Members as choices of named parameters, as other optimisers see them; `None` without such a form."""
        return None

    @cached_property
    def definition(self) -> Definition:
        """What defines it, as plain values; for a class of one's own that has no other, where the class is."""
        own = type(self)
        about = (own.__doc__ or "").strip().partition("\n")[0]
        return ClassDefinition(name=own.__name__, about=about, where=f"{own.__module__}:{own.__qualname__}")

    def _define(self, definition: Definition) -> None:
        """Takes over what all kinds of definitions say."""
        self.definition, self.name = definition, definition.name  # in place of the property
        self.made_by = type(self), (definition,)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """A space is pickled as the call that makes it; its look-up tables are made anew where they are needed."""
        return self.made_by or super().__reduce_ex__(protocol)

    @cached_property
    def networks(self) -> Networks | None:
        """Settings, sizes and modules of the members' networks; `None` where no network is made of them."""
        module, _, function = self.networks_from.partition(":")
        found: Networks | None = getattr(import_module(module), function)(self)
        return found

    def require_networks(self) -> Networks:
        """The same where networks can't be done without.

        Raises:
            InvalidInput: no network is made of the space's members.
        """
        if self.networks is None:
            raise InvalidInput(
                f"no network can be made of architectures of {self.name}: that takes a space file that names a block "
                "for each operation of its cells under [ops], or what builds networks of its choices under [network]; "
                "scores can also come from a table or a function of yours"
            )
        return self.networks

    @property
    def ideal_nats(self) -> float:
        """Entropy in nats of a uniform draw, ln(size): what a perfect prior needs per architecture."""
        return math.log(self.size)

    def keys(self, graphs: Graphs) -> NDArray[np.int64]:
        """`n` canonical keys: equal exactly for members that are isomorphic in the space's own sense.

        Where `exact_keys` does not hold they are fingerprints: isomorphic members have equal ones, others by a chance
        of 2^-64.

        Raises:
            InvalidArchitecture: a graph is not a member; the message says which and why.
        """
        self.check_members(graphs)
        return self._keys(graphs)

    def check_members(self, graphs: Graphs) -> None:
        """Makes sure that all graphs are members.

        Raises:
            InvalidArchitecture: one is not; the message says which and why.
        """
        self._refuse_others(graphs, self.validate(graphs))

    def _refuse_others(self, graphs: Graphs, valid: NDArray[np.bool_]) -> None:
        """Raises if a graph is not valid."""
        if not valid.all():
            first = int(np.flatnonzero(~valid)[0])
            raise InvalidArchitecture(f"graph {first} is not a member of {self.name}: {self.explain(graphs[first])}")

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

    def parse(self, text: str | int | Mapping[str, Any] | Sequence[Any]) -> Architecture:
        """Reads an architecture from any text format of the space.

        What a text would say may come as a value, too: an index as a number, `{"matrix": ..., "ops": ...}` with arrays
        or lists, a tuple of numbers, a genotype.

        Raises:
            FormatError: the text can't be read; the message names the position.
            InvalidArchitecture: it can be read and is not a member.
        """
        graph = self._parse(text if isinstance(text, str) else written(text))
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

    def drawing_cells(self, graph: Graphs) -> Sequence[drawing.Drawing]:
        """What to draw for one graph: labelled cells, or a table of choices."""
        return [drawing.cell_of_graph(graph, self.op_names, operations=self.operations)]

    def _check_own(self, arch: Architecture) -> None:
        check_same_space(self, arch.space)

    def _check_count(self, n: int) -> None:
        if n < 1:
            raise InvalidInput(f"n must be at least 1, got {n}")

    def __repr__(self) -> str:
        about = "" if self.exact_size else "about "
        return f"<SearchSpace {self.name}: {self.kind}, {about}{written_size(self.size)} architectures>"


@dataclass(frozen=True, eq=False)
class Architecture:
    """One immutable member of a space. Equal, and of equal hash, exactly when isomorphic.

    Example:
        >>> from archllm.spaces import load_space
        >>> arch = load_space("nasbench201").parse("0")
        >>> arch.official_hash, arch.params, arch.macs
        ('0', 129306, 15647370)
        >>> len(arch.space.neighbours(arch))
        24
    """

    space: SearchSpace
    """The space that it is a member of."""

    graph: Graphs
    """Its normalised graph, a batch of one; its arrays are read-only."""

    key: int
    """Its canonical key in the space."""

    def __post_init__(self) -> None:
        own = self.graph.copy()
        own.ops.setflags(write=False)
        own.adjacency.setflags(write=False)
        object.__setattr__(self, "graph", own)

    @cached_property
    def text(self) -> str:
        """Its text in the space's standard format."""
        return self.space._format(self.graph)

    @property
    def official_hash(self) -> str | None:
        """The identifier that the benchmark itself gives it, if any."""
        return self.space.official_hash(self.graph)

    @cached_property
    def params(self) -> int:
        """Trainable parameters of its network as in the space's paper (CIFAR-10)."""
        return int(self.space.require_networks().params(self.graph)[0])

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of its network as in the space's paper, for one CIFAR-10 image."""
        return int(self.space.require_networks().macs(self.graph)[0])

    def build(self, num_classes: int = 10, channels: int | None = None, **options: Any) -> Any:
        """A new network of this architecture, its weights drawn from torch's generator.

        Args:
            num_classes: classes that are told apart.
            channels: channels of the first cells; by default those of the space's paper.
            options: further fields of the space's network setting, such as `in_channels` or `image_size`.

        Returns:
            A plain `torch.nn.Module`; it maps images `n x c x h x w` to logits `n x classes`.

        Raises:
            InvalidInput: an option does not exist or is out of range.
        """
        networks = self.space.require_networks()
        return networks.build(self.graph, networks.setting(num_classes=num_classes, channels=channels, **options))

    def export(
        self,
        path: str | Path,
        to: ExportFormat | None = None,
        *,
        weights: Any = None,
        seed: int = 0,
        opset: int | None = None,
        **options: Any,
    ) -> Any:
        """Writes its network as a file that other tools read, after making sure that it computes the same.

        Args:
            path: file to write; an existing one is replaced.
            to: `python` (one standalone file), `torch` (a `torch.export` program), `onnx`, `executorch` or `tflite`; by
                default as the file ends: `.py`, `.pt2`, `.onnx`, `.pte`, `.tflite`.
            weights: a safetensors file or a trained network; by default fresh weights.
            seed: seed of fresh weights.
            opset: version of ONNX' operators, for older runtimes.
            options: fields of the space's network setting.

        Returns:
            An `archllm.networks.export.Exported`: the file, its size, how far its outputs are off.

        Raises:
            InvalidInput: an option does not exist or is out of range, or the weights are those of another network.
            ExportError: the file can't be written, or computes something else.
            MissingExtra: what the form needs is not installed.
        """
        networks = self.space.require_networks()
        setting = networks.setting(**options)
        return networks.export(self.graph, path, to, setting=setting, weights=weights, seed=seed, opset=opset)

    def svg(self) -> str:
        """A layered drawing as one SVG document."""
        return drawing.to_svg(self.space.drawing_cells(self.graph))

    def dot(self) -> str:
        """The cell in Graphviz' DOT language."""
        return drawing.to_dot(self.space.drawing_cells(self.graph))

    def _repr_svg_(self) -> str:
        return self.svg()

    def __reduce__(self) -> Any:
        return Architecture, (self.space, self.graph, self.key)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Architecture)
            and self.key == other.key
            and (self.space is other.space or self.space.identity == other.space.identity)
        )

    def __hash__(self) -> int:
        return hash((self.space.name, self.key))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Architecture of {self.space.name}: {self.text}>"


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
