"""Entries: what reads the value of each key of a space file.

A reader gives what a definition takes, or raises `WrongEntry`; `Several` are the fields that one key stands for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

from archllm.config import did_you_mean
from archllm.errors import shown
from archllm.spaces import ranges
from archllm.spaces.kinds.grammar.definition import BlockCall, GrammarDefinition

MOST_REPEATED = 46
"""Names that one key may stand for."""

Reader = Callable[[Any], Any]
"""From a value of TOML to what a definition takes."""

_RANGE = re.compile(r"\{([A-Za-z_]\w*)=(\d{1,4})\.\.(\d{1,4})\}")


class WrongEntry(Exception):
    """A value that an entry can't have.

    Args:
        message: what was expected and what was found.
        inner: the place in the value, from the outside in.
    """

    def __init__(self, message: str, *inner: str | int) -> None:
        super().__init__(message)
        self.inner = inner


class Several(dict[str, Any]):
    """What one key gives to several fields."""


def text(value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise WrongEntry(f"must be a text in quotes, found {shown(value)}")
    return value


def whole(value: Any) -> int:
    """A whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongEntry(f"must be a whole number, found {shown(value)}")
    return value


def truth(value: Any) -> bool:
    """A truth value."""
    if not isinstance(value, bool):
        raise WrongEntry(f"must be true or false, found {shown(value)}")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list):
        raise WrongEntry(f'must be a list of texts, such as ["a", "b"], found {shown(value)}')
    for number, item in enumerate(value):
        if not isinstance(item, str):
            raise WrongEntry(f"must be a text in quotes, found {shown(item)}", number)
    return tuple(value)


def names(word: str) -> Reader:
    """Names, or how many there are."""

    def read(value: Any) -> tuple[str, ...]:
        if isinstance(value, int) and not isinstance(value, bool):
            return tuple(f"{word}{k + 1}" for k in range(min(value, 100)))
        return texts(value)

    return read


def ops(value: Any) -> Any:
    """A list of names, or a table of names and what makes the operations."""
    if not isinstance(value, dict):
        return texts(value)
    for op, where in value.items():
        if not isinstance(where, str):
            raise WrongEntry(f"must be 'module:function' in quotes, found {shown(where)}", op)
    return Several(ops=tuple(value), callables=value)


def roles(value: Any) -> dict[str, str]:
    """Operations and what they do."""
    example = '[roles], then a line such as gated = "convolution 3"'
    if not isinstance(value, dict):
        raise WrongEntry(f"must be a table: {example}, found {shown(value)}")
    for op, role in value.items():
        if not isinstance(role, str):
            raise WrongEntry(f"must be a text, as in {example}, found {shown(role)}", op)
    return value


def slots(value: Any) -> dict[str, Any]:
    """Slots of choices and their values; a name with a range stands for several slots."""
    if not isinstance(value, dict):
        raise WrongEntry(f"must be a table: [slots], then a line such as width1 = [8, 16], found {shown(value)}")
    slots: dict[str, Any] = {}
    for key, listed in value.items():
        values = value_range(listed, key) if isinstance(listed, dict) else listed
        if not isinstance(values, list):
            raise WrongEntry(
                f"must be a list of values, such as [8, 16], or a range, such as {{ from = 8, to = 64, step = 8 }}, "
                f"found {shown(values)}",
                key,
            )
        for number, item in enumerate(values):
            if not isinstance(item, int | float | str):
                raise WrongEntry(f"must be a number, a text or a truth value, found {shown(item)}", key, number)
        for slot, _ in repeated("slots", key):
            _put_new(slots, slot, tuple(values), key)
    return slots


def value_range(table: dict[str, Any], slot: str) -> list[int | float]:
    """The values of a range of a slot."""
    try:
        return ranges.values_of(table)
    except ranges.WrongRange as error:
        raise WrongEntry(str(error), slot, *[error.key] * bool(error.key)) from error


def interchangeable(value: Any) -> tuple[tuple[str, ...], ...]:
    """Groups of units that may change places: lists of them, or a text with a range."""
    example = 'interchangeable = ["branch{i=1..3}", ["left", "right"], "op{i=1..2} kernel{i}"]'
    if not isinstance(value, list):
        raise WrongEntry(f"must be a list of groups: {example}, found {shown(value)}")
    groups = []
    for number, group in enumerate(value):
        try:
            groups.append(_units(group) if isinstance(group, str) else tuple(" ".join(u.split()) for u in texts(group)))
        except WrongEntry as error:
            raise WrongEntry(f"{error}; groups are such as {example}", number, *error.inner[1:]) from error
    return tuple(groups)


def _units(group: str) -> tuple[str, ...]:
    """The units that a text with a range stands for: one for each number."""
    units = []
    for unit, numbers in repeated("interchangeable", group):
        for word, number in numbers.items():
            unit = unit.replace(f"{{{word}}}", str(number))
        units.append(" ".join(unit.split()))
    return tuple(units)


def same(value: Any) -> dict[str, dict[str, Any]]:
    """Slots, and what further texts mean in them; a name with a range stands for several slots."""
    example = '[same], then a line such as activation = { ReLU = "relu" }'
    if not isinstance(value, dict):
        raise WrongEntry(f"must be a table: {example}, found {shown(value)}")
    found: dict[str, dict[str, Any]] = {}
    for key, words in value.items():
        if not isinstance(words, dict):
            raise WrongEntry(f"must be a table: {example}, found {shown(words)}", key)
        for word, meant in words.items():
            if not isinstance(meant, int | float | str):
                raise WrongEntry(f"must be a value of the slot, found {shown(meant)}", key, word)
        for slot, _ in repeated("same", key):
            _put_new(found, slot, words, key)
    return found


def when(value: Any) -> dict[str, str]:
    """Conditions of slots; a name with a range stands for several, with its number in the condition."""
    if not isinstance(value, dict):
        raise WrongEntry(
            f'must be a table: [when], then a line such as kernel2 = "slot.depth >= 2", found {shown(value)}'
        )
    conditions: dict[str, str] = {}
    for key, condition in value.items():
        if not isinstance(condition, str):
            raise WrongEntry(f'must be a condition in quotes, such as "slot.depth >= 2", found {shown(condition)}', key)
        for slot, numbers in repeated("when", key):
            text = condition
            for word, number in numbers.items():
                text = text.replace(f"{{{word}}}", str(number))
            _put_new(conditions, slot, text, key)
    return conditions


def network(value: Any) -> Several:
    """What makes networks of choices."""
    example = '[network], then builder = "module:function"'
    _check_only(value, "builder", example)
    if not isinstance(value.get("builder"), str):
        raise WrongEntry(f"must be {example}, found {shown(value.get('builder'))}", *["builder"] * ("builder" in value))
    return Several(builder=value["builder"])


def rules(value: Any) -> dict[str, tuple[str, ...]]:
    """Rules of a grammar and their alternatives."""
    example = '[rules], then lines such as net = ["block", "sequence(block, net)"]'
    if not isinstance(value, dict):
        raise WrongEntry(f"must be a table: {example}, found {shown(value)}")
    rules = {}
    for rule, alternatives in value.items():
        try:
            rules[rule] = (alternatives,) if isinstance(alternatives, str) else texts(alternatives)
        except WrongEntry as error:
            raise WrongEntry(str(error), rule, *error.inner) from error
    return rules


def blocks(key: str) -> Reader:
    """A list of blocks, or a table of blocks and what makes them: a text, or a table of `make` and its arguments."""

    def read(value: Any) -> Several:
        if not isinstance(value, dict):
            return Several({key: texts(value)})
        calls = {block: _call(block, made) for block, made in value.items()}
        return Several({key: tuple(calls), f"{key}_calls": calls})

    return read


def _call(block: str, made: Any) -> BlockCall:
    options = dict(made) if isinstance(made, dict) else {"make": made}
    where = options.pop("make", None)
    if not isinstance(where, str):
        raise WrongEntry("must be 'module:function' in quotes, or { make = 'module:function', kernel = 3 }", block)
    for name, option in options.items():
        if not isinstance(option, int | float | str):
            raise WrongEntry(f"{shown(name)} must be a number, a text or a truth value, found {shown(option)}", block)
    return BlockCall(where, tuple(options.items()))


def form(value: Any) -> Several:
    """What blocks of a grammar read."""
    example = '[network], then form = "images" or form = "sequences"'
    _check_only(value, "form", example)
    return Several(value)


def _check_only(value: Any, only: str, example: str) -> None:
    """Makes sure that a value is a table with no other key."""
    if not isinstance(value, dict):
        raise WrongEntry(f"must be a table: {example}, found {shown(value)}")
    for key in value:
        if key != only:
            near = did_you_mean(key, [only])
            raise WrongEntry(f"unknown key; {f'{near} T' if near else 't'}here is only {only}: {example}", key)


def grammar(
    *, blocks_calls: Mapping[str, BlockCall] | None = None, downsampling_calls: Any = None, **values: Any
) -> GrammarDefinition:
    """The definition of a grammar, whose blocks come with what makes them."""
    return GrammarDefinition(**values, callables={**(blocks_calls or {}), **(downsampling_calls or {})})


def sizes(value: Any) -> dict[str, Any]:
    """How networks of a product are made: the cell, and where sizes are read from."""
    example = '[network], then cell = "cell" and lines such as channels = "scale.width"'
    if not isinstance(value, dict):
        raise WrongEntry(f"must be a table: {example}, found {shown(value)}")
    found: dict[str, Any] = {}
    for key, slots in value.items():
        try:
            found[key] = slots if isinstance(slots, str) else texts(slots)
        except WrongEntry as error:
            raise WrongEntry(str(error), key, *error.inner) from error
        if not found[key] or (key == "cell" and not isinstance(slots, str)):
            raise WrongEntry(f"must be {example}", key)
    return found


def _put_new(table: dict[str, Any], name: str, value: Any, key: str) -> None:
    if name in table:
        raise WrongEntry(f"{name!r} stands twice", key)
    table[name] = value


def repeated(table: str, key: str) -> list[tuple[str, dict[str, int]]]:
    """The names that a key stands for: `width{i=1..3}` is width1, width2, width3; with the numbers of each."""
    ranges = [(found[1], int(found[2]), int(found[3])) for found in _RANGE.finditer(key)]
    words = [word for word, _, _ in ranges]
    count = 1
    for _, first, last in ranges:
        count *= max(0, last - first + 1)
    if len(set(words)) < len(words) or not 1 <= count <= MOST_REPEATED:
        raise WrongEntry(
            f"ranges are written {{i=1..4}}, each with a letter of its own, 1 to {MOST_REPEATED} names in all", key
        )
    names = []
    for numbers in product(*(range(first, last + 1) for _, first, last in ranges)):
        given = dict(zip(words, numbers, strict=True))
        names.append((_RANGE.sub(lambda found, given=given: str(given[found[1]]), key), given))  # type: ignore[misc]
    return names
