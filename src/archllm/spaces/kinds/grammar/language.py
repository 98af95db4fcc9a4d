"""Language: the networks of a grammar, numbered; drawing one is picking a number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from archllm.spaces.kinds.grammar.automaton import Automaton
from archllm.spaces.kinds.grammar.counting import Counts, Multiset
from archllm.spaces.kinds.grammar.paths import START, rank_multiset, unrank_multiset
from archllm.spaces.kinds.grammar.rules import Rules
from archllm.spaces.kinds.grammar.terms import Element, Row, Terms

MOST_KEPT = 1_000
"""Most rows of a class and a size for each to be kept once it was made: most branches are of few kinds."""

MOST_RANKED = 50_000
"""Most joins, and most of their branches, of a depth whose number is kept once it was found: they come again."""


class Language:
    """The networks of a grammar, numbered `0 … size - 1`.

    Args:
        rules: the rules.

    Raises:
        DefinitionError: the limits leave nothing, or counting takes too long.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules, self.automaton = rules, Automaton(rules)
        self.terms = Terms(rules, self.automaton)
        self.counts = Counts(rules, self.automaton)
        self.size, self.longest, self.levels = self.counts.size, self.counts.longest, self.counts.levels
        # depth -> labels -> number, of joins and of rows within them
        self._joins: list[dict[tuple[int, ...], int]] = [{} for _ in self.levels]
        self._branches: list[dict[tuple[int, ...], int]] = [{} for _ in self.levels]
        # depth -> (class of rows, size) -> number -> the row, where rows are few
        self._kept: list[dict[tuple[int, int], dict[int, Row]]] = [
            {
                (row, size): {}
                for row, sizes in level.row_sizes.items()
                for size in sizes
                if level.of_class.count((row, size)) <= MOST_KEPT
            }
            for level in self.levels
        ]

    # --- from numbers to networks ------------------------------------------------------------------------------------

    def unrank(self, number: int) -> Row:
        """The network of a number."""
        (((row, size), number),) = self.counts.networks.unrank("network", number)
        return self._row(len(self.levels) - 1, row, size, number)

    def _row(self, depth: int, row: int, size: int, number: int) -> Row:
        kept = self._kept[depth].get((row, size))
        if kept is None:
            return self._made(depth, row, size, number)
        found = kept.get(number)
        if found is None:
            found = kept[number] = self._made(depth, row, size, number)
        return found

    def _made(self, depth: int, row: int, size: int, number: int) -> Row:
        level = self.levels[depth]
        ((node, number),) = level.of_class.unrank((row, size), number)
        letters = level.rows.unrank(node, number)[1:]
        return self.terms.row([self._element(depth, element, blocks, choice) for (element, blocks), choice in letters])

    def _element(self, depth: int, number: int, size: int, choice: int) -> Element:
        level = self.levels[depth]
        ((source, choice),) = level.elements.unrank((number, size), choice)
        if source is None:
            return self.terms.block(self.automaton.groups[number][choice])
        made, node = source
        if isinstance(made, Multiset):
            rows: list[Row] = []
            for (row, many, total), which in level.joined[made].unrank(node, choice):
                rows += self._sorted_rows(depth - 1, row, many, total, which)
            return self.terms.join(made.shape, rows)
        shape = made
        letters = level.joined[shape].unrank(node, choice)
        return self.terms.join(shape, [self._row(depth - 1, row, part, which) for (row, part), which in letters])

    def _sorted_rows(self, depth: int, row: int, many: int, total: int, choice: int) -> list[Row]:
        rows = []
        for letter, which in self.levels[depth].sorted_rows[row, many].unrank((many, total), choice):
            if letter is not None:
                size, more = letter
                rows += [self._row(depth, row, size, number) for number in unrank_multiset(which, more)]
        return rows

    # --- from networks to numbers ------------------------------------------------------------------------------------

    def rank(self, row: Row) -> int:
        """The number of a network in canonical form."""
        number = self._rank_row(len(self.levels) - 1, row)
        return self.counts.networks.rank([(START, (row.number, self.counts.weight(row.size)), "network", number)])

    def _rank_branch(self, depth: int, row: Row) -> int:
        return _remembered(self._branches[depth], row.labels, lambda: self._rank_row(depth, row))

    def _rank_row(self, depth: int, row: Row) -> int:
        level, automaton = self.levels[depth], self.automaton
        node = automaton.beginning, 0
        steps: list[Any] = [(START, None, node, 0)]
        for element in row.elements:
            size = self.counts.weight(element.size)
            after = automaton.step(node[0], element.number), node[1] + size
            steps.append((node, (element.number, size), after, self._rank_element(depth, element)))
            node = after
        own = row.number, self.counts.weight(row.size)
        return level.of_class.rank([(START, node, own, level.rows.rank(steps))])

    def _rank_element(self, depth: int, element: Element) -> int:
        level, own = self.levels[depth], (element.number, self.counts.weight(element.size))
        if element.shape is None:
            name = self.terms.names[element.labels[0]]
            choice = self.automaton.groups[element.number].index(name)
            return level.elements.rank([(START, None, own, choice)])
        return _remembered(self._joins[depth], element.labels, lambda: self._rank_join(depth, element))

    def _rank_join(self, depth: int, element: Element) -> int:
        assert element.shape is not None
        level, own = self.levels[depth], (element.number, self.counts.weight(element.size))
        if self.automaton.unordered(element.shape):
            return self._rank_multiset(depth, element)
        paths, node, steps = level.joined[element.shape], START, []
        first, total = frozenset(self.automaton.shapes[element.shape]), 0
        for place, row in enumerate(element.rows):
            after = self.counts.step(element.shape, node, place, first, row.number)
            assert after is not None
            size = self.counts.weight(row.size)
            total += size
            target = (*after, total)
            steps.append((node, (row.number, size), target, self._rank_branch(depth - 1, row)))
            node = target
        return level.elements.rank([(START, (element.shape, node), own, paths.rank(steps))])

    def _rank_multiset(self, depth: int, element: Element) -> int:
        assert element.shape is not None
        level = self.levels[depth]
        source = Multiset(element.shape, tuple(sorted(row.number for row in element.rows)))
        steps, node, total = [], START, 0
        for place, (number, many) in enumerate(sorted(Counter(source.rows).items()), start=1):
            alike = [row for row in element.rows if row.number == number]
            size = sum(self.counts.weight(row.size) for row in alike)
            total += size
            target = place, total
            steps.append((node, (number, many, size), target, self._rank_sorted(depth - 1, number, alike)))
            node = target
        choice = level.joined[source].rank(steps)
        own = element.number, self.counts.weight(element.size)
        return level.elements.rank([(START, (source, node), own, choice)])

    def _rank_sorted(self, depth: int, number: int, rows: list[Row]) -> int:
        level = self.levels[depth]
        steps: list[Any] = []
        node: Any = START
        had = total = 0
        for size in sorted(level.row_sizes[number]):
            alike = [self._rank_branch(depth, row) for row in rows if self.counts.weight(row.size) == size]
            had, total = had + len(alike), total + size * len(alike)
            target = size, had, total
            steps.append((node, (size, len(alike)), target, rank_multiset(alike)))
            node = target
        steps.append((node, None, (had, total), 0))
        return level.sorted_rows[number, len(rows)].rank(steps)

    # --- drawing -----------------------------------------------------------------------------------------------------

    def draw(self, n: int, rng: np.random.Generator) -> list[Row]:
        """`n` independent networks, exactly uniform."""
        return [self.unrank(below(self.size, rng)) for _ in range(n)]


def _remembered(known: dict[tuple[int, ...], int], labels: tuple[int, ...], find: Callable[[], int]) -> int:
    """A number that was found before, or is found now."""
    found = known.get(labels)
    if found is None:
        if len(known) >= MOST_RANKED:
            known.clear()
        found = known[labels] = find()
    return found


def below(bound: int, rng: np.random.Generator) -> int:
    """A uniform integer `0 … bound - 1`, of any length.

    Example:
        >>> below(10**40, np.random.default_rng(0)) < 10**40
        True
    """
    # Rejection: of the numbers with as many bits as bound - 1, more than half are below the bound.
    bits = (bound - 1).bit_length()
    while True:
        found = int.from_bytes(rng.bytes((bits + 7) // 8), "little") & ((1 << bits) - 1)
        if found < bound:
            return found
