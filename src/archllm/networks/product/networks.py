"""ProductNetworks: networks of cells whose widths, depths and resolution are chosen beside the cell.

A space file says in `[network]` which part is the `cell`, and from which slots sizes are read. With these in place of
the setting's own, a member's network is one of its cell's, and so are its counts, exports and drawings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archllm.config import did_you_mean
from archllm.errors import DefinitionError, InvalidInput
from archllm.graphs import Graphs
from archllm.networks.base import SpaceNetworks
from archllm.networks.blueprint import Blueprint
from archllm.networks.cells.base import CellNetworks
from archllm.networks.cells.setting import STAGES, ScaledSetting
from archllm.networks.record import BlockRecord, sources_of
from archllm.networks.setting import NetworkSetting
from archllm.spaces.definition import Definition
from archllm.spaces.kinds.product.space import Product
from archllm.spaces.space_file import placed

RESOLUTION = "resolution"
"""The size that images are resized to inside the network."""

MOST_RECORDED = 1_024
"""Most scales for which a run folder records sizes of blocks."""

MOST_KEPT = 1 << 16
"""Settings with sizes of members that are kept: to make and check one takes as long as to count a network."""

_OF_DATA = ("num_classes", "in_channels", "image_size")
_STAGED = ("channels", "cells")


class ProductNetworks(SpaceNetworks):
    """Networks of the members of a product that says which part is the cell.

    Args:
        space: a product whose definition has a `network`.

    Raises:
        DefinitionError: the sizes that it names are none of its cell's networks.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("scaled-cells")
        >>> text = "cell: 0; scale: [width1=8 width2=16 width3=32 depth1=1 depth2=1 depth3=1 resolution=16]"
        >>> networks = space.require_networks()
        >>> networks.params(space.parse(text).graph), networks.params(space.parse(text.replace("=32", "=64")).graph)
        (array([21650]), array([61202]))
    """

    space: Product

    def __init__(self, space: Product) -> None:
        super().__init__(space)
        self._cell_name = str(space.definition.network["cell"])
        self._at = list(space.parts).index(self._cell_name)
        self._cell = space.parts[self._cell_name]
        if isinstance(space.definition.parts[self._cell_name], Definition):  # made for this space alone
            self._cell.blocks, self._cell.origin = space.blocks, space.origin
        inner = self._cell.networks
        if not isinstance(inner, SpaceNetworks):
            raise self._misplaced(
                f"no network can be made of the cell {self._cell_name}: name a block for each operation", "cell"
            )
        self._inner: SpaceNetworks = inner
        self._slots = {
            key: [space.slot(name, key) for name in ((value,) if isinstance(value, str) else value)]
            for key, value in space.definition.network.items()
            if key != "cell"
        }
        for key in self._slots:
            self._check(key)
        self._check_all_read()
        self._scaled = lru_cache(maxsize=MOST_KEPT)(self._with_sizes)

    def _check(self, key: str) -> None:
        """Makes sure that a size is one of the cell's networks, and read from as many slots as it has stages."""
        staged = isinstance(self._inner, CellNetworks)
        own = [entry.name for entry in fields(self._inner.setting_type) if entry.name not in _OF_DATA]
        known = [*own, *[RESOLUTION] * staged]
        if key not in known:
            near = did_you_mean(key, known)
            hint = f"; {near}" if near else "."
            raise self._misplaced(f"unknown size{hint} Networks of {self._cell_name} have {', '.join(known)}", key)
        slots = self._slots[key]
        if len(slots) > 1 and not (staged and key in _STAGED and len(slots) == STAGES):
            wanted = f"one slot, or one for each of {STAGES} stages" if staged and key in _STAGED else "one slot"
            raise self._misplaced(f"must be read from {wanted}, found {len(slots)}", key)
        for value in {value for _, _, values in slots for value in values}:
            try:
                if key == RESOLUTION:
                    self._inner.setting_type(image_size=value)
                else:
                    self._inner.setting_type.of({key: value})
            except InvalidInput as error:
                raise self._misplaced(str(error), key) from error

    def _check_all_read(self) -> None:
        """Makes sure that members that differ have different networks."""
        read = {(at, place) for slots in self._slots.values() for at, place, _ in slots}
        for at, (part, space) in enumerate(self.space.parts.items()):
            names: tuple[str, ...] = getattr(space, "slot_names", ())
            missing = [name for place, name in enumerate(names) if (at, place) not in read]
            if at != self._at and (missing or not names):
                what = f"{part}.{missing[0]}" if missing else part
                raise self._misplaced(
                    f"no size is read from {what}, so that architectures would differ whose networks do not"
                )

    def _misplaced(self, message: str, *key: str) -> DefinitionError:
        """The error of an entry of [network], with the line of the space file."""
        return self._placed(DefinitionError(message, "network", *key))

    def _placed(self, error: DefinitionError) -> DefinitionError:
        file = self.space.file
        return placed(error, file, self.space.origin or self.space.name) if file else error

    @contextmanager
    def _placing(self) -> Iterator[None]:
        """Gives errors of the cell's blocks the line of the space file."""
        try:
            yield
        except DefinitionError as error:
            if error.placed:
                raise
            raise self._placed(DefinitionError(error.message, "parts", self._cell_name, *error.key)) from error

    # --- settings ----------------------------------------------------------------------------------------------------

    @cached_property
    def setting_type(self) -> type[NetworkSetting]:  # type: ignore[override]  # that of the cell
        return self._inner.setting_type

    @cached_property
    def small(self) -> MappingProxyType[str, Any]:  # type: ignore[override]
        return MappingProxyType({key: value for key, value in self._inner.small.items() if key not in self._slots})

    def setting(self, **options: Any) -> NetworkSetting:
        usual = self.setting_type()
        for key in self._slots:
            if options.get(key) not in (None, getattr(usual, key, None)):  # a setting that is kept names all fields
                names = self.space.definition.network[key]
                where = names if isinstance(names, str) else ", ".join(names)
                raise InvalidInput(f"{key} of networks of {self.space.name} is chosen by {where}: leave it out")
        return super().setting(**options)

    def _with_sizes(self, setting: Any, values: tuple[int, ...]) -> Any:
        """The setting with the sizes of a member, in the order of `_slots`."""
        left = list(values)
        sizes = {key: tuple(left.pop(0) for _ in slots) for key, slots in self._slots.items()}
        if not isinstance(self._inner, CellNetworks):
            return replace(setting, **{key: value for key, (value,) in sizes.items()})
        channels, cells = (sizes.get(key, (getattr(setting, key),)) for key in _STAGED)
        return ScaledSetting(
            **{key: getattr(setting, key) for key in _OF_DATA},
            channels=channels[0],
            cells=cells[0],
            stage_widths=channels if len(channels) > 1 else tuple(channels[0] * 2**stage for stage in range(STAGES)),
            stage_cells=cells if len(cells) > 1 else cells * STAGES,
            resolution=sizes.get(RESOLUTION, (None,))[0],
        )

    def _scales(self, graphs: Graphs) -> NDArray[np.int64]:
        """`n x k` sizes of members, in the order of `_slots`."""
        parts: list[tuple[Any, Graphs]] = self.space.parted(graphs)
        chosen = {at: space.choices_of(part) for at, (space, part) in enumerate(parts) if at != self._at}
        columns = [
            np.array(values, dtype=np.int64)[chosen[at][:, place]]
            for slots in self._slots.values()
            for at, place, values in slots
        ]
        return np.stack(columns, axis=1) if columns else np.zeros((len(graphs), 0), dtype=np.int64)

    # --- sizes, modules ----------------------------------------------------------------------------------------------

    def _params(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        return self._sized(graphs, setting, "params")

    def _macs(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        return self._sized(graphs, setting, "macs")

    def _sized(self, graphs: Graphs, setting: Any, what: Literal["params", "macs"]) -> NDArray[np.int64]:
        cells = self.space.parted(graphs)[self._at][1]
        scales, scale_of = np.unique(self._scales(graphs), axis=0, return_inverse=True)
        scale_of = scale_of.reshape(-1)
        settings = [self._scaled(setting, tuple(scale)) for scale in scales.tolist()]
        found = np.zeros(len(graphs), dtype=np.int64)
        with self._placing():
            if isinstance(self._inner, CellNetworks):
                return self._inner.sized(cells, settings, scale_of, what)
            count = self._inner._params if what == "params" else self._inner._macs
            for number, own in enumerate(settings):
                rows = np.flatnonzero(scale_of == number)
                found[rows] = count(cells[rows], own)
        return found

    def _blueprint(self, graph: Graphs, text: str, setting: Any) -> Blueprint:
        cell = self.space.parted(graph)[self._at][1]
        scaled = self._scaled(setting, tuple(self._scales(graph)[0].tolist()))
        with self._placing():
            made = self._inner._blueprint(cell, self._cell._format(cell), scaled)
        return replace(made, title=f"{text} of {self.space.name}")

    # --- blocks of others --------------------------------------------------------------------------------------------

    def counts_import(self, setting: NetworkSetting | None = None) -> bool:
        scales = self._all_scales(self._complete(setting)) if self.imports() else []
        if isinstance(self._inner, CellNetworks) and scales:
            return self._inner.count_imports(scales)
        return bool(self.imports())

    def _all_scales(self, setting: Any) -> list[Any]:
        """The setting with every combination of sizes; none if they are too many."""
        choices = [values for slots in self._slots.values() for _, _, values in slots]
        if np.prod([len(values) for values in choices], dtype=np.float64) > MOST_RECORDED:
            return []
        return [self._scaled(setting, values) for values in product(*choices)]

    def imports(self) -> Mapping[str, Path | None]:
        return self._inner.imports()

    def record(self) -> str | None:
        kept: str | None = self.space.blocks  # of a run folder, which is written again
        if kept is not None or not (modules := self.imports()):
            return kept
        if isinstance(self._inner, CellNetworks):
            return self._inner.record_of(self._all_scales(self.setting()))
        return BlockRecord(sources_of(modules), {}).to_json()
