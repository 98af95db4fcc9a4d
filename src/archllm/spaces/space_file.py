"""Space files: TOML texts that define a search space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from archllm import files, toml_lines
from archllm.config import did_you_mean
from archllm.errors import DefinitionError, InvalidInput, RunFolderError, shown
from archllm.spaces import entries
from archllm.spaces.definition import (
    ChoicesDefinition,
    Definition,
    EdgeDagDefinition,
    GenotypeDefinition,
    NodeDagDefinition,
)
from archllm.spaces.kinds.product.definition import ProductDefinition

ENDING = ".toml"
"""Ending of a space file."""

LARGEST = toml_lines.LARGEST
"""Most bytes of a space file."""


def read_text(path: Path) -> str:
    """The text of a space file.

    Raises:
        InvalidInput: it can't be read.
    """
    try:
        return files.read_text(path, LARGEST).removeprefix("\ufeff")
    except RunFolderError as error:
        told = str(error).removeprefix("can't read ")  # which names the file
        raise InvalidInput(f"can't read the space file {told}") from error


def read_definition(text: str, origin: str, name: str, beside: Mapping[str, str] | None = None) -> Definition:
    """The definition in the text of a space file.

    Args:
        text: the text.
        origin: what messages call it: usually its path.
        name: the space's name unless the text gives one.
        beside: texts of the files that parts of a product name, by their paths as the file has them.

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
        return _definition(_with_files(data, Path(origin).parent, beside or {}), name)
    except DefinitionError as error:
        raise (error if error.placed else placed(error, text, origin)) from error


def _with_files(data: dict[str, Any], folder: Path, beside: Mapping[str, str]) -> dict[str, Any]:
    """The entries of a space file, parts that name files replaced by their definitions."""
    parts = data.get("parts")
    if data.get("kind") != "product" or not isinstance(parts, dict):
        return data
    read = {
        part: read_definition(beside[path], str(folder / path), part)
        for part, path in _named_files(data)
        if path in beside
    }
    return data | {"parts": parts | read}


def _named_files(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Parts of a product that are named by files, and the paths of these."""
    parts = data.get("parts")
    found = []
    for part, table in parts.items() if data.get("kind") == "product" and isinstance(parts, dict) else ():
        path = table.get("space") if isinstance(table, dict) else None
        if isinstance(path, str) and path.lower().endswith(ENDING):
            found.append((part, path))
    return found


def part_files(text: str, path: Path) -> tuple[tuple[str, str], ...]:
    """The files that the parts of a product name: their paths as the file has them, and their texts.

    Args:
        text: the text of a space file.
        path: its path; the files lie beside or below it.

    Raises:
        InvalidInput: one can't be read.
        DefinitionError: one does not lie there.
    """
    try:
        named = _named_files(toml_lines.loads(text)) if ENDING in text else []
    except toml_lines.TOMLError:  # which is told where the file is read
        return ()
    folder = path.parent.resolve()
    for part, name in named:
        if not (folder / name).resolve().is_relative_to(folder):
            error = DefinitionError(f"must lie beside or below {path}, found {shown(name)}", "parts", part, "space")
            raise placed(error, text, str(path))
    return tuple((name, read_text(folder / name)) for name in dict.fromkeys(name for _, name in named))


def placed(error: DefinitionError, text: str, origin: str) -> DefinitionError:
    """The error with the file, line and key that it is about."""
    places = toml_lines.Places(text)
    outer, key = (error.key[:2], error.key[2:]) if error.key[:1] == ("parts",) else ((), error.key)
    whole = (*outer, *key)
    table = (*outer, *key[:1])
    if (
        key[:1] in (("slots",), ("when",), ("same",))
        and key[1:]
        and places.line((*table, key[1])) == places.line(table)
    ):
        whole = (*table, _source_key(str(key[1]), table, text), *key[2:])  # one that stands for several
    line = places.line(whole)
    return DefinitionError(error.message, *whole, place=f"{origin}, line {line}" if line else origin)


def _source_key(name: str, table: tuple[str | int, ...], text: str) -> str:
    """The key, with a range, that a name came from."""
    listed: Any = toml_lines.loads(text)
    for part in table:
        listed = listed.get(part, {}) if isinstance(listed, dict) else {}
    for key in map(str, listed) if isinstance(listed, dict) else ():
        with suppress(entries.WrongEntry):
            if any(made == name for made, _ in entries.repeated(str(table[-1]), key)):
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
    taken = ["kind", *(key for key in known if (key, kind) not in _NOT_TAKEN)]
    for key in data:
        if key not in known and key != "kind":
            near = did_you_mean(key, taken)
            hint = f"; {near}" if near else "."
            raise DefinitionError(f"unknown key{hint} Spaces of kind {kind} have {', '.join(taken)}", key)
    for key in needed:
        if key not in data:
            raise DefinitionError(f"the key {key!r} is missing; spaces of kind {kind} need {', '.join(needed)}")
    values: dict[str, Any] = {"name": name}
    for key, reader in known.items():
        if key not in data:
            continue
        try:
            read = reader(data[key])
        except entries.WrongEntry as error:
            raise DefinitionError(str(error), key, *error.inner) from error
        values |= read if isinstance(read, entries.Several) else {key: read}
    return build(**values)


def _parts(value: Any) -> dict[str, Definition | str]:
    example = '[parts.cell], then kind = "edge_dag" and what it needs, or space = "nasbench201"'
    if not isinstance(value, dict):
        raise entries.WrongEntry(f"must be tables: {example}, found {shown(value)}")
    parts: dict[str, Definition | str] = {}
    for part, table in value.items():
        if isinstance(table, Definition):
            parts[part] = table
        elif not isinstance(table, dict):
            raise entries.WrongEntry(f"must be a table: {example}, found {shown(table)}", part)
        elif "space" in table:
            parts[part] = _named_part(table, part)
        elif "name" in table:
            raise entries.WrongEntry(f"a part is called as its table is, {part}; leave its name out", part, "name")
        else:
            try:
                parts[part] = _definition(table, part)
            except DefinitionError as error:
                raise entries.WrongEntry(error.message, part, *error.key) from error
    return parts


def _named_part(table: dict[str, Any], part: str) -> str:
    name, further = table["space"], [key for key in table if key != "space"]
    if further:
        raise entries.WrongEntry("a part that names a space has no other keys", part, further[0])
    if not isinstance(name, str):
        raise entries.WrongEntry(
            f"names a space, such as 'nasbench201', or a space file, found {shown(name)}", part, "space"
        )
    if name.lower().endswith(ENDING):
        raise entries.WrongEntry(
            "a file is read only where this one is read from a file, too; put what it says here", part, "space"
        )
    return name


_NOT_TAKEN = {("constraints", "grammar")}
"""Keys that a kind reads to say what it has instead."""

_COMMON: dict[str, entries.Reader] = {"name": entries.text, "about": entries.text, "constraints": entries.texts}
_KINDS: Mapping[str, tuple[Callable[..., Definition], tuple[str, ...], dict[str, entries.Reader]]] = {
    "node_dag": (
        NodeDagDefinition,
        ("ops", "max_vertices", "max_edges"),
        {
            "ops": entries.ops,
            "roles": entries.roles,
            "max_vertices": entries.whole,
            "max_edges": entries.whole,
            "max_in_degree": entries.whole,
            "max_out_degree": entries.whole,
            "chain": entries.truth,
        },
    ),
    "edge_dag": (
        EdgeDagDefinition,
        ("ops", "nodes"),
        {"ops": entries.ops, "nodes": entries.whole, "roles": entries.roles},
    ),
    "genotype": (
        GenotypeDefinition,
        ("ops", "nodes"),
        {
            "ops": entries.ops,
            "roles": entries.roles,
            "nodes": entries.whole,
            "inputs_per_node": entries.whole,
            "cell_inputs": entries.names("input"),
            "cells": entries.names("cell"),
            "repeat_inputs": entries.truth,
            "concat": entries.text,
        },
    ),
    "product": (ProductDefinition, ("parts",), {"parts": _parts, "network": entries.sizes}),
    "choices": (
        ChoicesDefinition,
        ("slots",),
        {
            "slots": entries.slots,
            "when": entries.when,
            "interchangeable": entries.interchangeable,
            "same": entries.same,
            "network": entries.network,
        },
    ),
    "grammar": (
        entries.grammar,
        ("rules", "blocks"),
        {
            "rules": entries.rules,
            "blocks": entries.blocks("blocks"),
            "downsampling": entries.blocks("downsampling"),
            "start": entries.text,
            "max_blocks": entries.whole,
            "max_depth": entries.whole,
            "max_params": entries.whole,
            "commutative": entries.texts,
            "zero": entries.text,
            "roles": entries.roles,
            "network": entries.form,
        },
    ),
}
"""Kind -> its definition, the keys it needs, and what reads each key."""
