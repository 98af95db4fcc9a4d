"""ChoicesNetworks: networks of the members of a `choices` space, made by the builder that its file names.

A network is one layer after the other, so its size is a sum. What a layer costs depends on the layer and on the shape
of its input alone, and many members share layers: each is counted once, by formula where `sizes` has one, else in a
module without storage. A batch then takes a look-up per layer.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cached_property, reduce
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import ArchLLMError, DefinitionError, InvalidInput, shown
from archllm.graphs import Graphs
from archllm.networks.base import SpaceNetworks
from archllm.networks.blueprint import Blueprint, Call
from archllm.networks.choices.builder import Builder, Choices, FunctionBuilder
from archllm.networks.choices.sizes import Shape, Size, layer_size
from archllm.networks.counting import MOST_COUNTED, Work, count_params, trace
from archllm.networks.record import BlockRecord, modules_of, sources_of
from archllm.networks.setting import NetworkSetting
from archllm.plugins import resolve_stored
from archllm.spaces.kinds.choices import Choices as ChoicesSpace
from archllm.spaces.parameters import INACTIVE
from archllm.spaces.space_file import placed

MOST_KEPT = 1 << 17
"""Members of one setting whose sizes are kept."""

_LITERALS = (int, float, str, bool, type(None))


class ChoicesNetworks(SpaceNetworks):
    """Networks of the choices that a space's file names a builder for.

    Args:
        space: a space whose definition names a builder.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench-macro")
        >>> networks = space.require_networks()
        >>> networks.params(space.parse("02102121").graph).tolist()
        [2053482]
    """

    space: ChoicesSpace

    def __init__(self, space: ChoicesSpace) -> None:
        super().__init__(space)
        self._layers: dict[tuple[Call, Shape], Size] = {}
        self._totals: dict[NetworkSetting, dict[bytes, Size]] = {}

    @cached_property
    def setting_type(self) -> type[NetworkSetting]:  # type: ignore[override]  # known when the builder is imported
        return self._builder.setting_type

    @cached_property
    def small(self) -> MappingProxyType[str, Any]:  # type: ignore[override]
        return MappingProxyType(dict(self._builder.small))

    @property
    def settings_import(self) -> bool:
        return bool(self.imports())  # a builder may have a class of settings of its own

    def counts_import(self, setting: NetworkSetting | None = None) -> bool:
        return bool(self.imports())  # members differ in too many layers for a record of sizes

    def imports(self) -> Mapping[str, Path | None]:
        return modules_of({"builder": self._where})

    def record(self) -> str | None:
        kept: str | None = self.space.blocks  # of a run folder, which is written again
        if kept is not None or not (modules := self.imports()):
            return kept
        return BlockRecord(sources_of(modules), {}).to_json()

    def _params(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        return np.array([size.params for size in self._sizes(graphs, setting)], dtype=np.int64)

    def _macs(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        return np.array([size.work.macs for size in self._sizes(graphs, setting)], dtype=np.int64)

    def _work(self, graphs: Graphs, setting: Any) -> NDArray[np.float64]:
        found = [(*size.work, size.params) for size in self._sizes(graphs, setting)]
        return np.array(found, dtype=np.float64).reshape(len(found), -1)

    def _sizes(self, graphs: Graphs, setting: NetworkSetting) -> list[Size]:
        """The sizes of `n` networks."""
        kept = self._totals.setdefault(setting, {})
        if len(kept) > MOST_KEPT:
            kept.clear()
        rows = self.space.choices_of(graphs)
        found = []
        for row in rows:
            key = row.tobytes()
            if key not in kept:
                kept[key] = self._size(self._calls(self._values(row), setting), setting)
            found.append(kept[key])
        return found

    def _size(self, calls: list[Call], setting: NetworkSetting) -> Size:
        """The size of one network."""
        total = reduce(self._and_then, calls, Size(0, Work(), setting.image))
        if total.shape != (setting.num_classes,):
            raise self._misplaced(
                f"{self._where} must give layers that map images {_by(setting.image)} to {setting.num_classes} logits, "
                f"and its last layer gives {_by(total.shape)}"
            )
        if max(total.params, *total.work) > MOST_COUNTED:
            raise InvalidInput("the network is too large to be counted in 64 bits; take fewer channels or pixels")
        return total

    def _and_then(self, before: Size, call: Call) -> Size:
        """The size of a network with one layer more."""
        key = call, before.shape
        try:
            known = self._layers.get(key)
        except TypeError as error:  # one of its arguments can't be hashed
            raise self._misplaced(_not_literal(self._where, call)) from error
        if known is None:
            known = self._layers[key] = self._count(call, before.shape)
        return before.then(known)

    def _count(self, call: Call, shape: Shape) -> Size:
        self._check(call)
        import torch
        from torch import nn

        try:
            known = layer_size(call, shape)
            if known is not None:
                return known
            with torch.device("meta"):
                module = call.make()
            if not isinstance(module, nn.Module):
                raise TypeError(f"a layer must be a torch module, and it is a {type(module).__name__}")
            return Size(count_params(module), *trace(module, shape))
        except Exception as error:
            raise self._misplaced(
                f"{self._where} gives a layer {call.module}:{call.name} that fails on an input of {_by(shape)}: "
                f"{type(error).__name__}: {error}"
            ) from error

    def _check(self, call: Call) -> None:
        """Makes sure that a layer can be written down: what makes it has a place, its arguments are literals."""
        if not all(map(_is_literal, (*call.args, *(value for _, value in call.keywords)))):
            raise self._misplaced(_not_literal(self._where, call))
        if not _is_named(call.function):
            raise self._misplaced(
                f"{self._where} must make layers of classes and functions that a module holds by name, so that an "
                f"exported file can name them, and gives {shown(getattr(call.function, '__qualname__', call.function))}"
            )

    def _values(self, row: NDArray[np.int64]) -> Choices:
        """What a member chooses, in the order of the definition."""
        chosen = row.tolist()
        return {slot: values[chosen[at]] for slot, at, values in self._slots if chosen[at] != INACTIVE}

    @cached_property
    def _slots(self) -> list[tuple[str, int, tuple[Any, ...]]]:
        """Slot, its place in a row of choices, and its values."""
        names = self.space.slot_names
        return [(slot, names.index(slot), self.space.slots[slot]) for slot in self.space.definition.slots]

    def _calls(self, choices: Choices, setting: NetworkSetting) -> list[Call]:
        """The layers of one network."""
        try:
            return [Call.of(layer) for layer in self._builder.layers(choices, setting)]
        except ArchLLMError:
            raise
        except Exception as error:
            raise self._misplaced(
                f"{self._where} must give a list of layers, each a functools.partial of what makes it; for "
                f"{dict(choices)} it raised {type(error).__name__}: {error}"
            ) from error

    @property
    def _where(self) -> str:
        """`module:callable` of the builder."""
        return self.space.definition.builder

    @cached_property
    def _builder(self) -> Builder:
        try:
            for module, file in self.imports().items():
                self._record.tell_of_change(module, file)
            found = resolve_stored(self._where, self.space.origin or self.space.name)
        except InvalidInput as error:
            raise self._misplaced(str(error)) from error
        if not isinstance(found, type):
            return FunctionBuilder(found)
        if not issubclass(found, Builder):
            raise self._misplaced(f"{self._where} must be a function, or a subclass of {Builder.__module__}:Builder")
        return found()

    def _misplaced(self, message: str) -> DefinitionError:
        """The error of the builder, with the line of the space file."""
        error = DefinitionError(message, "network", "builder")
        return placed(error, self.space.file, self.space.origin or self.space.name) if self.space.file else error

    def _blueprint(self, graph: Graphs, text: str, setting: Any) -> Blueprint:
        from archllm.networks.choices.modules import Network

        calls = self._calls(self._values(self.space.choices_of(graph)[0]), setting)
        self._size(calls, setting)
        notes, size = [], Size(0, Work(), setting.image)
        for number, call in enumerate(calls):
            before, size = size, self._and_then(size, call)
            notes.append(
                f"layer {number} = {call.name}, gives {_by(size.shape)}, {size.params - before.params:,} parameters"
            )
        return Blueprint(
            Network,
            {},
            operations=(),
            image=setting.image,
            title=f"{text} of {self.space.name}",
            notes=tuple(notes),
            layers=tuple(calls),
        )


def _is_literal(value: Any) -> bool:
    return all(map(_is_literal, value)) if type(value) is tuple else type(value) in _LITERALS


def _not_literal(where: str, call: Call) -> str:
    return (
        f"{where} must call layers with numbers, texts, truth values, None and tuples of them alone, found "
        f"{shown(call.function)} with {shown((*call.args, *(value for _, value in call.keywords)))}"
    )


def _is_named(function: Any) -> bool:
    """Whether a module holds this very object by the name it says."""
    found: Any = sys.modules.get(getattr(function, "__module__", None) or "")
    for part in getattr(function, "__qualname__", "").split("."):
        found = getattr(found, part, None)
    return found is function


def _by(shape: Shape) -> str:
    return " x ".join(map(str, shape)) or "a single number"
