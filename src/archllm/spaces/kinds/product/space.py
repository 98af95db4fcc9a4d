"""product: several parts in one architecture, each a member of a space of any other kind.

A cell, and the widths and depths of the network around it, are the usual parts. A graph holds those of the parts one
after the other, see `layout`; constraints across parts speak of each in the words of its kind, see `vocabulary`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm import drawing
from archllm.errors import DefinitionError, FormatError, InvalidInput, NotEnumerable
from archllm.graphs import ABSENT, Graphs, concatenate
from archllm.spaces.base import Architecture, SearchSpace
from archllm.spaces.constraints import Constraint, compile_constraints
from archllm.spaces.fingerprints import EXACT_BELOW, fingerprints
from archllm.spaces.kinds.product.combinations import Combinations
from archllm.spaces.kinds.product.definition import ProductDefinition
from archllm.spaces.kinds.product.layout import Layout
from archllm.spaces.kinds.product.texts import join_parts, split_parts
from archllm.spaces.kinds.product.vocabulary import ProductVocabulary
from archllm.spaces.limits import fits
from archllm.spaces.parameters import Parameter, Parameters
from archllm.spaces.sizes import written_size
from archllm.spaces.texts.values import written


class Product(SearchSpace):
    r"""A space of combinations of members of several spaces.

    Two architectures are the same when all of their parts are. Neighbours differ in one part, by one step of its space.

    Args:
        definition: parts and constraints.
        load: gives the space of a part, of its definition or its name.

    Raises:
        DefinitionError: it defines no space that can be worked with.

    Example:
        >>> from archllm.spaces.registry import space_of_text
        >>> text = 'kind = "product"\n[parts.cell]\nspace = "nasbench201"\n[parts.scale]\nkind = "choices"\n'
        >>> space = space_of_text(text + "[parts.scale.slots]\nwidth = [16, 32]\ndepth = [1, 2, 3]", "scaled.toml")
        >>> space.size, space.parse("scale: [width=16 depth=2]; cell: 0").text[:6]
        (93750, 'cell: ')
    """

    kind = "product"
    slotted = True
    definition: ProductDefinition

    def __init__(self, definition: ProductDefinition, load: Callable[[Any], SearchSpace]) -> None:
        self._define(definition)
        self.made_by = type(self), (definition, load)
        self.parts = {part: _loaded(part, each, load) for part, each in definition.parts.items()}
        self.spaces = tuple(self.parts.values())
        self.layout = Layout(self.parts)
        self.op_names, self.max_nodes = self.layout.names, self.layout.nodes
        self.sequential = not self.layout.linked
        words = ProductVocabulary(self.parts)
        self.constraints = compile_constraints(definition.constraints, words, "constraints")
        self._atoms = words.atoms
        self.mutual_neighbours = all(space.mutual_neighbours for space in self.spaces)
        self.counts_writings = any(space.counts_writings for space in self.spaces)
        for key, value in definition.network.items():
            self._check_network(key, value)

    def _check_network(self, key: str, value: str | tuple[str, ...]) -> None:
        """Makes sure that [network] speaks of what there is.

        Raises:
            DefinitionError: it does not.
        """
        if key == "cell":
            if value not in self.parts:
                raise DefinitionError(f"names a part ({', '.join(self.parts)}), found {value!r}", "network", key)
            return
        if "cell" not in self.definition.network:
            raise DefinitionError('name the part that is the cell: cell = "…"', "network")
        for slot in (value,) if isinstance(value, str) else value:
            self.slot(slot, key)

    def slot(self, name: str, key: str) -> tuple[int, int, tuple[Any, ...]]:
        """Number of the part, place in it, and values of a slot that a size of networks is read from.

        Args:
            name: `PART.SLOT`.
            key: the size.

        Raises:
            DefinitionError: there is no such slot, or it is no size, or not there in every member.
        """
        part, _, slot = name.partition(".")
        values: Mapping[str, Any] = getattr(self.parts.get(part), "slots", {})
        if slot not in values:
            raise DefinitionError(f"names a slot of a part of choices as 'PART.SLOT', found {name!r}", "network", key)
        space: Any = self.parts[part]
        if slot in space.definition.when:
            raise DefinitionError(f"{name} is left out of some members, and a network needs it", "network", key)
        if not all(type(each) is int and each >= 1 for each in values[slot]):
            raise DefinitionError(
                f"must be read from whole numbers of at least 1, and {name} has {', '.join(map(str, values[slot]))}",
                "network",
                key,
            )
        return list(self.parts).index(part), space.slot_names.index(slot), tuple(values[slot])

    # --- size, keys --------------------------------------------------------------------------------------------------

    @cached_property
    def combinations(self) -> Combinations:
        """What goes together."""
        return Combinations(self.spaces, self._atoms, self.constraints)

    @property
    def size(self) -> int:  # type: ignore[override]
        """Number of members."""
        return self.combinations.size

    @property
    def exact_size(self) -> bool:  # type: ignore[override]
        """Whether `size` was counted; where a part can't be enumerated that constraints speak of, it is estimated."""
        return self.combinations.exact

    @property
    def enumerable(self) -> bool:  # type: ignore[override]
        """Whether the whole space can be enumerated."""
        return self.combinations.enumerable and fits(self.size, self.max_nodes)

    @cached_property
    def _spans(self) -> list[int] | None:
        """What the parts' keys, or ranks of keys, are below, if they and their product are 64-bit numbers."""
        spans = [
            space.key_span or (space.size if space.enumerable else None) if space.exact_keys else None
            for space in self.spaces
        ]
        known = [span for span in spans if span is not None]
        return known if len(known) == len(spans) and math.prod(known) < EXACT_BELOW else None

    @property
    def exact_keys(self) -> bool:  # type: ignore[override]
        """Whether keys are mixed radix numbers of the parts' keys."""
        return self._spans is not None

    @property
    def key_span(self) -> int | None:
        return math.prod(self._spans) if self._spans is not None else None

    @cached_property
    def _sorted_keys(self) -> dict[int, NDArray[np.int64]]:
        """Number of a part whose keys have no known bound -> all of them, ascending."""
        return {
            at: np.sort(space.keys(self.combinations.listed(at)))
            for at, space in enumerate(self.spaces)
            if space.key_span is None and self._spans is not None
        }

    def _keys(self, graphs: Graphs) -> NDArray[np.int64]:
        return self._keys_of([space._keys(part) for space, part in self.parted(graphs)])

    def _keys_of(self, keys: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        """`n` keys, of those of each part."""
        if self._spans is None:
            return fingerprints(np.stack(keys, axis=1))
        found = np.zeros(len(keys[0]), dtype=np.int64)
        for at, (own, span) in enumerate(zip(keys, self._spans, strict=True)):
            rank = np.searchsorted(self._sorted_keys[at], own) if at in self._sorted_keys else own
            found = found * span + rank
        return found

    # --- members -----------------------------------------------------------------------------------------------------

    def parted(self, graphs: Graphs) -> list[tuple[SearchSpace, Graphs]]:
        return list(zip(self.spaces, self.layout.taken_apart(self.layout.cut(graphs)), strict=True))

    def enumerate(self) -> Graphs:
        if not self.enumerable:
            raise NotEnumerable(
                f"{self.name} has {written_size(self.size)} members, too many to enumerate; use sample(n, rng)"
            )
        return self.layout.put_together(self.combinations.enumerate())

    def sample(self, n: int, rng: np.random.Generator) -> Graphs:
        self._check_count(n)
        return self.layout.put_together(self.combinations.sample(n, rng))

    def validate(self, graphs: Graphs) -> NDArray[np.bool_]:
        valid = ~self.layout.misplaced(graphs)
        for space, part in self.parted(graphs):
            rows = np.flatnonzero(valid)
            valid[rows] = space.validate(part[rows])
        if self.constraints:
            rows = np.flatnonzero(valid)
            valid[rows] = self.combinations.hold(self._normal(graphs[rows]))
        return valid

    def _normal(self, members: Graphs) -> list[Graphs]:
        """The normalised parts of graphs whose parts are members."""
        return [space.normalise(part) for space, part in self.parted(members)]

    def explain(self, graph: Graphs) -> str | None:
        if self.validate(graph)[0]:
            return None
        used = int((graph.ops[0] != ABSENT).sum())
        if used != self.max_nodes or (graph.ops[0, : self.max_nodes] == ABSENT).any():
            return f"a member has {self.max_nodes} nodes, those of all parts, found {used}"
        if self.layout.misplaced(graph)[0]:
            return "edges lead from one part to another"
        for name, (space, part) in zip(self.parts, self.parted(graph), strict=True):
            reason = space.explain(part)
            if reason is not None:
                return f"{name}: {reason}"
        broken = self.combinations.broken(self._normal(graph))
        assert broken is not None
        return f"the constraint `{broken.text}` does not hold"

    def normalise(self, graphs: Graphs) -> Graphs:
        valid = self.validate(graphs)
        normal = self.layout.put_together(self._normal(graphs[valid]))
        if valid.all():
            return normal
        wide = graphs.padded(max(graphs.nodes, self.max_nodes))
        ops = wide.ops.copy()
        ops[valid, : self.max_nodes] = normal.ops
        if wide.edgeless and normal.edgeless:
            return Graphs.unlinked(ops)
        edges = wide.adjacency.copy()
        edges[valid, : self.max_nodes, : self.max_nodes] = normal.adjacency
        return Graphs(ops, edges)

    def permute(self, graphs: Graphs, rng: np.random.Generator) -> Graphs:
        parts = [space.permute(part, rng) for space, part in self.parted(graphs)]
        return self.layout.put_together(parts).padded(max(graphs.nodes, self.max_nodes))

    def _neighbours(self, graph: Graphs) -> Graphs:
        own = [part for _, part in self.parted(graph)]
        found = [graph]
        for at, space in enumerate(self.spaces):
            near = space._neighbours(own[at])
            near = space.normalise(near[space.validate(near)])
            if len(near):
                there = np.zeros(len(near), dtype=np.int64)
                parts = [near if other == at else part[there] for other, part in enumerate(own)]
                found.append(self.layout.put_together(parts))
        return concatenate(found)

    # --- texts, features, drawings -----------------------------------------------------------------------------------

    def parse(self, text: str | int | Mapping[str, Any] | Sequence[Any]) -> Architecture:
        """As for all spaces; also `{"cell": …, "scale": …}`, with what each part's space reads."""
        if isinstance(text, Mapping):
            text = join_parts(
                {str(part): each if isinstance(each, str) else written(each) for part, each in text.items()}
            )
        return super().parse(text)

    def _parse(self, text: str) -> Graphs:
        found = split_parts(text, list(self.parts))
        graphs = []
        for name, space in self.parts.items():
            part = found[name]
            try:
                graph = space._parse(part.text)
            except FormatError as error:
                raise FormatError(f"{name}: {error.message}", text, part.position + error.position) from error
            reason = space.explain(graph)
            if reason is not None:
                raise FormatError(f"{name}: {reason}", text, part.position)
            graphs.append(space.normalise(graph))
        return self.layout.put_together(graphs)

    def _format(self, graph: Graphs) -> str:
        return join_parts(
            {name: space._format(part) for name, (space, part) in zip(self.parts, self.parted(graph), strict=True)}
        )

    def other_names(self, graph: Graphs) -> dict[str, Any]:
        """Further names of the parts, behind the name of the part and a dot."""
        return {
            f"{name}.{key}": value
            for name, (space, part) in zip(self.parts, self.parted(graph), strict=True)
            for key, value in space.other_names(part).items()
        }

    def slot_values(self, graphs: Graphs) -> NDArray[np.float64]:
        return np.concatenate([space.slot_values(part) for space, part in self.parted(graphs)], axis=1)

    @cached_property
    def parameters(self) -> Parameters | None:
        own = [space.parameters for space in self.spaces]
        known = [each for each in own if each is not None]
        if len(known) < len(own):
            return None
        widths = [len(each.each) for each in known]
        starts = np.cumsum([0, *widths]).tolist()
        each = [
            Parameter(f"{name}.{parameter.name}", parameter.values)
            for name, part in zip(self.parts, known, strict=True)
            for parameter in part.each
        ]
        conditions = {
            start + at: _moved(condition, start)
            for start, part in zip(starts, known, strict=False)
            for at, condition in part.conditions.items()
        }

        def graphs(choices: NDArray[np.int64]) -> Graphs:
            cut = [choices[:, start : start + width] for start, width in zip(starts, widths, strict=False)]
            return self.layout.put_together([part.graphs(own) for part, own in zip(known, cut, strict=True)])

        def choices(members: Graphs) -> NDArray[np.int64]:
            parts = zip(known, self.parted(members), strict=True)
            return np.concatenate([part.choices(graph) for part, (_, graph) in parts], axis=1)

        return Parameters(tuple(each), graphs, choices, conditions)

    def drawing_cells(self, graph: Graphs) -> list[drawing.Drawing]:
        """The parts, side by side, headed by their names."""
        drawn = []
        for name, (space, part) in zip(self.parts, self.parted(graph), strict=True):
            for each in space.drawing_cells(part):
                drawn.append(replace(each, title=f"{name}: {each.title}" if each.title else name))
        return drawn


def _loaded(part: str, definition: Any, load: Callable[[Any], SearchSpace]) -> SearchSpace:
    try:
        space = load(definition)
    except DefinitionError as error:
        raise DefinitionError(error.message, "parts", part, *error.key) from error
    except InvalidInput as error:
        raise DefinitionError(str(error), "parts", part, "space") from error
    if isinstance(space, Product):
        raise DefinitionError(f"{definition!r} has parts itself: name them here", "parts", part, "space")
    return space


def _moved(condition: Constraint, by: int) -> Constraint:
    """A condition on choices that stand further back."""
    term = condition.term
    moved = replace(
        term,
        values=lambda batch: term.values(batch[:, by:]),
        reads=frozenset(at + by for at in term.reads),
        needs=frozenset(at + by for at in term.needs),
    )
    return replace(condition, term=moved)
