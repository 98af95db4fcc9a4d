"""GrammarNetworks: networks of the members of a grammar whose blocks are named.

A network is a tree of blocks, so its size is a sum over the tree. What a block costs depends on the block, its channels
and the resolution alone, so each is counted once, by formula where `sizes` has one, else in a module without storage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DefinitionError, InvalidInput
from archllm.graphs import Graphs
from archllm.networks.base import SpaceNetworks
from archllm.networks.blueprint import Blueprint
from archllm.networks.cells.sizes import operation_size
from archllm.networks.counting import MOST_COUNTED, conv_weights, count_params, linear_params, norm_params, trace
from archllm.networks.grammar.setting import ImageSetting, SequenceSetting
from archllm.networks.record import BlockRecord, is_ours, modules_of, sources_of
from archllm.networks.setting import NetworkSetting
from archllm.plugins import resolve_stored
from archllm.spaces.kinds.grammar.definition import BlockCall
from archllm.spaces.kinds.grammar.space import Grammar
from archllm.spaces.kinds.grammar.terms import Element, Row
from archllm.spaces.space_file import placed

if TYPE_CHECKING:
    from torch import nn

_KEPT = 50_000  # networks whose cost is known

WIDEST = 1 << 20
"""Most channels of a block."""


class Cost(NamedTuple):
    """What a part costs and gives."""

    params: int
    """Trainable parameters."""

    macs: int
    """Multiply-accumulates of one image."""

    channels: int
    """Channels of its output."""

    size: int
    """Height of its output, or tokens of a sequence."""

    def then(self, following: Cost) -> Cost:
        """This part and one that reads its output."""
        return Cost(self.params + following.params, self.macs + following.macs, following.channels, following.size)


class GrammarNetworks(SpaceNetworks):
    """Networks of the members of one grammar.

    Args:
        space: a space whose definition names what makes each block.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("conv-grammar")
        >>> arch = space.parse("sequence(conv3x3, down, residual(conv3x3), down, conv1x1)")
        >>> arch.params == sum(p.numel() for p in arch.build().parameters())
        True
    """

    space: Grammar
    small = MappingProxyType({"channels": 8})

    def __init__(self, space: Grammar) -> None:
        super().__init__(space)
        self.sequences = space.definition.form == "sequences"
        self.setting_type = SequenceSetting if self.sequences else ImageSetting
        self._cost = lru_cache(maxsize=65_536)(self._count)
        self._costs: dict[tuple[Any, tuple[int, ...]], Cost] = {}  # of whole networks, by setting and labels
        self._maker = lru_cache(maxsize=256)(self._find_maker)

    @property
    def halvings(self) -> int:
        """Most times that a network halves the resolution."""
        return self.space.halvings

    def setting(self, **options: Any) -> NetworkSetting:
        found = super().setting(**options)
        multiple = 2**self.halvings
        if found.image_size % multiple:
            raise InvalidInput(
                f"image_size must be a multiple of {multiple}, as networks of {self.space.name} halve the resolution "
                f"up to {self.halvings} times, got {found.image_size}; resize or pad the images"
            )
        return found

    def counts_import(self, setting: NetworkSetting | None = None) -> bool:
        return bool(self.imports())

    def imports(self) -> Mapping[str, Path | None]:
        return modules_of({block: call.where for block, call in self._calls.items()})

    def record(self) -> str | None:
        kept: str | None = self.space.blocks  # of a run folder, which is written again
        if kept is not None or not (modules := self.imports()):
            return kept
        return BlockRecord(sources_of(modules), {}).to_json()

    @property
    def _calls(self) -> Mapping[str, BlockCall]:
        return self.space.definition.callables

    # --- sizes -------------------------------------------------------------------------------------------------------

    def _params(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        return self._sizes(graphs, setting)[:, 0]

    def _macs(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        return self._sizes(graphs, setting)[:, 1]

    def _sizes(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        """`n x 2` parameters and multiply-accumulates."""
        setting = self._complete(setting)
        costs = [self._kept_cost(row, setting) for row in self.space.rows_of(graphs)]
        return np.array([(cost.params, cost.macs) for cost in costs], dtype=np.int64).reshape(len(graphs), 2)

    def _kept_cost(self, row: Row, setting: Any) -> Cost:
        """The same as `cost`, which a search asks for again and again."""
        found = self._costs.get((setting, row.labels))
        if found is None:
            if len(self._costs) >= _KEPT:
                self._costs.clear()
            found = self._costs[setting, row.labels] = self.cost(row, setting)
        return found

    def cost(self, row: Row, setting: Any = None) -> Cost:
        """What the network of a term costs, whether it is a member or not.

        Raises:
            InvalidInput: it is too large to be counted in 64 bits.
        """
        setting = self._complete(setting)
        if self.sequences:
            weights = (setting.in_channels * setting.patch**2 + 1) * setting.channels
            before = Cost(
                weights + setting.tokens * setting.channels, weights * setting.tokens, setting.channels, setting.tokens
            )
        else:
            weights = conv_weights(setting.in_channels, setting.channels, 3)
            pixels = setting.image_size**2
            before = Cost(
                weights + norm_params(setting.channels), weights * pixels, setting.channels, setting.image_size
            )
        body = before.then(self._row(row, before.channels, before.size))
        classifier = linear_params(body.channels, setting.num_classes)
        total = body.then(Cost(norm_params(body.channels) + classifier, classifier, setting.num_classes, 1))
        if max(total.params, total.macs) > MOST_COUNTED:
            raise InvalidInput("the network is too large to be counted in 64 bits; take fewer channels or pixels")
        return total

    def params_of(self, row: Row) -> int:
        """Parameters of the network of a term at the default setting."""
        return self.cost(row).params

    def _row(self, row: Row, channels: int, size: int) -> Cost:
        total = Cost(0, 0, channels, size)
        for element in row.elements:
            total = total.then(self._element(element, total.channels, total.size))
        return total

    def _element(self, element: Element, channels: int, size: int) -> Cost:
        if element.shape is None:
            return self._cost(self.space.op_names[element.labels[0]], channels, size)
        op, _, times = element.shape
        if op == "repeat":
            total = Cost(0, 0, channels, size)
            for _ in range(times):
                total = total.then(self._row(element.rows[0], total.channels, total.size))
            return total
        branches = [self._row(row, channels, size) for row in element.rows]
        wide, small = branches[0].channels, branches[0].size
        params, macs = sum(each.params for each in branches), sum(each.macs for each in branches)
        if op == "concat":  # a pointwise layer with bias brings the branches back to the channels of one
            weights = linear_params(len(branches) * wide, wide)
            params, macs = params + weights, macs + weights * (small if self.sequences else small**2)
        return Cost(params, macs, wide, small)

    def _count(self, block: str, channels: int, size: int) -> Cost:
        """What one block costs: `size` is the height of its input, or its tokens."""
        call, down = self._calls[block], block in self.space.definition.downsampling
        if channels > WIDEST:
            raise InvalidInput(f"a block has at most {WIDEST:,} channels; take fewer, or fewer downsampling blocks")
        known = None if call.options or down else operation_size(call.where, channels, size, 1)
        if known is not None:
            return Cost(*known, channels, size)
        import torch

        shape = (size, channels) if self.sequences else (channels, size, size)
        with torch.device("meta"):
            module = self._maker(block)(*self._widths(block, channels), **dict(call.options))
        try:
            work, found = trace(module, shape)
        except Exception as error:
            raise self._misplaced(
                f"{call.where} makes a module that fails on an input of {_by(shape)}: {type(error).__name__}: {error}",
                block,
            ) from error
        expected = (2 * channels, size // 2, size // 2) if down else shape
        if found != expected:
            raise self._misplaced(
                f"{call.where} must map {_by(shape)} to {_by(expected)}, and gives {_by(found)}", block
            )
        return Cost(count_params(module), work.macs, 2 * channels if down else channels, size // 2 if down else size)

    def _widths(self, block: str, channels: int) -> tuple[int, ...]:
        return (channels, 2 * channels) if block in self.space.definition.downsampling else (channels,)

    # --- modules -----------------------------------------------------------------------------------------------------

    def _find_maker(self, block: str) -> Callable[..., nn.Module]:
        """What makes a block; what it makes is looked at."""
        where = self._calls[block].where
        module = where.partition(":")[0]
        try:
            if not is_ours(module):
                self._record.tell_of_change(module, self.imports()[module])
            function = resolve_stored(where, self.space.origin or self.space.name)
        except InvalidInput as error:
            raise self._misplaced(str(error), block) from error

        def make(*widths: int, **options: Any) -> nn.Module:
            from torch import nn

            try:
                made = function(*widths, **options)
            except Exception as error:
                given = ", ".join([*map(str, widths), *(f"{name}={value!r}" for name, value in options.items())])
                raise self._misplaced(f"{where}({given}) raised {type(error).__name__}: {error}", block) from error
            if not isinstance(made, nn.Module):
                raise self._misplaced(f"{where} must return a torch module, and returned {type(made).__name__}", block)
            return made

        return make

    def _misplaced(self, message: str, block: str) -> DefinitionError:
        """The error of a block, with the line of the space file."""
        table = "downsampling" if block in self.space.definition.downsampling else "blocks"
        error = DefinitionError(message, table, block)
        return placed(error, self.space.file, self.space.origin or self.space.name) if self.space.file else error

    def _blueprint(self, graph: Graphs, text: str, setting: Any) -> Blueprint:
        from archllm.networks.grammar.modules import ImageNetwork, SequenceNetwork

        row = self.space.row_of(graph)
        self.cost(row, setting)  # tells of blocks that don't fit
        used = sorted(set(_blocks(row, self.space.op_names)))
        definition = self.space.definition
        arguments: dict[str, Any] = {"term": _term(row, self.space.op_names)}
        if not self.sequences:
            down = tuple(block for block in used if block in definition.downsampling)
            halvings = _halvings(row, self.space.op_names, down)
            arguments |= {"downsampling": down, "halvings": halvings}
        arguments |= {
            "options": tuple((block, self._calls[block].options) for block in used if self._calls[block].options),
            "num_classes": setting.num_classes,
            "channels": setting.channels,
            "in_channels": setting.in_channels,
        }
        if self.sequences:
            arguments |= {"patch": setting.patch, "image_size": setting.image_size}
        notes, total = [], Cost(0, 0, setting.channels, setting.tokens if self.sequences else setting.image_size)
        for number, element in enumerate(row.elements, start=1):
            part = self._element(element, total.channels, total.size)
            total = total.then(part)
            name = self.space.terms.text(self.space.terms.row([element]))
            notes.append(f"{number}: {name}, {part.params:,} parameters")
        return Blueprint(
            SequenceNetwork if self.sequences else ImageNetwork,
            arguments,
            operations=tuple(used),
            image=setting.image,
            title=f"{text} of {self.space.name}",
            notes=tuple(notes),
            callables={block: self._calls[block].where for block in used},
            makers={block: self._maker(block) for block in used},
        )


def _term(row: Row, names: tuple[str, ...]) -> tuple[Any, ...]:
    """A row as `modules` read it."""
    return tuple(
        names[element.labels[0]]
        if element.shape is None
        else (element.shape[0], element.shape[2], tuple(_term(branch, names) for branch in element.rows))
        for element in row.elements
    )


def _blocks(row: Row, names: tuple[str, ...]) -> list[str]:
    """Names of the blocks of a row."""
    found = []
    for element in row.elements:
        if element.shape is None:
            found.append(names[element.labels[0]])
        for branch in element.rows:
            found += _blocks(branch, names)
    return found


def _halvings(row: Row, names: tuple[str, ...], down: tuple[str, ...]) -> int:
    """How often a row halves the resolution."""
    total = 0
    for element in row.elements:
        if element.shape is None:
            total += names[element.labels[0]] in down
        else:
            total += element.shape[2] * _halvings(element.rows[0], names, down)
    return total


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
