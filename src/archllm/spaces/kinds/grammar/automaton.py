"""Automaton: which strings of a grammar derive a network, decided in one pass from the leaves up.

A grammar may derive one network in many ways. Counting derivations would count it as often, so the grammar is made
deterministic, as a tree automaton is by its subset construction (Comon et al., Tree Automata Techniques and
Applications, 2008, section 1.1), and each network has exactly one run:

- the *class* of an element is the set of blocks and joins of the rules that derive it;
- elements in a row are read from left to right; the *state* is the set of all (goal, rest) such that what was read can
  be the beginning of what the goal derives, with `rest` still to come: the subset construction on leftmost derivations;
- the class of a row is the set of goals whose rest is empty.

States are made when they are first needed. Rests that need more blocks than are allowed are dropped, which also ends
left recursion.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import permutations

from archllm.errors import DefinitionError
from archllm.spaces.kinds.grammar.rules import NEVER, BlockGroup, Join, Rule, Rules, String

MOST_STATES = 10_000
"""Most states, counted with what is in each, before a grammar is refused."""

MOST_RESTS = 1_000_000
"""Most rests of all states together."""

DEAD = 0
"""The state, and the class, of what nothing derives."""

Shape = tuple[str, int, int]
"""What joins have in common that can derive the same: operation, number of branches, repeats."""


class Automaton:
    """The deterministic reader of what rules derive.

    Args:
        rules: the rules.

    Raises:
        DefinitionError: it needs too many states.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        limit = rules.definition.max_blocks
        self.most = NEVER - 1 if limit is None else limit
        self._commutative = frozenset(rules.definition.commutative)
        self._classes: dict[frozenset[int], int] = {frozenset(): DEAD}
        self.members: list[frozenset[int]] = [frozenset()]  # symbols of each class of elements
        self._rows: dict[frozenset[int], int] = {frozenset(): DEAD}
        self.goals_of: list[frozenset[int]] = [frozenset()]  # goals of each class of rows
        self._states: dict[frozenset[tuple[int, String]], int] = {frozenset(): DEAD}
        self._rests: list[frozenset[tuple[int, String]]] = [frozenset()]
        self.row_class: list[int] = [DEAD]  # of each state
        self._steps: dict[tuple[int, int], int] = {}
        self._joined: dict[tuple[Shape, tuple[int, ...]], int] = {}
        self._held = 0

        self.block_class: dict[str, int] = {}
        self.groups: dict[int, tuple[str, ...]] = {}  # class of a group -> its blocks
        self.shapes: dict[Shape, list[int]] = {}
        goals: dict[String, int] = {(rules.start,): 0}
        for number, symbol in enumerate(rules.symbols):
            if isinstance(symbol, BlockGroup):
                own = self._class([number])
                self.groups[own] = symbol.names
                self.block_class |= dict.fromkeys(symbol.names, own)
            elif isinstance(symbol, Join):
                shape = symbol.op, len(symbol.goals), symbol.times
                self.shapes.setdefault(shape, []).append(number)
                for goal in symbol.goals:
                    goals.setdefault(goal, len(goals))
        self.zero_goal = -1
        if rules.definition.zero in self.block_class:
            (zero,) = self.members[self.block_class[rules.definition.zero]]
            self.zero_goal = goals.setdefault((zero,), len(goals))
        self._goals = goals
        self._goal_numbers = {
            number: tuple(goals[goal] for goal in symbol.goals)
            for number, symbol in enumerate(rules.symbols)
            if isinstance(symbol, Join)
        }
        self.beginning = self._state(self._closed((number, goal) for goal, number in goals.items()))

    # --- elements in a row -------------------------------------------------------------------------------------------

    def step(self, state: int, element: int) -> int:
        """The state after one element more, given its class."""
        found = self._steps.get((state, element))
        if found is None:
            symbols = self.members[element]
            rests = ((goal, rest[1:]) for goal, rest in self._rests[state] if rest and rest[0] in symbols)
            found = self._steps[state, element] = self._state(self._closed(rests))
        return found

    def is_network(self, row: int) -> bool:
        """Whether the start derives rows of that class."""
        return 0 in self.goals_of[row]

    def is_zero(self, row: int) -> bool:
        """Whether rows of that class are the block that passes nothing on, alone."""
        return self.zero_goal in self.goals_of[row]

    def _closed(self, rests: Iterable[tuple[int, String]]) -> frozenset[tuple[int, String]]:
        """All rests that begin with an element, or are empty, after rules in front are replaced by alternatives."""
        rules = self.rules
        seen: set[tuple[int, String]] = set()
        closed: list[tuple[int, String]] = []
        waiting = list(rests)
        while waiting:
            item = waiting.pop()
            if item in seen or rules.least_of(item[1]) > self.most:
                continue
            seen.add(item)
            goal, rest = item
            if not rest or not isinstance(rules.symbols[rest[0]], Rule):
                closed.append(item)
                continue
            waiting.extend((goal, string + rest[1:]) for string in rules.alternatives[rest[0]])
            if len(seen) > MOST_STATES:
                raise self._too_large()
        return frozenset(closed)

    def _state(self, rests: frozenset[tuple[int, String]]) -> int:
        found = self._states.get(rests)
        if found is None:
            found = self._states[rests] = len(self._rests)
            self._rests.append(rests)
            self._held += len(rests)
            accepted = frozenset(goal for goal, rest in rests if not rest)
            row = self._rows.setdefault(accepted, len(self.goals_of))
            if row == len(self.goals_of):
                self.goals_of.append(accepted)
            self.row_class.append(row)
            if len(self._rests) > MOST_STATES or self._held > MOST_RESTS:
                raise self._too_large()
        return found

    def _too_large(self) -> DefinitionError:
        limit = "" if self.rules.definition.max_blocks is None else "max_blocks, or "
        return DefinitionError(
            f"telling apart what these rules derive takes more than {MOST_STATES:,} states: lower {limit}write rules "
            "with fewer ways to derive the same row of blocks",
            "rules",
        )

    # --- joins -------------------------------------------------------------------------------------------------------

    def join(self, shape: Shape, rows: tuple[int, ...]) -> int:
        """The class of a join, given the classes of its branches; `DEAD` if no rule derives it."""
        key = shape, tuple(sorted(rows)) if shape[0] in self._commutative else rows
        found = self._joined.get(key)
        if found is None:
            if len(self._joined) > MOST_STATES:
                self._joined.clear()
            alive = self._deriving(*key)
            if shape[0] == "cell" and not passes([not self.is_zero(row) for row in rows]):
                alive = []
            found = self._joined[key] = self._class(alive)
        return found

    def unordered(self, shape: Shape) -> bool:
        """Whether branches of such joins have no order."""
        return shape[0] in self._commutative

    def useful(self, shape: Shape, place: int) -> frozenset[int]:
        """Goals of a branch of such joins; of an unordered one, of any branch."""
        numbers = [self._goal_numbers[symbol] for symbol in self.shapes[shape]]
        if self.unordered(shape):
            return frozenset(goal for goals in numbers for goal in goals)
        return frozenset(goals[place] for goals in numbers)

    def narrowed(self, symbols: frozenset[int], place: int, row: int) -> frozenset[int]:
        """Those of some joins whose branch at a place derives rows of that class."""
        goals = self.goals_of[row]
        return frozenset(symbol for symbol in symbols if self._goal_numbers[symbol][place] in goals)

    def _deriving(self, shape: Shape, rows: tuple[int, ...]) -> list[int]:
        accepted = [self.goals_of[row] for row in rows]
        orders = set(permutations(range(len(rows)))) if self.unordered(shape) else {tuple(range(len(rows)))}
        return [
            symbol
            for symbol in self.shapes.get(shape, ())
            if any(
                all(goal in accepted[at] for goal, at in zip(self._goal_numbers[symbol], order, strict=True))
                for order in orders
            )
        ]

    def class_of(self, symbols: frozenset[int]) -> int:
        """The class of elements that these derive."""
        return self._class(symbols)

    def _class(self, symbols: Iterable[int]) -> int:
        wanted = frozenset(symbols)
        found = self._classes.setdefault(wanted, len(self.members))
        if found == len(self.members):
            self.members.append(wanted)
        return found


def passes(open_edges: Sequence[bool]) -> bool:
    """Whether something gets from the first node of a complete DAG to its last, edges being listed target by target.

    Example:
        >>> passes([True, False, True]), passes([True, False, False])
        (True, False)
    """
    reached, target, edge = [True], 1, 0
    while edge < len(open_edges):
        reached.append(any(open_edges[edge + source] and reached[source] for source in range(target)))
        edge += target
        target += 1
    return reached[-1]
