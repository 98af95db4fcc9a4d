"""Space files: TOML texts that define a search space."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

from archllm import files, toml_lines
from archllm.config import did_you_mean
from archllm.errors import DefinitionError, InvalidInput, RunFolderError, shown
from archllm.spaces.definition import (
    ChoicesDefinition,
    Definition,
    EdgeDagDefinition,
    GenotypeDefinition,
    NodeDagDefinition,
)
from archllm.spaces.kinds.grammar.definition import BlockCall, GrammarDefinition

LARGEST = toml_lines.LARGEST
"""Most bytes of a space file."""

_MOST_REPEATED = 46  # names that one key may stand for
_RANGE = re.compile(r"\{([A-Za-z_]\w*)=(\d{1,4})\.\.(\d{1,4})\}")

Reader = Callable[[Any], Any]


def read_text(path: Path) -> str:
    """The text of a space file.

    Raises:
        InvalidInput: it can't be read.
    """
    try:
        return files.read_text(path, LARGEST).removeprefix("\ufeff")
    except RunFolderError as error:
        raise InvalidInput(f"can't read the space file {path}: {error}") from error


def read_definition(text: str, origin: str, name: str) -> Definition:
    """The definition in the text of a space file.

    Args:
        text: the text.
        origin: what messages call it: usually its path.
        name: the space's name unless the text gives one.

    Raises:
        DefinitionError: the text is not TOML, or an entry is missing, unknown or can't be used; the message names the
            line and the key.
    """
    try:
        data = toml_lines.loads(text)
    except toml_lines.TOMLError as error:
        line = f", line {error.line}" if error.line else ""
        raise DefinitionError(f"not TOML: {error.message}", place=f"{origin}{line}") from error
    try:
        return _definition(data, name)
    except DefinitionError as error:
        raise placed(error, text, origin) from error


def placed(error: DefinitionError, text: str, origin: str) -> DefinitionError:
    """The error with the file, line and key that it is about."""
    places = toml_lines.Places(text)
    key = error.key
    if key and key[0] in ("slots", "when") and len(key) > 1 and places.line(key[:2]) == places.line(key[:1]):
        key = (key[0], _source_key(str(key[1]), key[0], text), *key[2:])  # one that stands for several
    line = places.line(key)
    return DefinitionError(error.message, *key, place=f"{origin}, line {line}" if line else origin)


def _source_key(name: str, table: str, text: str) -> str:
    """The key, with a range, that a name came from."""
    entries = toml_lines.loads(text).get(table, {})
    for key in map(str, entries) if isinstance(entries, dict) else ():
        with suppress(_Wrong):
            if any(made == name for made, _ in _repeated(table, key)):
                return key
    return name


def _definition(data: dict[str, Any], name: str) -> Definition:
    if "kind" not in data:
        raise DefinitionError(f"the key 'kind' is missing; it is one of {', '.join(_KINDS)}")
    kind = data["kind"]
    if not isinstance(kind, str) or kind not in _KINDS:
        near = did_you_mean(kind, _KINDS)
        hint = f"; {near}" if near else ""
        raise DefinitionError(f"must be one of {', '.join(_KINDS)}, found {shown(kind)}{hint}", "kind")
    build, needed, readers = _KINDS[kind]
    known = _COMMON | readers
    for key in data:
        if key not in known and key != "kind":
            near = did_you_mean(key, known)
            hint = f"; {near}" if near else "."
            raise DefinitionError(f"unknown key{hint} Spaces of kind {kind} have {', '.join(('kind', *known))}", key)
    for key in needed:
        if key not in data:
            raise DefinitionError(f"the key {key!r} is missing; spaces of kind {kind} need {', '.join(needed)}")
    values: dict[str, Any] = {"name": name}
    for key, reader in known.items():
        if key not in data:
            continue
        try:
            read = reader(data[key])
        except _Wrong as error:
            raise DefinitionError(str(error), key, *error.inner) from error
        values |= read if isinstance(read, _Several) else {key: read}
    return build(**values)


class _Wrong(Exception):
    def __init__(self, message: str, *inner: str | int) -> None:
        super().__init__(message)
        self.inner = inner


class _Several(dict[str, Any]):
    """What one key gives to several fields."""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong(f"must be a text in quotes, found {shown(value)}")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _Wrong(f"must be a whole number, found {shown(value)}")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Wrong(f"must be true or false, found {shown(value)}")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _Wrong(f'must be a list of texts, such as ["a", "b"], found {shown(value)}')
    for number, item in enumerate(value):
        if not isinstance(item, str):
            raise _Wrong(f"must be a text in quotes, found {shown(item)}", number)
    return tuple(value)


def _names(word: str) -> Reader:
    """Names, or how many there are."""

    def read(value: Any) -> tuple[str, ...]:
        if isinstance(value, int) and not isinstance(value, bool):
            return tuple(f"{word}{k + 1}" for k in range(min(value, 100)))
        return _texts(value)

    return read


def _ops(value: Any) -> Any:
    """A list of names, or a table of names and what makes the operations."""
    if not isinstance(value, dict):
        return _texts(value)
    for op, where in value.items():
        if not isinstance(where, str):
            raise _Wrong(f"must be 'module:function' in quotes, found {shown(where)}", op)
    return _Several(ops=tuple(value), callables=value)


def _slots(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Wrong(f"must be a table: [slots], then a line such as width1 = [8, 16], found {shown(value)}")
    slots: dict[str, Any] = {}
    for key, values in value.items():
        if not isinstance(values, list):
            raise _Wrong(f"must be a list of values, such as [8, 16], found {shown(values)}", key)
        for number, item in enumerate(values):
            if not isinstance(item, int | float | str):
                raise _Wrong(f"must be a number, a text or a truth value, found {shown(item)}", key, number)
        for slot, _ in _repeated("slots", key):
            _put_new(slots, slot, tuple(values), key)
    return slots


def _when(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _Wrong(f'must be a table: [when], then a line such as kernel2 = "slot.depth >= 2", found {shown(value)}')
    conditions: dict[str, str] = {}
    for key, condition in value.items():
        if not isinstance(condition, str):
            raise _Wrong(f'must be a condition in quotes, such as "slot.depth >= 2", found {shown(condition)}', key)
        for slot, numbers in _repeated("when", key):
            text = condition
            for word, number in numbers.items():
                text = text.replace(f"{{{word}}}", str(number))
            _put_new(conditions, slot, text, key)
    return conditions


def _network(value: Any) -> _Several:
    """What makes networks of choices."""
    example = '[network], then builder = "module:function"'
    _check_only(value, "builder", example)
    if not isinstance(value.get("builder"), str):
        raise _Wrong(f"must be {example}, found {shown(value.get('builder'))}", *["builder"] * ("builder" in value))
    return _Several(builder=value["builder"])


def _rules(value: Any) -> dict[str, tuple[str, ...]]:
    example = '[rules], then lines such as net = ["block", "sequence(block, net)"]'
    if not isinstance(value, dict):
        raise _Wrong(f"must be a table: {example}, found {shown(value)}")
    rules = {}
    for rule, alternatives in value.items():
        try:
            rules[rule] = (alternatives,) if isinstance(alternatives, str) else _texts(alternatives)
        except _Wrong as error:
            raise _Wrong(str(error), rule, *error.inner) from error
    return rules


def _blocks(key: str) -> Reader:
    """A list of blocks, or a table of blocks and what makes them: a text, or a table of `make` and its arguments."""

    def read(value: Any) -> _Several:
        if not isinstance(value, dict):
            return _Several({key: _texts(value)})
        calls = {block: _call(block, made) for block, made in value.items()}
        return _Several({key: tuple(calls), f"{key}_calls": calls})

    return read


def _call(block: str, made: Any) -> BlockCall:
    options = dict(made) if isinstance(made, dict) else {"make": made}
    where = options.pop("make", None)
    if not isinstance(where, str):
        raise _Wrong("must be 'module:function' in quotes, or { make = 'module:function', kernel = 3 }", block)
    for name, option in options.items():
        if not isinstance(option, int | float | str):
            raise _Wrong(f"{shown(name)} must be a number, a text or a truth value, found {shown(option)}", block)
    return BlockCall(where, tuple(options.items()))


def _form(value: Any) -> _Several:
    example = '[network], then form = "images" or form = "sequences"'
    _check_only(value, "form", example)
    return _Several(value)


def _check_only(value: Any, only: str, example: str) -> None:
    """Makes sure that a value is a table with no other key."""
    if not isinstance(value, dict):
        raise _Wrong(f"must be a table: {example}, found {shown(value)}")
    for key in value:
        if key != only:
            raise _Wrong(f"unknown key; there is only {only}: {example}", key)


def _grammar(
    *, blocks_calls: Mapping[str, BlockCall] | None = None, downsampling_calls: Any = None, **values: Any
) -> GrammarDefinition:
    return GrammarDefinition(**values, callables={**(blocks_calls or {}), **(downsampling_calls or {})})


def _put_new(table: dict[str, Any], name: str, value: Any, key: str) -> None:
    if name in table:
        raise _Wrong(f"{name!r} stands twice", key)
    table[name] = value


def _repeated(table: str, key: str) -> list[tuple[str, dict[str, int]]]:
    """The names that a key stands for: `width{i=1..3}` is width1, width2, width3; with the numbers of each."""
    ranges = [(found[1], int(found[2]), int(found[3])) for found in _RANGE.finditer(key)]
    words = [word for word, _, _ in ranges]
    count = 1
    for _, first, last in ranges:
        count *= max(0, last - first + 1)
    if len(set(words)) < len(words) or not 1 <= count <= _MOST_REPEATED:
        raise _Wrong(
            f"ranges are written {{i=1..4}}, each with a letter of its own, 1 to {_MOST_REPEATED} names in all", key
        )
    names = []
    for numbers in product(*(range(first, last + 1) for _, first, last in ranges)):
        given = dict(zip(words, numbers, strict=True))
        names.append((_RANGE.sub(lambda found, given=given: str(given[found[1]]), key), given))  # type: ignore[misc]
    return names


_COMMON: dict[str, Reader] = {"name": _text, "about": _text, "constraints": _texts}
_KINDS: Mapping[str, tuple[Callable[..., Definition], tuple[str, ...], dict[str, Reader]]] = {
    "node_dag": (
        NodeDagDefinition,
        ("ops", "max_vertices", "max_edges"),
        {
            "ops": _ops,
            "max_vertices": _whole,
            "max_edges": _whole,
            "max_in_degree": _whole,
            "max_out_degree": _whole,
            "chain": _truth,
        },
    ),
    "edge_dag": (EdgeDagDefinition, ("ops", "nodes"), {"ops": _ops, "nodes": _whole}),
    "genotype": (
        GenotypeDefinition,
        ("ops", "nodes"),
        {
            "ops": _ops,
            "nodes": _whole,
            "inputs_per_node": _whole,
            "cell_inputs": _names("input"),
            "cells": _names("cell"),
            "repeat_inputs": _truth,
            "concat": _text,
        },
    ),
    "choices": (ChoicesDefinition, ("slots",), {"slots": _slots, "when": _when, "network": _network}),
    "grammar": (
        _grammar,
        ("rules", "blocks"),
        {
            "rules": _rules,
            "blocks": _blocks("blocks"),
            "downsampling": _blocks("downsampling"),
            "start": _text,
            "max_blocks": _whole,
            "max_depth": _whole,
            "max_params": _whole,
            "commutative": _texts,
            "zero": _text,
            "network": _form,
        },
    ),
}
"""Kind -> its definition, the keys it needs, and what reads each key."""
