"""What constraints across parts may speak of, and its values in members."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from archllm.config import did_you_mean
from archllm.graphs import Graphs
from archllm.spaces.base import SearchSpace
from archllm.spaces.constraints import Constraint, Term
from archllm.spaces.parameters import INACTIVE

Index = slice | NDArray[np.int64] | NDArray[np.bool_]


@dataclass(frozen=True)
class Atom:
    """A word of a part that a constraint speaks of."""

    part: int
    """The number of the part."""

    term: Term
    """Its value, a function of what the part's space describes members by."""


class ProductVocabulary:
    """What the parts' own vocabularies have, behind the name of the part and a dot.

    `scale.width` is short for `scale.slot.width`, and `cell.conv3x3` for `cell.count("conv3x3")`. The terms are
    functions of `Described`.

    Args:
        parts: name -> space.
    """

    def __init__(self, parts: Mapping[str, SearchSpace]) -> None:
        self.parts, self.atoms = parts, list[Atom]()

    def name(self, parts: tuple[str, ...]) -> Term:
        part, *inner = parts
        space = self._space(part)
        if not inner or space.vocabulary is None:
            raise LookupError(f"{part} is a part; a constraint says PART.WORD, such as {part}.{self._example(space)}")
        words = tuple(inner)
        if getattr(space, "slots", None) and words[0] != "slot":
            words = ("slot", *words)
        ops: tuple[str, ...] = getattr(space.vocabulary, "ops", ())

        def look() -> Term:
            vocabulary = space.vocabulary
            assert vocabulary is not None
            try:
                return vocabulary.name(words)
            except LookupError:
                if len(words) == 1 and words[0] in ops:
                    return vocabulary.call("count", words)
                raise

        return self._taken(part, look)

    def call(self, function: str, arguments: tuple[float | str | bool, ...]) -> Term:
        part, dot, inner = function.partition(".")
        if not dot:
            known = ", ".join(self.parts)
            raise LookupError(f"{function} is asked of a part, as in PART.{function}(...); parts are {known}")
        space = self._space(part)
        vocabulary = space.vocabulary
        if vocabulary is None:
            raise LookupError(f"a constraint can't speak of {part}")
        return self._taken(part, lambda: vocabulary.call(inner, arguments))

    def _space(self, part: str) -> SearchSpace:
        if part not in self.parts:
            near = did_you_mean(part, list(self.parts))
            raise LookupError(f"there is no part {part!r}{f'; {near}' if near else '.'} Known: {', '.join(self.parts)}")
        return self.parts[part]

    def _example(self, space: SearchSpace) -> str:
        slots: Mapping[str, Any] = getattr(space, "slots", {})
        return next(iter(slots)) if slots else 'count("NAME")'

    def _taken(self, part: str, look: Callable[[], Term]) -> Term:
        """The term of a part as one of the whole."""
        try:
            inner = look()
        except LookupError as error:
            raise LookupError(f"of {part}: {error.args[0]}") from error
        number, at = len(self.atoms), list(self.parts).index(part)
        self.atoms.append(Atom(at, inner))
        needs = frozenset({number}) if inner.needs else frozenset[int]()
        steps = max(inner.steps, len(inner.reads))
        return Term(
            inner.type, lambda batch: batch.value(number), inner.words, reads=frozenset({at}), needs=needs, steps=steps
        )


@dataclass(frozen=True)
class Described:
    """`n` members as constraints see them: by the values of what is spoken of."""

    n: int
    """How many."""

    values: Mapping[int, NDArray[Any]]
    """Number of an atom -> its `n` values."""

    inactive: Mapping[int, NDArray[np.bool_]] = field(default_factory=dict)
    """Number of an atom that may have no value -> where it has none."""

    @classmethod
    def of(cls, atoms: Sequence[Atom], spaces: Sequence[SearchSpace], parts: Sequence[Graphs]) -> Self:
        """Of `n` members.

        Args:
            atoms: what is spoken of.
            spaces: the spaces of the parts.
            parts: `n` normalised graphs of each part.
        """
        spoken = {atom.part for atom in atoms}
        batches = {at: spaces[at].described(parts[at]) for at in spoken}
        return cls(
            len(parts[0]),
            {number: value_of(atom, batches[atom.part]) for number, atom in enumerate(atoms)},
            {number: inactive_of(atom, batches[atom.part]) for number, atom in enumerate(atoms) if atom.term.needs},
        )

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: Index) -> Described:
        n = len(np.arange(self.n)[index])
        return Described(
            n,
            {number: values[index] for number, values in self.values.items()},
            {number: values[index] for number, values in self.inactive.items()},
        )

    def value(self, number: int) -> NDArray[Any]:
        """`n` values of an atom."""
        return self.values[number]


def value_of(atom: Atom, batch: Any) -> NDArray[Any]:
    """`n` values of an atom; whatever where it has none."""
    with np.errstate(all="ignore"):
        return np.asarray(atom.term.values(batch))


def inactive_of(atom: Atom, batch: Any) -> NDArray[np.bool_]:
    """`n` booleans: where an atom has no value."""
    found: NDArray[np.bool_] = (batch[:, sorted(atom.term.needs)] == INACTIVE).any(1)
    return found


def fulfilled(constraint: Constraint, members: Described) -> NDArray[np.bool_]:
    """`n` booleans: whether a constraint holds; it does where it names an inactive slot."""
    held = constraint.holds(members)
    for number in constraint.term.needs:
        held = held | members.inactive[number]
    return held
