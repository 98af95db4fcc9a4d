"""choices: named slots, one value chosen for each.

As a graph, the slots are a chain of nodes between one input and one output; a node's label is the value. Slots that
constraints or conditions join stand side by side, in the order of the definition, so that a tokenizer that makes codes
of neighbouring nodes can learn what goes together. A slot whose condition does not hold is inactive, and labelled
so.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archllm.drawing import Slot, Table
from archllm.errors import DefinitionError, FormatError
from archllm.graphs import Graphs
from archllm.spaces.constraints import Constraint, compile_constraints
from archllm.spaces.constraints.meaning import compile_constraint
from archllm.spaces.definition import ChoicesDefinition, Value, text_of
from archllm.spaces.kinds.assignments import Assignments
from archllm.spaces.kinds.components import Choices as Rows
from archllm.spaces.kinds.components import joined
from archllm.spaces.kinds.fixed_topology import FixedTopology
from archllm.spaces.kinds.symmetries import Group, sorted_in_all
from archllm.spaces.kinds.vocabularies import ChoiceVocabulary, numbers_of
from archllm.spaces.parameters import INACTIVE, Parameter, Parameters, holds
from archllm.spaces.texts import slots as texts

_TRIED = 5_000  # members in which interchangeable slots change places for a test
MOST_SWITCHED = 4_096
"""An edit that activates slots whose values have more combinations is no neighbour's, nor is its reverse."""


class Choices(FixedTopology):
    """A space of tuples of values, one for each named slot.

    Labels are `0` input, then the values of all slots, each text once, then `off` if slots can be inactive, then
    output.

    Args:
        definition: slots, their conditions, and constraints.

    Raises:
        DefinitionError: it defines no space that can be worked with.

    Example:
        >>> space = Choices(ChoicesDefinition(name="tiny", slots={"depth": (1, 2), "norm": ("batch", "layer")}))
        >>> space.values_of(space.parse("[depth=2 norm=layer]").graph)
        {'depth': 2, 'norm': 'layer'}
    """

    kind = "choices"
    slotted = True
    definition: ChoicesDefinition

    def __init__(self, definition: ChoicesDefinition) -> None:
        self._define(definition)
        constraints, conditions = self._compiled(definition, tuple(definition.slots))
        orders = [order for group in self._groups(definition) for order in group.orders()]
        parts = joined(len(definition.slots), [*constraints, *orders], conditions)
        names = tuple(self.slot_names[slot] for part in parts for slot in part)
        constraints, conditions = self._compiled(definition, names)
        self.groups = self._groups(definition)
        self.value_texts = {slot: tuple(map(text_of, values)) for slot, values in self.slots.items()}
        self.synonyms = {
            slot: {word: text_of(value) for word, value in words.items()} for slot, words in definition.same.items()
        }
        words = tuple(dict.fromkeys(text for values in self.value_texts.values() for text in values))
        self.op_names = ("input", *words, *["off"] * bool(definition.when), "output")
        radices = [len(values) for values in self.slots.values()]
        self._check_symmetric(radices, constraints, conditions)
        assignments = Assignments(radices, constraints, conditions, self.groups)
        off = self.op_names.index("off") if conditions else 0
        labels = [
            [self.op_names.index(text) for text in self.value_texts[name]] + [off] * (slot in conditions)
            for slot, name in enumerate(self.slot_names)
        ]
        chain = np.eye(len(labels) + 2, k=1, dtype=np.bool_)
        self._arrange(chain, labels, assignments)

    def _compiled(
        self, definition: ChoicesDefinition, names: tuple[str, ...]
    ) -> tuple[Sequence[Constraint], dict[int, Constraint]]:
        """Constraints and conditions of slots in that order, which becomes the space's own."""
        self.slot_names, self.slots = names, {slot: tuple(definition.slots[slot]) for slot in names}
        self.vocabulary = ChoiceVocabulary(self.slots)
        conditions = {
            names.index(slot): self._condition(slot, text, self.vocabulary) for slot, text in definition.when.items()
        }
        return compile_constraints(definition.constraints, self.vocabulary, "constraints"), conditions

    def _condition(self, slot: str, text: str, vocabulary: ChoiceVocabulary) -> Constraint:
        try:
            condition = compile_constraint(text, vocabulary)
        except FormatError as error:
            raise DefinitionError(str(error), "when", slot) from error
        own = self.slot_names.index(slot)
        if not condition.term.reads:
            raise DefinitionError("this condition speaks of no slot", "when", slot)
        later = [self.slot_names[other] for other in sorted(condition.term.reads) if other >= own]
        if later:
            raise DefinitionError(f"may speak of slots above {slot} only, and {later[0]} is not one", "when", slot)
        return condition

    def _groups(self, definition: ChoicesDefinition) -> list[Group]:
        """Interchangeable slots, in the space's own order of slots."""
        found = []
        for units in definition.interchangeable:
            slots = [[self.slot_names.index(slot) for slot in unit.split()] for unit in units]
            radices = [len(definition.slots[slot]) for slot in units[0].split()]
            found.append(Group(np.array(slots, dtype=np.int64), tuple(radices)))
        return found

    def _check_symmetric(
        self, radices: list[int], constraints: Sequence[Constraint], conditions: dict[int, Constraint]
    ) -> None:
        """Makes sure that interchangeable units can change places in whatever is a member.

        Raises:
            DefinitionError: they can't, in a random one.
        """
        if not self.groups:
            return
        plain = Assignments(radices, constraints, conditions)
        rows = plain.sample(_TRIED, np.random.default_rng(0))
        for number, group in enumerate(self.groups):
            for unit in range(len(group.units) - 1):
                wrong = np.flatnonzero(~plain.contains(group.swapped(rows, unit)))
                if len(wrong):
                    broken = plain.broken(group.swapped(rows[wrong[:1]], unit))
                    what = ""
                    if broken is not None:
                        kind, at = broken
                        what = constraints[at].text if kind == "constraint" else conditions[at].text
                    first, second = self.definition.interchangeable[number][unit : unit + 2]
                    raise DefinitionError(
                        f"{first} and {second} can't change places: `{what}` would no longer hold, or no longer be the "
                        "same; what orders them is not needed where they are interchangeable",
                        "interchangeable",
                        number,
                    )

    def _canonical(self, choices: Rows) -> Rows:
        return sorted_in_all(self.groups, choices)

    def normalise(self, graphs: Graphs) -> Graphs:
        found = super().normalise(graphs)
        if not self.groups or not len(found):
            return found
        rows = np.flatnonzero(self.validate(found))
        normal = self.graphs_of(self._canonical(self.choices_of(found[rows])))
        ops = found.ops.copy()
        ops[rows, : self.max_nodes] = normal.ops
        return Graphs(ops, found.adjacency)

    def permute(self, graphs: Graphs, rng: np.random.Generator) -> Graphs:
        if not self.groups:
            return super().permute(graphs, rng)
        choices = self.choices_of(graphs)
        for group in self.groups:
            choices = group.shuffled(choices, rng)
        return self.graphs_of(choices).padded(graphs.nodes)

    def values_of(self, graph: Graphs) -> dict[str, Value]:
        """Slot -> value of one member, in the order of the definition; slots that are inactive are left out."""
        chosen = dict(zip(self.slot_names, self.choices_of(graph)[0], strict=True))
        return {slot: self.slots[slot][chosen[slot]] for slot in self.definition.slots if chosen[slot] != INACTIVE}

    def columns(self, graphs: Graphs) -> dict[str, NDArray[np.float64]]:
        """Slot of numbers -> `n` values of members; NaN where it is inactive."""
        chosen = self.choices_of(graphs)
        return {
            slot: numbers_of(values)[chosen[:, at]]
            for at, (slot, values) in enumerate(self.slots.items())
            if not isinstance(values[0], str)
        }

    def slot_values(self, graphs: Graphs) -> NDArray[np.float64]:
        """`n x d` ranks of the values of slots of numbers; 0.5 where a slot is inactive."""
        columns = []
        for slot, values in self.columns(graphs).items():
            listed = np.unique(np.array(self.slots[slot], dtype=np.float64))
            if len(listed) > 1:
                rank = np.searchsorted(listed, values) / (len(listed) - 1)
                columns.append(np.where(np.isnan(values), 0.5, rank))
        return np.stack(columns, axis=1) if columns else super().slot_values(graphs)

    @cached_property
    def parameters(self) -> Parameters:
        each = (Parameter(name, values) for name, values in self.slots.items())
        return Parameters(tuple(each), self.graphs_of, self.choices_of, self.assignments.conditions)

    def _parse(self, text: str) -> Graphs:
        found = texts.parse_slots(text, self.value_texts, self.synonyms)
        missing = [
            name
            for slot, name in enumerate(self.slot_names)
            if name not in found and slot not in self.assignments.conditions
        ]
        if missing:
            raise FormatError(f"the slot {missing[0]!r} is missing", text, len(text.rstrip()) - 1)
        return self.graphs_of(np.array([[found.get(name, INACTIVE) for name in self.slot_names]]))

    def _format(self, graph: Graphs) -> str:
        return texts.format_slots({slot: text_of(value) for slot, value in self.values_of(graph).items()})

    def _wanted(self, slot: int) -> str:
        name = self.slot_names[slot]
        return f"a value of {name} ({', '.join(self.value_texts[name])})"

    def _broken(self, choices: Rows) -> str:
        found = self.assignments.broken(choices)
        if found is not None and found[0] == "condition":
            name = self.slot_names[found[1]]
            state = "is missing" if choices[0, found[1]] == INACTIVE else "must be left out"
            holds = "holds" if state == "is missing" else "does not hold"
            return f"the slot {name} {state}: its condition `{self.assignments.conditions[found[1]].text}` {holds}"
        always = [slot for slot in range(len(self.slot_names)) if slot not in self.assignments.conditions]
        lost = [slot for slot in always if choices[0, slot] == INACTIVE]
        return f"the slot {self.slot_names[lost[0]]} is missing" if lost else super()._broken(choices)

    def _neighbours(self, graph: Graphs) -> Graphs:
        """Members that differ in the value of one slot, and in the slots that this activates or makes inactive."""
        own = self.choices_of(graph)
        found = [own]
        for slot, radix in enumerate(self.assignments.radices):
            if own[0, slot] == INACTIVE:
                continue
            variants = np.repeat(own, radix, axis=0)
            variants[:, slot] = np.arange(radix)
            found.extend(self._with_conditions_applied(own[0], row) for row in variants)
        return self.graphs_of(np.concatenate(found))

    def _with_conditions_applied(self, own: NDArray[np.int64], changed: NDArray[np.int64]) -> Rows:
        """`changed` with slots activated, in all ways, and made inactive, as conditions say; nothing if too many."""
        rows = changed[None]
        lost = 1
        for slot, condition in sorted(self.assignments.conditions.items()):
            radix = int(self.assignments.radices[slot])
            on, was_on = holds(condition, rows), own[slot] != INACTIVE
            rows = rows.copy()
            rows[~on, slot] = INACTIVE
            lost *= radix if was_on and not on.all() else 1
            opened = on & (not was_on)
            if opened.any():
                wide = np.repeat(rows[opened], radix, axis=0)
                wide[:, slot] = np.tile(np.arange(radix), int(opened.sum()))
                rows = np.concatenate([rows[~opened], wide])
            if max(len(rows), lost) > MOST_SWITCHED:
                return rows[:0]
        return rows

    def drawing_cells(self, graph: Graphs) -> list[Table]:
        chosen = self.values_of(graph)
        return [Table(tuple(self._drawn(slot, chosen.get(slot)) for slot in self.definition.slots))]

    def _drawn(self, slot: str, value: Value | None) -> Slot:
        """A slot of the drawing; the bar of a number ends where it stands among the slot's numbers."""
        if value is None:
            return Slot(slot, None)
        if isinstance(value, bool):
            return Slot(slot, text_of(value), float(value))
        numbers = [each for each in self.slots[slot] if not isinstance(each, str)]
        share = (sorted(numbers).index(value) + 1) / len(numbers) if not isinstance(value, str) else None
        return Slot(slot, text_of(value), share)
