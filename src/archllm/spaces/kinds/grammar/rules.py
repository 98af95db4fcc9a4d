"""Rules: a grammar's alternatives as strings of symbols.

Nested sequences are flattened and `identity` is the empty sequence, so an alternative is a string of symbols, each a
rule, a block, or a join. A join has one such string, its *goal*, for each branch. `residual(x)` is `add(x, identity)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from archllm.config import did_you_mean
from archllm.errors import DefinitionError, FormatError, shown
from archllm.spaces.kinds.grammar.definition import GrammarDefinition
from archllm.spaces.texts.expressions import IDENTITY, Expression, parse_expression

MOST_SYMBOLS = 200_000
"""Most symbols of all alternatives together."""

LONGEST = 2_000
"""Most characters of an alternative."""

NEVER = 1 << 40
"""Blocks of what no derivation ends."""

String = tuple[int, ...]
"""Symbols, one after the other."""


@dataclass(frozen=True)
class Rule:
    """A symbol that stands for any of its alternatives."""

    name: str
    """What the file calls it."""


@dataclass(frozen=True)
class BlockGroup:
    """A symbol for blocks that are alternatives of one another wherever they occur."""

    names: tuple[str, ...]
    """The blocks."""


@dataclass(frozen=True)
class Join:
    """A symbol for what puts branches together."""

    op: str
    """`add`, `concat`, `cell`, or `repeat`."""

    goals: tuple[String, ...]
    """What each branch derives."""

    times: int = 1
    """How often `repeat` makes its part."""

    @property
    def label(self) -> str:
        """How texts of nodes write it."""
        return f"repeat*{self.times}" if self.op == "repeat" else f"{self.op}/{len(self.goals)}"


Symbol = Rule | BlockGroup | Join


class Rules:
    """The rules of a definition.

    Args:
        definition: the grammar.

    Raises:
        DefinitionError: an alternative can't be read; the error's key leads to the line.
    """

    def __init__(self, definition: GrammarDefinition) -> None:
        self.definition = definition
        self.symbols: list[Symbol] = []
        self._numbers: dict[Symbol, int] = {}
        self.groups = self._grouped()
        self._size = 0
        self._rule_numbers = {name: self._number(Rule(name)) for name in definition.rules}
        self.alternatives: dict[int, list[String]] = {}
        for name, texts in definition.rules.items():
            self.alternatives[self._rule_numbers[name]] = self._read(name, texts)
        self.start = self._rule_numbers[definition.start]
        self._costs: dict[int, int] = {}  # fewest blocks of symbols, once those of all rules are known
        self.least = self._least_blocks()
        self._costs = {symbol: self._least(symbol) for symbol in range(len(self.symbols))}

    # --- reading -----------------------------------------------------------------------------------------------------

    def _grouped(self) -> dict[str, BlockGroup]:
        """Block -> its group: blocks whose alternatives are the same but for their names."""
        zero = self.definition.zero
        uses: dict[str, list[tuple[str, str]]] = {block: [] for block in self.definition.all_blocks}
        for rule, texts in self.definition.rules.items():
            for text in texts:
                whole = text.strip()
                if whole in uses:
                    uses[whole].append((rule, ""))
                else:
                    for block in uses:
                        if block in text:
                            uses[block].append((rule, text))
        alike: dict[Any, list[str]] = {}
        for block, found in uses.items():
            alone = block == zero or any(text for _, text in found)
            alike.setdefault((block,) if alone else (block in self.definition.downsampling, *found), []).append(block)
        return {block: BlockGroup(tuple(names)) for names in alike.values() for block in names}

    def _number(self, symbol: Symbol) -> int:
        if symbol not in self._numbers:
            self._numbers[symbol] = len(self.symbols)
            self.symbols.append(symbol)
        return self._numbers[symbol]

    def _read(self, rule: str, texts: Sequence[str]) -> list[String]:
        strings: dict[String, int] = {}
        grouped: set[str] = set()
        for number, text in enumerate(texts):
            if len(text) > LONGEST:
                raise DefinitionError(f"an alternative has at most {LONGEST:,} characters", "rules", rule, number)
            try:
                expression = parse_expression(text)
                string = self._string(expression, text)
            except FormatError as error:
                raise DefinitionError(str(error), "rules", rule, number) from error
            if self._size > MOST_SYMBOLS:
                raise DefinitionError(f"all alternatives together name at most {MOST_SYMBOLS:,} parts", "rules")
            if string in strings:
                first = texts[strings[string]]
                if expression.name not in self.groups or expression.name in grouped or expression.parts:
                    raise DefinitionError(
                        f"{shown(text)} derives the same as {shown(first)}; leave one out", "rules", rule, number
                    )
            if expression.name in self.groups and not expression.parts:
                grouped.add(expression.name)
            strings.setdefault(string, number)
        return list(strings)

    def _string(self, expression: Expression, text: str) -> String:
        self._size += 1
        name, parts = expression.name, expression.parts
        if name == "sequence":
            return tuple(symbol for part in parts for symbol in self._string(part, text))
        if parts:
            goals = tuple(self._string(part, text) for part in parts)
            if name == "residual":
                name, goals = "add", (*goals, ())
            if name in self.definition.commutative:
                goals = tuple(sorted(goals))
            return (self._number(Join(name, goals, expression.times)),)
        if name == IDENTITY:
            return ()
        if name in self._rule_numbers:
            return (self._rule_numbers[name],)
        if name in self.groups:
            return (self._number(self.groups[name]),)
        near = did_you_mean(name, [*self._rule_numbers, *self.groups])
        raise FormatError(
            f"there is no rule and no block {shown(name)}{f'; {near}' if near else ''}", text, expression.at
        )

    # --- what derives what -------------------------------------------------------------------------------------------

    def inner(self, string: String) -> Iterator[tuple[int, bool]]:
        """Rules that a string names, with whether inside of a join."""
        waiting: list[tuple[String, bool]] = [(string, False)]
        while waiting:
            part, joined = waiting.pop()
            for symbol in part:
                found = self.symbols[symbol]
                if isinstance(found, Rule):
                    yield symbol, joined
                elif isinstance(found, Join):
                    waiting.extend((goal, True) for goal in found.goals)

    def users(self) -> dict[int, set[int]]:
        """Rule -> the rules that name it."""
        found: dict[int, set[int]] = {rule: set() for rule in self.alternatives}
        for rule, strings in self.alternatives.items():
            for string in strings:
                for used, _ in self.inner(string):
                    found[used].add(rule)
        return found

    def name(self, rule: int) -> str:
        """What the file calls a rule."""
        found = self.symbols[rule]
        assert isinstance(found, Rule)
        return found.name

    def least_of(self, string: String) -> int:
        """Fewest blocks of what a string derives."""
        try:
            return min(NEVER, sum(map(self._costs.__getitem__, string)))  # strings are long, and there are many
        except KeyError:
            return min(NEVER, sum(map(self._least, string)))

    def _least(self, symbol: int) -> int:
        found = self.symbols[symbol]
        if isinstance(found, Rule):
            return self.least.get(symbol, NEVER)
        if isinstance(found, BlockGroup):
            return 1
        return max(1, sum(self.least_of(goal) for goal in found.goals)) * found.times

    def _least_blocks(self) -> dict[int, int]:
        """Fewest blocks of each rule, as a fixed point from above; each change looks at the rules that depend on it."""
        users = self.users()
        self.least = dict.fromkeys(self.alternatives, NEVER)
        waiting = dict.fromkeys(self.alternatives)
        while waiting:
            rule = next(iter(waiting))
            del waiting[rule]
            found = min(map(self.least_of, self.alternatives[rule]))
            if found < self.least[rule]:
                self.least[rule] = found
                waiting |= dict.fromkeys(users[rule])
        return self.least
