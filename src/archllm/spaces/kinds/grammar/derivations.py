"""Derivations: how many there are, and which rule derives a network in several ways.

A grammar is ambiguous if a network has several derivations that differ in more than the order of branches without one.
Members are counted and drawn once each whatever their derivations, but those who wrote the rules may want to know.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import numpy as np

from archllm.spaces.kinds.grammar.language import Language
from archllm.spaces.kinds.grammar.rules import BlockGroup, Join, Rule, Rules, String
from archllm.spaces.kinds.grammar.terms import Element, Row, clipped

MOST_PRODUCTS = 100_000
"""Most products of counting derivations."""

MOST_RULES = 100
"""Most rules of a grammar whose members are derived again."""

_MEMBERS = 100  # members that are derived again, random ones where there are more
_MOST_ELEMENTS = 100  # in a row of them
_MOST_SPANS = 50_000  # parts of their rows

Sizes = tuple[int, ...]
"""Derivations by their blocks; without a limit on blocks, of none and of some."""


class _TooMany(Exception):
    """Counting would take too long."""


def count_derivations(rules: Rules) -> int | None:
    """How many derivations of networks there are under the limits on blocks and joins; `None` if that takes too long.

    Unlike members, they count as often as there are ways to derive the same, and those count that make a `cell` which
    nothing gets through.

    Example:
        >>> from archllm.spaces.kinds.grammar.definition import GrammarDefinition
        >>> alternatives = {"net": ("a", "sequence(net, net)")}
        >>> definition = GrammarDefinition(name="tiny", rules=alternatives, blocks=("a",), max_blocks=3)
        >>> count_derivations(Rules(definition))  # a, aa, and aaa as (aa)a and a(aa)
        4
    """
    try:
        return sum(_Counting(rules).networks()[1:])
    except _TooMany:
        return None


class _Counting:
    def __init__(self, rules: Rules) -> None:
        self.rules, self.users, self.products = rules, rules.users(), 0
        limit = rules.definition.max_blocks
        self.most = 1 if limit is None else limit
        self.saturated = limit is None
        self.none: Sizes = (0,) * (self.most + 1)
        self.empty: Sizes = (1, *(0,) * self.most)

    def networks(self) -> Sizes:
        deepest, depth = self.rules.definition.max_depth, 0
        known = self._level(None)
        while depth != deepest:
            following = self._level(known)
            if following == known:
                break
            known, depth = following, depth + 1
        return known[self.rules.start]

    def _level(self, below: dict[int, Sizes] | None) -> dict[int, Sizes]:
        """Rule -> its derivations with one join more within one another, as a fixed point from nothing."""
        known = dict.fromkeys(self.rules.alternatives, self.none)
        waiting = dict.fromkeys(reversed(self.rules.alternatives))
        while waiting:
            rule = next(iter(waiting))
            del waiting[rule]
            found = self._sum([self._of(string, known, below) for string in self.rules.alternatives[rule]])
            if found != known[rule]:
                known[rule] = found
                waiting |= dict.fromkeys(self.users[rule])
        return known

    def _of(self, string: String, known: dict[int, Sizes], below: dict[int, Sizes] | None) -> Sizes:
        total = self.empty
        for number in string:
            symbol = self.rules.symbols[number]
            if isinstance(symbol, Rule):
                factor = known[number]
            elif isinstance(symbol, BlockGroup):
                factor = (0, len(symbol.names), *(0,) * (self.most - 1))
            elif below is None:
                return self.none
            else:
                factor = self.empty
                for goal in symbol.goals:
                    factor = self._product(factor, self._of(goal, below, below))
                factor = self._times(factor, symbol.times)
            total = self._product(total, factor)
        return total

    def _product(self, left: Sizes, right: Sizes) -> Sizes:
        self.products += 1
        if self.products > MOST_PRODUCTS:
            raise _TooMany
        found = [0] * (self.most + 1)
        for a, some in enumerate(left):
            for b, others in enumerate(right) if some else ():
                total = min(a + b, 1) if self.saturated else a + b
                if total <= self.most:
                    found[total] += some * others
        return tuple(found)

    def _times(self, counts: Sizes, times: int) -> Sizes:
        if self.saturated or times == 1:
            return counts
        return tuple(0 if size % times else counts[size // times] for size in range(self.most + 1))

    def _sum(self, parts: Sequence[Sizes]) -> Sizes:
        return tuple(map(sum, zip(*parts, strict=True)))


def ambiguity(language: Language) -> tuple[str, str] | None:
    """A rule that derives something in several ways, and what; `None` if no member that was looked at shows one."""
    if len(language.rules.alternatives) > MOST_RULES:
        return None
    derived = _Deriving(language)
    few = language.size <= _MEMBERS
    rows = map(language.unrank, range(language.size)) if few else language.draw(_MEMBERS, np.random.default_rng(0))
    for row in rows:
        try:
            several = derived.ways((language.rules.start,), row) > 1
        except _TooMany:
            return None
        if several and derived.found is not None:
            rule, text, ways = derived.found
            return language.rules.name(rule), f"derives {text!r} in {ways} ways; if that is not meant, leave one out"
    return None


class _Deriving:
    """Counts derivations of given members, each part of a row once, and keeps the innermost that has several."""

    def __init__(self, language: Language) -> None:
        self.rules, self.terms, self.automaton = language.rules, language.terms, language.automaton
        self.found: tuple[int, str, int] | None = None
        self._spans = 0
        self._rows: dict[tuple[String, tuple[int, ...]], int] = {}

    def ways(self, goal: String, row: Row) -> int:
        """Derivations of a row from a goal."""
        found = self._rows.get((goal, row.labels))
        if found is None:
            if len(row.elements) > _MOST_ELEMENTS:
                raise _TooMany
            found = self._rows[goal, row.labels] = self._of(goal, row.elements, 0, len(row.elements), {})
        return found

    def _of(
        self,
        string: String,
        elements: tuple[Element, ...],
        start: int,
        end: int,
        known: dict[tuple[String, int, int], int],
    ) -> int:
        """Derivations of the elements `start … end - 1` from a string."""
        if not string:
            return int(start == end)
        key = string, start, end
        if key in known:
            return known[key]
        self._spans += 1
        if self._spans > _MOST_SPANS:
            raise _TooMany
        first, rest = string[0], string[1:]
        symbol = self.rules.symbols[first]
        total = 0
        if not isinstance(symbol, Rule):
            if start < end and (ways := self._element(symbol, elements[start])):
                total = ways * self._of(rest, elements, start + 1, end, known)
        elif rest:
            # A part that has a block has an element, so that nothing is asked of itself: rules don't go round.
            before, after = (int(self.rules.least_of(part) > 0) for part in ((first,), rest))
            for middle in range(start + before, end + 1 - after):
                ways = self._of((first,), elements, start, middle, known)
                total += ways and ways * self._of(rest, elements, middle, end, known)
        else:
            total = sum(self._of(each, elements, start, end, known) for each in self.rules.alternatives[first])
            if total > 1 and self.found is None:
                text = clipped(self.terms.text(self.terms.row(elements[start:end])))
                self.found = first, text, total
        known[key] = total
        return total

    def _element(self, symbol: BlockGroup | Join, element: Element) -> int:
        if isinstance(symbol, BlockGroup):
            return int(element.shape is None and self.terms.names[element.labels[0]] in symbol.names)
        if element.shape != (symbol.op, len(symbol.goals), symbol.times):
            return 0
        if not self.automaton.unordered(element.shape):
            return self._product(symbol.goals, element.rows)
        # Orders that give goals the same branches are one derivation.
        orders: dict[Any, int] = {}
        for order in set(permutations(range(len(element.rows)))):
            rows = [element.rows[at] for at in order]
            pairs = tuple(sorted((goal, row.labels) for goal, row in zip(symbol.goals, rows, strict=True)))
            if pairs not in orders:
                orders[pairs] = self._product(symbol.goals, rows)
        return sum(orders.values())

    def _product(self, goals: Sequence[String], rows: Sequence[Row]) -> int:
        total = 1
        for goal, row in zip(goals, rows, strict=True):
            total *= self.ways(goal, row)
            if not total:
                break
        return total
