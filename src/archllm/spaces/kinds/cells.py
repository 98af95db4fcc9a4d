"""CellSpace: what kinds share whose members are cells of named operations: networks of blocks of one's own.

A network is a fixed part and one module for each operation of each cell, so its size is a sum: the fixed part is
counted once with operations that have no weights, each operation once for every place it can take.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DefinitionError, InvalidInput
from archllm.graphs import Graphs
from archllm.spaces.architecture import Architecture
from archllm.spaces.base import SearchSpace
from archllm.spaces.definition import CellDefinition, Definition
from archllm.spaces.kinds.config import CellNetworkConfig

if TYPE_CHECKING:
    from torch import nn

    from archllm.networks.blueprint import Blueprint

STAGES = 3

Place = tuple[int, int, int]
"""Where an operation stands in a network: channels, height of its input, stride."""


class CellSpace(SearchSpace):
    """A space of cells whose definition may name what makes their operations; then networks are made of them."""

    ops: tuple[str, ...]
    definition: CellDefinition

    def _define(self, definition: Definition) -> None:
        super()._define(definition)
        self._fixed_costs: dict[CellNetworkConfig, tuple[int, int]] = {}
        if isinstance(definition, CellDefinition) and definition.callables:
            self.network_config = CellNetworkConfig
            self.small_network = MappingProxyType({"channels": 8, "cells": 1})

    @abstractmethod
    def _uses(self, graphs: Graphs, config: CellNetworkConfig) -> list[tuple[Place, NDArray[np.int64]]]:
        """Where operations stand in networks of members: places, each with `n x ops` counts of what stands there."""

    @abstractmethod
    def _plan(self, graph: Graphs, config: CellNetworkConfig) -> tuple[type[nn.Module], dict[str, Any], list[str]]:
        """The network class of a member, its arguments without the operations, and what its cell computes, in words."""

    def _params(self, graphs: Graphs, config: Any) -> NDArray[np.int64]:
        return self._sized(graphs, config, "params")

    def _macs(self, graphs: Graphs, config: Any) -> NDArray[np.int64]:
        return self._sized(graphs, config, "macs")

    def _sized(self, graphs: Graphs, config: CellNetworkConfig, what: Literal["params", "macs"]) -> NDArray[np.int64]:
        total = np.zeros(len(graphs), dtype=np.int64)
        if not len(graphs):
            return total
        if config not in self._fixed_costs:
            self._fixed_costs[config] = self._fixed(graphs[0], config)
        total += self._fixed_costs[config][what == "macs"]
        for place, counts in self._uses(graphs, config):
            used = np.flatnonzero(counts.any(0))  # an operation that is nowhere in use is not made
            costs = np.zeros(counts.shape[1], dtype=np.int64)
            costs[used] = [self._cost(self.ops[op], place)[what == "macs"] for op in used]
            total += counts @ costs
        return total

    def _fixed(self, graph: Graphs, config: CellNetworkConfig) -> tuple[int, int]:
        """Parameters and multiply-accumulates of a network without those of its operations."""
        import torch
        from torch import nn

        from archllm.networks.counting import count_macs, count_params

        def weightless(channels: int, stride: int = 1) -> nn.Module:
            return nn.Identity() if stride == 1 else nn.AvgPool2d(1, stride=stride)

        network, arguments, _ = self._plan(graph, config)
        with torch.device("meta"):
            built = network(**arguments, operations=dict.fromkeys(self.ops, weightless))
        return count_params(built), count_macs(built, config.image)

    @lru_cache(maxsize=4096)  # noqa: B019 - spaces live as long as the program
    def _cost(self, op: str, place: Place) -> tuple[int, int]:
        """Parameters and multiply-accumulates of an operation at a place."""
        import torch

        from archllm.networks.counting import count_macs, count_params

        channels, size, stride = place
        with torch.device("meta"):
            module = self._makers()[op](channels, *[stride] * self._strided)
        try:
            return count_params(module), count_macs(module, (channels, size, size))
        except Exception as error:
            raise self._misplaced(
                f"{self.definition.callables[op]} makes a module that fails on images of {channels} channels and "
                f"{size} x {size} pixels: {type(error).__name__}: {error}",
                op,
            ) from error

    _strided = False
    """Whether what makes an operation is also called with a stride."""

    def _makers(self) -> dict[str, Callable[..., nn.Module]]:
        """What makes each operation; what it makes is looked at."""
        return {op: self._maker(op) for op in self.ops}

    @lru_cache(maxsize=256)  # noqa: B019
    def _maker(self, op: str) -> Callable[..., nn.Module]:
        from archllm.networks.callables import resolve

        where = self.definition.callables[op]
        try:
            function = resolve(where, Path(self.origin).parent if self.origin else None)
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
        from archllm.spaces.space_file import placed

        error = DefinitionError(message, "ops", op)
        return placed(error, self.file, self.origin or self.name) if self.file else error

    def _blueprint(self, arch: Architecture, config: Any) -> Blueprint:
        from archllm.networks.blueprint import Blueprint

        network, arguments, notes = self._plan(arch.graph, config)
        self._check_shapes(arch.graph, config)
        makers = self._makers()
        used = sorted(
            {self.ops[op] for _, counts in self._uses(arch.graph, config) for op in np.flatnonzero(counts[0])}
        )
        return Blueprint(
            network,
            arguments,
            operations=tuple(used),
            image=config.image,
            title=f"cell {arch.text} of {self.name}",
            notes=tuple(notes),
            callables={op: self.definition.callables[op] for op in used},
            makers={op: makers[op] for op in used},
        )

    def _check_shapes(self, graph: Graphs, config: CellNetworkConfig) -> None:
        """Makes sure that the operations in use keep the shape that cells need.

        Raises:
            DefinitionError: one can't be made, or does not; the message names its line.
        """
        for place, counts in self._uses(graph, config):
            for op in np.flatnonzero(counts[0]):
                self._check_shape(self.ops[op], place)

    @lru_cache(maxsize=4096)  # noqa: B019
    def _check_shape(self, op: str, place: Place) -> None:
        import torch

        channels, size, stride = place
        where = self.definition.callables[op]
        with torch.device("meta"):
            module = self._makers()[op](channels, *[stride] * self._strided)
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


def staged(config: CellNetworkConfig, counts: NDArray[np.int64]) -> list[tuple[Place, NDArray[np.int64]]]:
    """The places of operations of cells that keep the resolution, given `n x ops` counts in one cell."""
    return [
        ((config.channels * 2**stage, config.image_size // 2**stage, 1), counts * config.cells)
        for stage in range(STAGES)
    ]


def counted(chosen: NDArray[np.int64], ops: int) -> NDArray[np.int64]:
    """`n x ops` counts of operations among `n x places`; negative numbers stand for none."""
    found: NDArray[np.int64] = (chosen[:, :, None] == np.arange(ops)).sum(1, dtype=np.int64)
    return found
