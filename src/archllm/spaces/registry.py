"""Names and space files -> spaces."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path

from archllm.config import did_you_mean
from archllm.errors import DefinitionError, InvalidInput
from archllm.plugins import PREFIX, is_reference, load_plugin, plugin_names, resolve_stored
from archllm.spaces.base import SearchSpace
from archllm.spaces.definition import Definition
from archllm.spaces.kinds.choices import Choices
from archllm.spaces.kinds.edge_dag import EdgeDag
from archllm.spaces.kinds.genotype import Genotype
from archllm.spaces.kinds.grammar.space import Grammar
from archllm.spaces.kinds.node_dag import NodeDag
from archllm.spaces.kinds.product.definition import ProductDefinition
from archllm.spaces.kinds.product.space import Product
from archllm.spaces.nasbench101.space import NASBench101
from archllm.spaces.nasbench201.space import NASBench201
from archllm.spaces.nats_size.space import NATSSize
from archllm.spaces.published import ENASMacro, MobileNetV3, NASBenchMacro, TransNASBench
from archllm.spaces.space_file import ENDING, part_files, placed, read_definition, read_text


def part_space(part: Definition | str) -> SearchSpace:
    """The space of a part of a product: of its definition, or of the name of a built-in one.

    Raises:
        InvalidInput: there is no such space.
    """
    if isinstance(part, Definition):
        return _KINDS[part.kind](part)
    if part not in _SPACES:
        raise InvalidInput(_unknown(part))
    return _builtin(part)


def _product(definition: ProductDefinition) -> Product:
    return Product(definition, part_space)


_KINDS: dict[str, Callable[..., SearchSpace]] = {
    kind.kind: kind for kind in (NodeDag, EdgeDag, Genotype, Choices, Grammar)
} | {Product.kind: _product}

_SPACES: dict[str, tuple[str, Callable[..., SearchSpace] | None]] = {
    "nasbench101": ("nasbench101/space.toml", NASBench101),
    "nasbench201": ("nasbench201/space.toml", NASBench201),
    "darts": ("examples/darts.toml", None),
    "nats-size": ("nats_size/space.toml", NATSSize),
    "transformer": ("examples/transformer.toml", None),
    "nasbench-macro": ("examples/nasbench-macro.toml", NASBenchMacro),
    "mobilenetv3": ("examples/mobilenetv3.toml", MobileNetV3),
    "ofa-mobilenetv3": ("examples/ofa-mobilenetv3.toml", MobileNetV3),
    "fbnet": ("examples/fbnet.toml", None),
    "enas6": ("examples/enas6.toml", ENASMacro),
    "enas12": ("examples/enas12.toml", ENASMacro),
    "nasnet": ("examples/nasnet.toml", None),
    "nasbench-graph": ("examples/nasbench-graph.toml", None),
    "mobile": ("examples/mobile.toml", None),
    "transnasbench": ("examples/transnasbench.toml", TransNASBench),
    "scaled-cells": ("examples/scaled-cells.toml", None),
    "conv-grammar": ("examples/conv-grammar.toml", None),
    "interleaving": ("examples/interleaving.toml", None),
    "hierarchical-nasbench201": ("examples/hierarchical-nasbench201.toml", None),
}
"""Name -> its space file, in this package, and what adds texts and hashes of its own to the kind."""


def space_names() -> list[str]:
    """Names that `load_space` knows."""
    return list(_SPACES)


def is_name(name: str) -> bool:
    """Whether `load_space` finds a space by this name alone: a built-in one, or a plug-in."""
    return name in _SPACES or is_reference(name) or name in plugin_names("spaces")


def is_file_name(name: str) -> bool:
    """Whether a word is meant as the path of a space file rather than as a name."""
    return name.lower().endswith(ENDING) or "/" in name or "\\" in name


def load_space(name: str | Path) -> SearchSpace:
    """The search space of that name, or of the space file at that path.

    The same name, or the same text at the same path, gives the same object. A plug-in is named `python:MODULE:NAME`, or
    as its package announces it; see `archllm.plugins`.

    Example:
        >>> load_space("darts").size
        1076746950455072400

    Raises:
        InvalidInput: no space has that name, or there is no such file.
        DefinitionError: the file defines no space that can be worked with; the message names the line and the key.
    """
    if isinstance(name, str) and name not in _SPACES and is_name(name):
        return _plugged_in(name)
    if isinstance(name, Path) or is_file_name(name):
        path = Path(name).expanduser()
        own = path.stem if path.suffix.lower() == ENDING else path.name
        text = read_text(path)
        return _from_text(text, str(path), own, None, part_files(text, path))
    if name not in _SPACES:
        file = f" A space file is named with its path and {ENDING}." if Path(f"{name}{ENDING}").is_file() else ""
        raise InvalidInput(_unknown(name) + file)
    return _builtin(name)


def _unknown(name: str) -> str:
    hint = did_you_mean(name, _SPACES)
    hint = f"{hint} " if hint else ""
    return f"unknown search space {name!r}; {hint}known are {', '.join(_SPACES)}, and paths of space files"


def stored_space(name: str, file: str | Path) -> SearchSpace:
    """The space of the name that a file holds: a built-in one, that of an installed package, or `python:MODULE:CLASS`.

    A class that the file names is taken as `archllm.plugins.resolve_stored` has it, unless it was loaded by this name
    already; a function is not called at all.

    Args:
        name: the name.
        file: the file that holds it, such as a `config.toml` or a store.

    Raises:
        InvalidInput: there is no such space, or the module that it takes is not to be imported for the file's sake.
    """
    if name in _NAMED:
        return _NAMED[name]
    if not is_reference(name):
        if not is_name(name):
            raise InvalidInput(f"{file} is of the space {name!r}, which is not known here")
        return load_space(name)
    kind = resolve_stored(name.removeprefix(PREFIX), file)
    if not (isinstance(kind, type) and issubclass(kind, SearchSpace)):
        raise InvalidInput(f"{name} is not taken from {file}: it must be a subclass of archllm's SearchSpace")
    return _named(name, kind())


def space_of_text(text: str, origin: str, name: str = "mine", blocks: str | None = None) -> SearchSpace:
    """The space that the text of a space file defines.

    Args:
        text: the text.
        origin: what messages call it.
        name: the space's name unless the text gives one.
        blocks: what is recorded of its blocks, see `SearchSpace.blocks`.

    Raises:
        DefinitionError: it defines no space that can be worked with.
    """
    return _from_text(text, origin, name, blocks)


def space_text(name: str) -> str:
    """The space file of a named space.

    Raises:
        InvalidInput: no space has that name.
    """
    load_space(name)
    return resources.files("archllm.spaces").joinpath(_SPACES[name][0]).read_text(encoding="utf-8")


def space_of(definition: Definition) -> SearchSpace:
    """The space of a definition.

    Raises:
        DefinitionError: it defines no space that can be worked with.
    """
    space = _KINDS[definition.kind](definition)
    _ = space.size  # counts the space, so that an empty one is told now
    if definition.name not in _SPACES:  # the same text gives the same space, so other processes make it once
        space.made_by = space_of_text, (definition.to_toml(), definition.name, definition.name)
    return space


@cache  # spaces are immutable and enumerate themselves once
def _builtin(name: str) -> SearchSpace:
    file, build = _SPACES[name]
    text = resources.files("archllm.spaces").joinpath(file).read_text(encoding="utf-8")
    definition = read_definition(text, file, name)
    space = (build or _KINDS[definition.kind])(definition)
    space.made_by = load_space, (name,)
    return space


_NAMED: dict[str, SearchSpace] = {}
"""Spaces of plug-ins, by the names they were loaded by."""


def _plugged_in(name: str) -> SearchSpace:
    """A space of a user's class, or what a user's function of no arguments gives; it is called as it was named."""
    return _NAMED[name] if name in _NAMED else _named(name, load_plugin(name, "spaces")())


def _named(name: str, space: object) -> SearchSpace:
    if not isinstance(space, SearchSpace):
        raise InvalidInput(f"{name} must be a subclass of archllm's SearchSpace, and gives a {type(space).__name__}")
    space.name, space.made_by = name, (load_space, (name,))
    _NAMED[name] = space
    return space


@lru_cache(maxsize=32)
def _from_text(
    text: str, origin: str, name: str, blocks: str | None, files: tuple[tuple[str, str], ...] = ()
) -> SearchSpace:
    definition = read_definition(text, origin, name, dict(files))
    if definition.name in _SPACES:
        raise placed(
            DefinitionError(
                f"{definition.name!r} is the name of a space that comes with archllm; choose another", "name"
            ),
            text,
            origin,
        )
    try:
        space = space_of(definition)
    except DefinitionError as error:
        raise placed(error, text, origin) from error
    space.file = definition.to_toml() if files else text  # which is complete, wherever it is kept
    space.origin, space.blocks = origin, blocks
    space.made_by = space_of_text, (space.file, origin, name, blocks)
    return space
