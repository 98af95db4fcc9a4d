"""Counts: how many networks a grammar has, by dynamic programming over sizes and depths.

Let `E_h(c, s)` be the elements of class `c` with `s` blocks and at most `h` joins within one another, and `R_h(q, s)`
the rows of such elements that lead the automaton from its beginning to state `q`. Then

    E_0(c, 1)     = blocks of class c
    R_h(q, s)     = sum over c, a and p with step(p, c) = q of R_h(p, s - a) E_h(c, a)
    E_{h+1}(c, s) = E_0(c, s) + joins of class c whose branches, with s blocks in all, are rows of depth h

and, as the automaton has one run for each network, nothing is counted twice. Branches without an order are multisets:
`k` of `n` rows of the same class and size make (n + k - 1 choose k). All sums are paths of `Paths`, so each network
also has a number, and drawing is picking one. Where the number of blocks is not limited, an element counts as one block
whatever it holds, which leaves few sizes to tell apart.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

from archllm.errors import DefinitionError
from archllm.spaces.kinds.grammar.automaton import DEAD, Automaton, Shape, passes
from archllm.spaces.kinds.grammar.paths import START, Paths, multisets
from archllm.spaces.kinds.grammar.rules import NEVER, Rules

MOST_STEPS = 300_000
"""Most steps of counting: about a second and a quarter of a gigabyte. Shipped grammars take up to 53,199."""

_NEVER = -(1 << 40)  # labels of what does not occur


class Level:
    """Counts up to some depth: elements, and rows of them."""

    def __init__(self) -> None:
        self.elements = Paths()  # START -> (class, size), by where they come from
        self.sizes: dict[int, dict[int, int]] = {}  # class of elements -> size -> most labels
        self.joined: dict[Any, Paths] = {}  # what the joins among the elements are made of
        self.rows = Paths()  # START -> (state, size), by elements
        self.of_class = Paths()  # START -> (class of rows, size), by state
        self.row_sizes: dict[int, dict[int, int]] = {}  # class of rows -> size -> most labels as a branch
        self.sorted_rows: dict[tuple[int, int], Paths] = {}  # (class of rows, how many) -> multisets of them

    def add(self, number: int, size: int, source: Any, choices: int, labels: int) -> None:
        self.elements.add(START, source, choices, (number, size))
        longest = self.sizes.setdefault(number, {})
        longest[size] = max(longest.get(size, _NEVER), labels)

    def counts(self) -> dict[tuple[int, int], int]:
        return {(c, s): self.elements.count((c, s)) for c, sizes in self.sizes.items() for s in sizes}


class Multiset(NamedTuple):
    """Where joins without an order come from: the classes of their branches, ascending."""

    shape: Shape
    rows: tuple[int, ...]


class Counts:
    """How many networks rules derive.

    Args:
        rules: the rules.
        automaton: their deterministic reader.

    Raises:
        DefinitionError: the limits leave nothing, or counting takes too long.
    """

    def __init__(self, rules: Rules, automaton: Automaton) -> None:
        self.rules, self.automaton = rules, automaton
        definition = rules.definition
        self.most = NEVER if definition.max_blocks is None else definition.max_blocks
        self._steps = 0
        self.levels: list[Level] = []
        self._longest: dict[tuple[int, int], int] = {}
        level = self._with_rows(self._blocks(Level()))
        while True:
            self.levels.append(level)
            if len(self.levels) - 1 == definition.max_depth:
                break
            following = self._joins(self._blocks(Level()), level)
            if following.counts() == level.counts():
                break
            level = self._with_rows(following)
        self.networks = Paths()
        self.longest = 0
        last = self.levels[-1]
        for number, sizes in last.row_sizes.items():
            if self.automaton.is_network(number):
                for size in sizes:
                    if size:
                        self.networks.add(START, (number, size), last.of_class.count((number, size)), "network")
                        self.longest = max(self.longest, self._longest[number, size])
        self.size = self.networks.count("network")
        if not self.size:
            raise DefinitionError(
                "these limits leave no network: allow more joins within one another, or more blocks",
                "max_depth" if definition.max_depth is not None else "max_blocks",
            )

    # --- counting ----------------------------------------------------------------------------------------------------

    def _count(self, steps: int = 1) -> None:
        self._steps += steps
        if self._steps > MOST_STEPS:
            limited = self.rules.definition.max_blocks is not None
            raise DefinitionError(
                f"counting its networks takes too long: lower {'max_blocks or ' * limited}max_depth, or write fewer "
                "rules that can stand for the same",
                "max_blocks" if limited else "rules",
            )

    def weight(self, blocks: int) -> int:
        """What so many blocks count as."""
        return blocks if self.most < NEVER else min(blocks, 1)

    def _blocks(self, level: Level) -> Level:
        for number, names in self.automaton.groups.items():
            level.add(number, 1, None, len(names), 1)
        return level

    def _with_rows(self, level: Level) -> Level:
        """Counts rows of a level's elements, by ascending size: every element has a block at least."""
        automaton, rows = self.automaton, level.rows
        beginning = automaton.beginning
        rows.add(START, None, 1, (beginning, 0))
        # node -> most labels of rows of no element, of one, and of several
        longest: dict[tuple[int, int], list[int]] = {(beginning, 0): [0, _NEVER, _NEVER]}
        waiting: dict[int, dict[int, None]] = {0: {beginning: None}}
        while waiting:
            size = min(waiting)
            for state in waiting.pop(size):
                none, one, several = longest[state, size]
                for number, sizes in level.sizes.items():
                    self._count()
                    after = automaton.step(state, number)
                    if after == DEAD:
                        continue
                    for more, labels in sizes.items():
                        total = size + more
                        if total > self.most:
                            continue
                        self._count()
                        rows.add((state, size), (number, more), level.elements.count((number, more)), (after, total))
                        waiting.setdefault(total, {})[after] = None
                        best = longest.setdefault((after, total), [_NEVER] * 3)
                        best[1] = max(best[1], none + labels)
                        best[2] = max(best[2], one + labels, several + labels)
        self._longest = {}
        for (state, size), (none, one, several) in longest.items():
            number, counted = automaton.row_class[state], self.weight(size)
            if number != DEAD:
                level.of_class.add(START, (state, size), rows.count((state, size)), (number, counted))
                found = level.row_sizes.setdefault(number, {})
                found[counted] = max(found.get(counted, _NEVER), none + 1, one, several + 2)
                whole = max(none, one, several)
                self._longest[number, counted] = max(self._longest.get((number, counted), 0), whole)
        return level

    def _joins(self, level: Level, below: Level) -> Level:
        """Adds joins whose branches are rows of the level below."""
        for shape in self.automaton.shapes:
            if self.automaton.unordered(shape):
                self._without_order(shape, level, below)
            else:
                self._in_order(shape, level, below)
        return level

    def _in_order(self, shape: Shape, level: Level, below: Level) -> None:
        automaton, (_, branches, times) = self.automaton, shape
        paths = level.joined[shape] = Paths()
        first = frozenset(automaton.shapes[shape])
        nodes: dict[Any, int] = {START: 1}  # node -> most labels
        for place in range(branches):
            useful = automaton.useful(shape, place)
            candidates = [number for number in below.row_sizes if automaton.goals_of[number] & useful]
            following: dict[Any, int] = {}
            for node, labels in nodes.items():
                for number in candidates:
                    self._count()
                    after = self.step(shape, node, place, first, number)
                    if after is None:
                        continue
                    for size, more in below.row_sizes[number].items():
                        total = (0 if node is START else node[3]) + size
                        if self.weight(total * times) > self.most:
                            continue
                        self._count()
                        target = (*after, total)
                        paths.add(node, (number, size), below.of_class.count((number, size)), target)
                        following[target] = max(following.get(target, _NEVER), labels + more)
            nodes = following
        for node, labels in nodes.items():
            _, symbols, opened, size = node
            if size and (not opened or passes(opened)):
                weight = self.weight(size * times)
                level.add(automaton.class_of(symbols), weight, (shape, node), paths.count(node), labels)

    def step(
        self, shape: Shape, node: Any, place: int, first: frozenset[int], number: int
    ) -> tuple[int, frozenset[int], tuple[bool, ...]] | None:
        """What is known of a join after one branch more: joins of the rules that it can be, edges that are open."""
        symbols, opened = (first, ()) if node is START else (node[1], node[2])
        left = self.automaton.narrowed(symbols, place, number)
        if not left:
            return None
        masked = shape[0] == "cell" and self.automaton.zero_goal >= 0
        return place + 1, left, (*opened, not self.automaton.is_zero(number)) if masked else ()

    def _without_order(self, shape: Shape, level: Level, below: Level) -> None:
        automaton, (_, branches, _times) = self.automaton, shape
        useful = automaton.useful(shape, 0)
        candidates = sorted(number for number in below.row_sizes if automaton.goals_of[number] & useful)
        for rows in combinations_with_replacement(candidates, branches):
            self._count()
            joined = automaton.join(shape, rows)
            if joined == DEAD:
                continue
            source = Multiset(shape, rows)
            paths = level.joined[source] = Paths()
            nodes: dict[Any, int] = {START: 0}
            for place, (number, many) in enumerate(sorted(Counter(rows).items()), start=1):
                sets, ends = self._sets(below, number, many)
                following: dict[Any, int] = {}
                for node, labels in nodes.items():
                    for size, more in ends.items():
                        total = (0 if node is START else node[1]) + size
                        if total > self.most:
                            continue
                        self._count()
                        paths.add(node, (number, many, size), sets.count((many, size)), (place, total))
                        following[place, total] = max(following.get((place, total), _NEVER), labels + more)
                nodes = following
            for (place, size), labels in nodes.items():
                if size:
                    made = source, (place, size)
                    level.add(joined, self.weight(size), made, paths.count((place, size)), labels + 1)

    def _sets(self, below: Level, number: int, many: int) -> tuple[Paths, dict[int, int]]:
        """Multisets of rows of one class by their blocks in all, which are taken size by size; most labels of each."""
        sizes = below.row_sizes[number]
        paths = Paths()
        nodes: dict[Any, int] = {START: 0}
        for size, labels in sorted(sizes.items()):
            following: dict[Any, int] = {}
            for node, most in nodes.items():
                had, total = (0, 0) if node is START else node[1:]
                for more in range(many - had + 1):
                    if total + more * size > self.most:
                        break
                    self._count()
                    choices = multisets(below.of_class.count((number, size)), more)
                    target = size, had + more, total + more * size
                    paths.add(node, (size, more), choices, target)
                    following[target] = max(following.get(target, _NEVER), most + more * labels)
            nodes = following
        ends: dict[int, int] = {}
        for node, most in nodes.items():
            if node[1] == many:
                paths.add(node, None, 1, (many, node[2]))
                ends[node[2]] = most
        below.sorted_rows[number, many] = paths
        return paths, ends
