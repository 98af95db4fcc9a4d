"""Networks of DARTS' genotypes."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from archllm.config import Bounds
from archllm.errors import InvalidInput
from archllm.graphs import Graphs
from archllm.networks.base import SpaceNetworks
from archllm.networks.blueprint import Blueprint
from archllm.networks.darts import counts
from archllm.networks.setting import NetworkSetting, Size
from archllm.spaces.kinds.genotype import Genotype

Stem = Literal["cifar", "imagenet"]

HALVINGS = {"cifar": 4, "imagenet": 32}
"""By how much a network of either stem shrinks an image, reduction cells included."""

AUXILIARY_SIZES = {"cifar": (8, 10), "imagenet": (7, 8)}
"""Smallest and largest feature maps that the auxiliary head can pool to 2 x 2."""


@dataclass(frozen=True, kw_only=True)
class DARTSSetting(NetworkSetting):
    """Evaluation network of DARTS (Liu et al., 2019, section 3 and appendix A)."""

    channels: Size = 36
    """Channels of the first cells (C); they double at each of the two reduction cells."""

    layers: Size = 20
    """Cells in all; those at a third and two thirds are reduction cells, all of them where there are only 1 or 2."""

    stem: Stem = "cifar"
    """`cifar` keeps the resolution; `imagenet` reduces it by 8 before the first cell."""

    auxiliary: bool = False
    """A second classifier after the second reduction cell, for training; needs images of about the paper's size."""

    drop_path: Annotated[float, Bounds(0, below=1)] = 0.0
    """Probability with which training drops an operation's output for an image; in [0, 1)."""

    SIZE_MULTIPLE: ClassVar[int] = 4
    """That of the cifar stem; the imagenet stem needs 32, see `HALVINGS`."""

    def _check_together(self) -> None:
        super()._check_together()
        if self.stem == "imagenet" and self.channels < 2:
            raise InvalidInput(f"channels must be at least 2 with the imagenet stem, got {self.channels}")
        multiple = HALVINGS[self.stem]
        if self.image_size % multiple:
            raise InvalidInput(
                f"image_size must be a multiple of {multiple} with the {self.stem} stem, got {self.image_size}; "
                "resize or pad the images"
            )
        if self.auxiliary:
            least, most = AUXILIARY_SIZES[self.stem]
            if self.layers < 2 or not least <= self.image_size // multiple <= most:
                raise InvalidInput(
                    f"the auxiliary head needs at least 2 layers and, with the {self.stem} stem, an image_size of "
                    f"{least * multiple} to {most * multiple}, got {self.layers} layers and {self.image_size}"
                )


class DARTSNetworks(SpaceNetworks):
    """Evaluation networks of DARTS.

    Args:
        space: DARTS.
    """

    space: Genotype
    setting_type = DARTSSetting
    small = MappingProxyType({"channels": 4, "layers": 3})

    def _params(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        return counts.params(*self.space.parts_of(graphs), self.space.ops, setting)

    def _macs(self, graphs: Graphs, setting: Any) -> NDArray[np.int64]:
        return counts.macs(*self.space.parts_of(graphs), self.space.ops, setting)

    def _blueprint(self, graph: Graphs, text: str, setting: Any) -> Blueprint:
        from archllm.networks.darts.modules import Network

        space = self.space
        sources, ops = (part[0].reshape(len(space.cells), -1) for part in space.parts_of(graph))
        normal, reduce = (
            tuple((space.ops[op], int(source)) for op, source in zip(ops[cell], sources[cell], strict=True))
            for cell in range(len(space.cells))
        )
        notes = [
            f"{cell} node {node + 2} = " + " + ".join(f"{op}({_state(source)})" for op, source in edges[2 * node :][:2])
            for cell, edges in zip(space.cells, (normal, reduce), strict=True)
            for node in range(space.inner)
        ]
        return Blueprint(
            Network,
            {
                "normal": normal,
                "reduce": reduce,
                "num_classes": setting.num_classes,
                "channels": setting.channels,
                "layers": setting.layers,
                "in_channels": setting.in_channels,
                "stem": setting.stem,
                "auxiliary": setting.auxiliary,
                "drop_path": setting.drop_path,
            },
            operations=tuple(dict.fromkeys(op for op, _ in (*normal, *reduce))),
            image=setting.image,
            title=f"DARTS genotype {text}",
            notes=(
                "c_{k-1} = output of the cell before, c_{k-2} = output of the one before that",
                *notes,
                "output of a cell = its nodes, joined",
                "operations of reduce cells on c_{k-2} and c_{k-1} halve the resolution",
            ),
        )


def _state(source: int) -> str:
    return ("c_{k-2}", "c_{k-1}")[source] if source < 2 else f"node {source}"
