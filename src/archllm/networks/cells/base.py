"""CellNetworks: networks of cells whose operations are made by blocks that the space's definition names.

A network is a fixed part and one module for each operation of each cell, so its size is a sum. With `f` the size of the
fixed part, `p` a place (channels, resolution, stride), `n(o, p)` how often operation `o` stands there and `s(o, p)` the
size of one:

    size = f + sum over o, p of n(o, p) s(o, p)

`f` is counted once for each setting and frame (how many nodes the outputs of cells join), `s` once for each operation
and place: by formula where `sizes` has one, as the run folder has recorded it, or else in modules without storage, for
which the block is imported. Only `n`, and in some kinds the frame, differ between members, so a batch is a product of
matrices.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DefinitionError, InvalidInput
from archllm.graphs import Graphs
from archllm.networks.base import SpaceNetworks
from archllm.networks.blueprint import Blueprint
from archllm.networks.cells.setting import STAGES, CellNetworkSetting
from archllm.networks.cells.sizes import operation_size
from archllm.networks.counting import MOST_COUNTED, count_macs, count_params
from archllm.networks.record import BlockRecord, Place, is_ours, modules_of, sources_of
from archllm.networks.setting import NetworkSetting
from archllm.plugins import resolve_stored
from archllm.spaces.base import SearchSpace
from archllm.spaces.space_file import placed

if TYPE_CHECKING:
    from torch import nn


class Use(NamedTuple):
    """Operations of a stage that stand at one place in the networks of `n` members."""

    stage: int
    """The stage."""

    counts: NDArray[np.int64]
    """`n x ops` counts in one cell."""

    stride: int = 1
    """Their stride; with 2 they read what the stage before gives."""

    repeated: bool = True
    """Whether they are there once in every cell of the stage, or once."""

    def place(self, setting: CellNetworkSetting) -> Place:
        """Channels, height of the input, and stride."""
        return setting.widths[self.stage], setting.heights[self.stage - (self.stride > 1)], self.stride

    def times(self, setting: CellNetworkSetting) -> int:
        """How often they are there."""
        return setting.depths[self.stage] if self.repeated else 1


Plan = tuple["type[nn.Module]", dict[str, Any], list[str]]
"""The network class of a member, its arguments without the operations, and what its cell computes, in words."""


class CellNetworks(SpaceNetworks):
    """Networks of the members of one space of cells: a stem, three stages of cells, a classifier.

    Args:
        space: a space whose definition names a block for each operation.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("transnasbench")
        >>> networks = space.require_networks()
        >>> networks.macs(space.enumerate(), networks.setting(image_size=16)).max()
        np.int64(33796746)
    """

    setting_type = CellNetworkSetting
    small = MappingProxyType({"channels": 8, "cells": 1})

    strided = False
    """Whether what makes an operation is also called with a stride."""

    def __init__(self, space: SearchSpace) -> None:
        super().__init__(space)
        self._fixed: dict[tuple[CellNetworkSetting, int], tuple[int, int]] = {}
        self._cost = lru_cache(maxsize=4096)(self._count_operation)
        self._maker = lru_cache(maxsize=256)(self._find_maker)
        self._check_shape = lru_cache(maxsize=4096)(self._check_shape_at)

    def counts_import(self, setting: NetworkSetting | None = None) -> bool:
        return self.count_imports([self._complete(setting)])

    def count_imports(self, settings: Sequence[Any]) -> bool:
        """Whether counting networks under these settings imports blocks of others: a size of one is not recorded."""
        return any(block not in self._record.sizes for block in self._foreign(settings))

    def imports(self) -> Mapping[str, Path | None]:
        return modules_of(self.space.definition.callables)

    def record(self) -> str | None:
        return self.record_of([self.setting()])

    def record_of(self, settings: Sequence[Any]) -> str | None:
        """What a run folder records of the blocks of others in networks under these settings; `None` without any."""
        kept: str | None = self.space.blocks  # of a run folder, which is written again
        if kept is not None or not (modules := self.imports()):
            return kept
        sizes = {}
        for block in self._foreign(settings):
            with suppress(DefinitionError):  # a training needs no block, so one that fails is just not recorded
                sizes[block] = self._cost(*block)
        return BlockRecord(sources_of(modules), sizes).to_json()

    def _foreign(self, settings: Sequence[Any]) -> Iterator[tuple[str, Place]]:
        """Operations whose blocks are those of others, with all places where they can stand."""
        foreign = [op for op, where in self.space.definition.callables.items() if not is_ours(_module(where))]
        places = dict.fromkeys(place for setting in settings for place in self._places(setting)) if foreign else ()
        return ((op, place) for op in foreign for place in places)

    def _places(self, setting: Any) -> list[Place]:
        """Places of operations in a network; they are the same for all members."""
        member = self.space.sample(1, np.random.default_rng(0))
        return list(dict.fromkeys(use.place(setting) for use in self._uses(member)))

    @abstractmethod
    def _uses(self, graphs: Graphs) -> list[Use]:
        """Where operations stand in the networks of members."""

    @abstractmethod
    def _plan(self, graph: Graphs, setting: Any) -> Plan:
        """How the network of a member is made."""

    def _params(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        return self.sized(graphs, [setting], np.zeros(len(graphs), dtype=np.int64), "params")

    def _macs(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        return self.sized(graphs, [setting], np.zeros(len(graphs), dtype=np.int64), "macs")

    def sized(
        self,
        graphs: Graphs,
        settings: Sequence[CellNetworkSetting],
        setting_of: NDArray[np.int64],
        what: Literal["params", "macs"],
    ) -> NDArray[np.int64]:
        """`n` sizes of normalised members' networks, each under a setting of its own.

        Args:
            graphs: the members.
            settings: the settings.
            setting_of: `n` numbers of settings.
            what: parameters or multiply-accumulates.
        """
        if not len(graphs):
            return np.zeros(0, dtype=np.int64)
        which = ("params", "macs").index(what)
        total = self._fixed_sizes(graphs, settings, setting_of)[:, which]
        most = int(total.max())
        terms = []
        for use in self._uses(graphs):
            used = np.flatnonzero(use.counts.any(0))  # an operation that is nowhere in use is not made
            places = [use.place(setting) for setting in settings]
            kinds = {place: number for number, place in enumerate(dict.fromkeys(places))}
            costs = [[self._cost(self.space.ops[op], place)[which] for op in used] for place in kinds]
            times = [use.times(setting) for setting in settings]
            dearest = [max((row[at] for row in costs), default=0) for at in range(len(used))]
            most += max(times) * sum(
                int(use.counts[:, op].max()) * each for op, each in zip(used, dearest, strict=True)
            )
            terms.append((use.counts[:, used], [kinds[place] for place in places], costs, times))
        check_counted(most)  # before numpy's integers wrap around silently
        for counts, kind_of, costs, times in terms:
            of_member = np.array(costs, dtype=np.int64).reshape(len(costs), -1)[np.array(kind_of)[setting_of]]
            total = total + (counts * of_member).sum(1) * np.array(times, dtype=np.int64)[setting_of]
        return total

    def _fixed_sizes(
        self, graphs: Graphs, settings: Sequence[CellNetworkSetting], setting_of: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """`n x 2` parameters and multiply-accumulates of members' networks without those of their operations."""
        kinds = np.stack([setting_of, self._frames(graphs)], axis=1)
        kinds, first, member = np.unique(kinds, axis=0, return_index=True, return_inverse=True)
        found = []
        for (number, frame), at in zip(kinds.tolist(), first.tolist(), strict=True):
            key = settings[number], frame
            if key not in self._fixed:
                self._fixed[key] = self._count_fixed(graphs[at], settings[number])
            found.append(self._fixed[key])
        check_counted(max(map(max, found)))
        sizes: NDArray[np.int64] = np.array(found, dtype=np.int64)[member.reshape(-1)]
        return sizes

    def _frames(self, graphs: Graphs) -> NDArray[np.int64]:
        """`n` numbers, the same for members whose networks differ in operations alone; here for all."""
        return np.zeros(len(graphs), dtype=np.int64)

    def _count_fixed(self, graph: Graphs, setting: CellNetworkSetting) -> tuple[int, int]:
        """Parameters and multiply-accumulates of a network without those of its operations."""
        import torch
        from torch import nn

        def weightless(channels: int, stride: int = 1) -> nn.Module:
            return nn.Identity() if stride == 1 else nn.AvgPool2d(1, stride=stride)

        network, arguments, _ = self._plan(graph, setting)
        with torch.device("meta"):
            built = network(**arguments, operations=dict.fromkeys(self.space.ops, weightless))
        return count_params(built), count_macs(built, setting.image)

    def _count_operation(self, op: str, place: Place) -> tuple[int, int]:
        """Parameters and multiply-accumulates of an operation at a place."""
        channels, size, stride = place
        known = operation_size(self._where(op), channels, size, stride) or self._record.sizes.get((op, place))
        if known is not None:
            return known
        import torch

        with torch.device("meta"):
            module = self._maker(op)(channels, *[stride] * self.strided)
        try:
            return count_params(module), count_macs(module, (channels, size, size))
        except Exception as error:
            raise self._misplaced(
                f"{self._where(op)} makes a module that fails on images of {channels} channels and "
                f"{size} x {size} pixels: {type(error).__name__}: {error}",
                op,
            ) from error

    def _where(self, op: str) -> str:
        """`module:function` of what makes an operation."""
        where: str = self.space.definition.callables[op]
        return where

    def _find_maker(self, op: str) -> Callable[..., nn.Module]:
        """What makes an operation; what it makes is looked at."""
        where = self._where(op)
        try:
            module = _module(where)
            if not is_ours(module):
                self._record.tell_of_change(module, self.imports()[module])
            function = resolve_stored(where, self.space.origin or self.space.name)
        except InvalidInput as error:
            raise self._misplaced(str(error), op) from error

        def make(*arguments: int) -> nn.Module:
            from torch import nn

            try:
                made = function(*arguments)
            except Exception as error:
                shown = ", ".join(map(str, arguments))
                raise self._misplaced(f"{where}({shown}) raised {type(error).__name__}: {error}", op) from error
            if not isinstance(made, nn.Module):
                raise self._misplaced(f"{where} must return a torch module, and returned a {type(made).__name__}", op)
            return made

        return make

    def _misplaced(self, message: str, op: str) -> DefinitionError:
        """The error of an operation, with the line of the space file."""
        error = DefinitionError(message, "ops", op)
        return placed(error, self.space.file, self.space.origin or self.space.name) if self.space.file else error

    def _blueprint(self, graph: Graphs, text: str, setting: Any) -> Blueprint:
        network, arguments, notes = self._plan(graph, setting)
        used: set[str] = set()
        for use in self._uses(graph):
            for op in np.flatnonzero(use.counts[0]):
                self._check_shape(self.space.ops[op], use.place(setting))
                used.add(self.space.ops[op])
        ops = sorted(used)
        return Blueprint(
            network,
            arguments,
            operations=tuple(ops),
            image=setting.image,
            title=f"cell {text} of {self.space.name}",
            notes=tuple(notes),
            callables={op: self._where(op) for op in ops},
            makers={op: self._maker(op) for op in ops},
        )

    def _check_shape_at(self, op: str, place: Place) -> None:
        """Makes sure that an operation keeps the shape that cells need.

        Raises:
            DefinitionError: it can't be made, or does not; the message names its line.
        """
        import torch

        channels, size, stride = place
        where = self._where(op)
        with torch.device("meta"):
            module = self._maker(op)(channels, *[stride] * self.strided)
        expected = (2, channels, -(-size // stride), -(-size // stride))
        try:
            with torch.no_grad():
                found = module.to("meta").eval()(torch.empty(2, channels, size, size, device="meta"))
        except Exception as error:
            raise self._misplaced(
                f"{where} makes a module that fails on images {channels} x {size} x {size}: "
                f"{type(error).__name__}: {error}",
                op,
            ) from error
        shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        if shape != expected:
            raise self._misplaced(
                f"{where} must map {(2, channels, size, size)} to {expected}"
                f"{f' with stride {stride}' if stride > 1 else ''}, and gives {shape}",
                op,
            )


def _module(where: str) -> str:
    return where.partition(":")[0]


def staged(counts: NDArray[np.int64]) -> list[Use]:
    """The places of operations of cells that keep the resolution, given `n x ops` counts in one cell."""
    return [Use(stage, counts) for stage in range(STAGES)]


def counted(chosen: NDArray[np.int64], ops: int) -> NDArray[np.int64]:
    """`n x ops` counts of operations among `n x places`; negative numbers stand for none."""
    found: NDArray[np.int64] = (chosen[:, :, None] == np.arange(ops)).sum(1, dtype=np.int64)
    return found


def check_counted(most: int) -> None:
    """Makes sure that a count fits into 64 bits.

    Raises:
        InvalidInput: it does not.
    """
    if most > MOST_COUNTED:
        raise InvalidInput("the network is too large to be counted in 64 bits; take fewer channels, cells or pixels")
