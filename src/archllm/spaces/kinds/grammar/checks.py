"""What is wrong with the rules of a grammar, told with the key that leads to the line, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from archllm.errors import DefinitionError
from archllm.spaces.kinds.grammar.rules import NEVER, BlockGroup, Join, Rule, Rules, String

MOST_HALVINGS = 16
"""Most times that a network halves the resolution."""

_ROUND = (
    "goes round without adding a block, so that a network has no end of derivations; take it out of its own "
    "alternatives, or put a block beside it"
)


def check_rules(rules: Rules) -> None:
    """Makes sure that rules end, lead to networks, and don't go on without end.

    Raises:
        DefinitionError: a rule can't end, goes round without adding anything, or is of no use.
    """
    _check_ends(rules)
    _check_reached(rules)
    _check_growth(rules)


def most_halvings(rules: Rules) -> int:
    """The most halvings of the resolution of a network.

    Raises:
        DefinitionError: branches of a join halve it differently often, or networks do without end.
    """
    known: dict[int, set[int]] = {rule: set() for rule in rules.alternatives}
    users = rules.users()

    def of_string(string: String) -> set[int]:
        total = {0}
        for symbol in string:
            total = {a + b for a in total for b in of_symbol(symbol) if a + b <= MOST_HALVINGS + 1}
        return total

    def of_symbol(number: int) -> set[int]:
        symbol = rules.symbols[number]
        if isinstance(symbol, Rule):
            return known[number]
        if isinstance(symbol, BlockGroup):
            return {int(symbol.names[0] in rules.definition.downsampling)}
        return {symbol.times * each for each in of_string(symbol.goals[0])} if symbol.goals else set()

    waiting = dict.fromkeys(rules.alternatives)
    while waiting:
        rule = next(iter(waiting))
        del waiting[rule]
        found = {each for string in rules.alternatives[rule] for each in of_string(string)}
        if not found <= known[rule]:
            known[rule] |= found
            waiting |= dict.fromkeys(users[rule])
    for rule, strings in rules.alternatives.items():
        for number, string in enumerate(strings):
            _check_branches(rules, rule, number, string, of_string)
    most = max(known[rules.start])
    if most > MOST_HALVINGS and rules.definition.downsampling and rules.definition.max_blocks is None:
        raise DefinitionError(f"networks halve at most {MOST_HALVINGS} times", "downsampling")
    return min(most, MOST_HALVINGS)


def _check_branches(
    rules: Rules, rule: int, number: int, string: String, of_string: Callable[[String], set[int]]
) -> None:
    for symbol in string:
        found = rules.symbols[symbol]
        if isinstance(found, Join):
            each = [of_string(goal) for goal in found.goals]
            if found.op != "repeat" and len(set().union(*each)) > 1:
                counted = " and ".join("/".join(map(str, sorted(some)[:4])) for some in each)
                raise DefinitionError(
                    f"branches of {found.op} must halve the resolution equally often, found {counted} times; let each "
                    "branch have as many downsampling blocks",
                    "rules",
                    rules.name(rule),
                    number,
                )
            for goal in found.goals:
                _check_branches(rules, rule, number, goal, of_string)


def _check_ends(rules: Rules) -> None:
    for rule, least in rules.least.items():
        name = rules.name(rule)
        if least >= NEVER:
            raise DefinitionError(
                f"{name} can't end: each of its alternatives needs a rule that can't; give it an alternative of blocks "
                "alone",
                "rules",
                name,
            )
    most = rules.definition.max_blocks
    if most is not None and rules.least[rules.start] > most:
        raise DefinitionError(
            f"the smallest network of {rules.definition.start} has {rules.least[rules.start]} blocks: nothing is left; "
            "allow more",
            "max_blocks",
        )


def _check_reached(rules: Rules) -> None:
    reached, waiting = {rules.start}, [rules.start]
    blocks: set[str] = set()
    while waiting:
        for string in rules.alternatives[waiting.pop()]:
            for symbol, _ in rules.inner(string):
                if symbol not in reached:
                    reached.add(symbol)
                    waiting.append(symbol)
            blocks |= _blocks_in(rules, string)
    for rule in rules.alternatives:
        if rule not in reached:
            raise DefinitionError(
                f"nothing that {rules.definition.start} derives leads to {rules.name(rule)}; use it or leave it out",
                "rules",
                rules.name(rule),
            )
    for block in rules.definition.all_blocks:
        if block not in blocks:
            table = "downsampling" if block in rules.definition.downsampling else "blocks"
            raise DefinitionError(f"no rule uses the block {block}; use it or leave it out", table, block)


def _blocks_in(rules: Rules, string: String) -> set[str]:
    found: set[str] = set()
    waiting = [string]
    while waiting:
        for number in waiting.pop():
            symbol = rules.symbols[number]
            if isinstance(symbol, BlockGroup):
                found |= set(symbol.names)
            elif isinstance(symbol, Join):
                waiting.extend(symbol.goals)
    return found


def _check_growth(rules: Rules) -> None:
    """Makes sure that derivations end, by the limits or by themselves."""
    limit, depth = rules.definition.max_blocks, rules.definition.max_depth

    def edges(joins: bool, still: bool) -> dict[int, set[int]]:
        """Rule -> rules in its alternatives: inside of joins, too, or not; with all else empty, or whatever."""
        found: dict[int, set[int]] = {}
        for rule, strings in rules.alternatives.items():
            found[rule] = {
                used
                for string in strings
                for used, joined in rules.inner(string)
                if (joins or not joined) and (not still or _still(rules, string, used))
            }
        return found

    for joins, still, applies, what in (
        (False, True, True, _ROUND),
        (False, False, limit is None, "goes on without end; limit it by max_blocks"),
        (True, True, depth is None, "nests without end and without adding a block; limit it by max_depth"),
        (True, False, limit is None and depth is None, "nests without end; limit it by max_depth or max_blocks"),
    ):
        if applies and (ring := cycle(edges(joins, still))) is not None:
            names = " -> ".join(map(rules.name, (*ring, ring[0])))
            raise DefinitionError(f"{rules.name(ring[0])} {what} ({names})", "rules", rules.name(ring[0]))


def _still(rules: Rules, string: String, rule: int) -> bool:
    """Whether a string can derive what one of its rules derives and no block more."""
    for at, symbol in enumerate(string):
        if rules.least_of(string[:at] + string[at + 1 :]):
            continue
        found = rules.symbols[symbol]
        if symbol == rule:
            return True
        if isinstance(found, Join) and found.times == 1:
            for place, goal in enumerate(found.goals):
                others = found.goals[:place] + found.goals[place + 1 :]
                if not sum(map(rules.least_of, others)) and _still(rules, goal, rule):
                    return True
    return False


def cycle(edges: dict[int, set[int]]) -> list[int] | None:
    """A shortest-found ring of a graph, or `None`; depth first, without recursion."""
    done: set[int] = set()
    for root in edges:
        path: list[int] = []
        on_path: dict[int, int] = {}
        stack: list[tuple[int, Iterator[int]]] = []

        def enter(node: int) -> None:
            on_path[node] = len(path)  # noqa: B023  (called within this round only)
            path.append(node)  # noqa: B023
            stack.append((node, iter(sorted(edges[node]))))  # noqa: B023

        if root not in done:
            enter(root)
        while stack:
            node, following = stack[-1]
            other = next(following, None)
            if other is None:
                stack.pop()
                path.pop()
                del on_path[node]
                done.add(node)
            elif other in on_path:
                return path[on_path[other] :]
            elif other not in done:
                enter(other)
    return None
