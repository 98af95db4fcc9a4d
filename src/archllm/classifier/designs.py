"""Designs that people know, as members of a space: what a search begins with.

A search of a fit has time for a few dozen short trainings, in spaces of millions, so it begins with what is known to
learn well: each design as large as the limits allow. What the others find is compared with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archllm.classifier.limits import MARGIN, Limits
from archllm.classifier.members import met
from archllm.graphs import Graphs, concatenate
from archllm.spaces import Architecture, SearchSpace

if TYPE_CHECKING:
    from archllm.classifier.latency import FileLatency

_STEMS, _STAGES = (8, 16, 24), ((16, 24, 32), (24, 32, 48, 64), (48, 64, 96, 128))
"""Channels that the stem and the three stages of `mobile` may have."""

_GROWTH = (1.3, 2.7)
"""A stage has so many times the channels of the one before: about twice, and what its choices leave to fill limits."""

_USUAL = (16, 16, 32, 64)
"""Stem and stages as they are published."""

TRIED = (1.1, 1.0, 0.95, 0.9, 0.8)
"""Of each design, the largest member expected to take such a share of a limit on latency at most is measured."""


@dataclass(frozen=True)
class MobileDesign:
    """A network of three stages with one kind of block.

    Example:
        >>> MobileDesign("basic", 2, (1, 1, 1)).member(16, (16, 32, 64))[:61]
        '[stem=16 stem_stride=2 block1=basic block2=basic block3=basic'
    """

    block: str
    """Kind of the blocks."""

    stem_stride: int
    """2 where all of it works on half the resolution."""

    depths: tuple[int, int, int]
    """Blocks of each stage."""

    expansion: int | None = None
    """Channels inside of a block in units of its own; `None` for blocks that have none."""

    kernel: int | None = None
    """Height and width of its kernel, likewise."""

    def members(self) -> Iterator[str]:
        """Texts of members of `mobile` at all widths."""
        least, most = _GROWTH
        for stem, first, second, third in product(_STEMS, *_STAGES):
            grows = all(least <= ratio <= most for ratio in (second / first, third / second))
            if grows and stem <= first <= 2 * stem:
                yield self.member(stem, (first, second, third))

    def member(self, stem: int, widths: tuple[int, int, int]) -> str:
        """Text of its member with so many channels in the stem and in the stages."""
        slots: dict[str, object] = {"stem": stem, "stem_stride": self.stem_stride}
        stages = range(1, 4)
        slots |= {f"block{stage}": self.block for stage in stages}
        slots |= {f"kernel{stage}": self.kernel for stage in stages if self.kernel}
        slots |= {f"width{stage}": width for stage, width in zip(stages, widths, strict=True)}
        slots |= {f"depth{stage}": depth for stage, depth in zip(stages, self.depths, strict=True)}
        slots |= {f"expansion{stage}": self.expansion for stage in stages if self.expansion}
        slots |= {"squeeze": "false", "activation": "relu", "head": 0}
        return f"[{' '.join(f'{name}={value}' for name, value in slots.items())}]"


DESIGNS: dict[str, tuple[MobileDesign, ...]] = {
    "mobile": (
        MobileDesign("mb", 2, (3, 4, 2), expansion=1, kernel=3),  # depthwise separable, deep (Howard et al., 2017)
        MobileDesign("basic", 2, (1, 1, 1)),  # ResNet-8 (Banbury et al., 2021) on half the resolution
        MobileDesign("basic", 1, (1, 1, 1)),  # and as it is
        MobileDesign("mb", 1, (3, 4, 2), expansion=1, kernel=3),  # the first on the whole resolution
        MobileDesign("fused", 2, (2, 2, 2), expansion=1),  # the convolutions of the second, a shortcut around each
        MobileDesign("mb", 2, (2, 2, 2), expansion=1, kernel=3),  # the first, less deep
    ),
}
"""Spaces -> designs. The first is evaluated first, and goes on to the last comparison of longer trainings whatever a
short one says of it: as deep networks do, it learns slowly, and catches up with the others (docs/results/fit.md)."""


def usual_designs(space: SearchSpace) -> Graphs | None:
    """Each design at its usual width; `None` for a space whose designs nobody wrote down."""
    return _parsed(space, [design.member(_USUAL[0], _USUAL[1:]) for design in DESIGNS.get(space.name, ())])


def all_designs(space: SearchSpace) -> Graphs | None:
    """All designs at all widths; `None` for a space whose designs nobody wrote down."""
    return _parsed(space, [text for design in DESIGNS.get(space.name, ()) for text in design.members()])


def _parsed(space: SearchSpace, texts: list[str]) -> Graphs | None:
    return concatenate([space.parse(text).graph for text in texts]) if texts else None


def known_designs(
    space: SearchSpace, setting: Any, limits: Limits, latency: FileLatency | None = None
) -> list[Architecture]:
    """The member of each design that computes most within limits; none of a space whose designs nobody wrote down.

    Args:
        space: the space.
        setting: the network setting.
        limits: the limits.
        latency: milliseconds of files; needed for a limit on latency, which is held against measured ones.

    Example:
        >>> from archllm.spaces import load_space
        >>> for name in ("mobile", "nasbench201"):
        ...     space = load_space(name)
        ...     len(known_designs(space, space.networks.setting(), Limits(params=100_000)))
        6
        0
    """
    macs, inside = space.require_networks().macs, met(limits, space, setting)
    found: list[Architecture] = []
    for design in DESIGNS.get(space.name, ()):
        graphs = concatenate([space.parse(text).graph for text in design.members()])
        graphs = graphs[np.flatnonzero(inside(graphs))]
        graphs = graphs[np.argsort(-macs(graphs, setting), kind="stable")]
        if latency is not None and len(graphs):
            graphs = graphs[_fast_enough(graphs, latency)]
        if len(graphs):
            found.append(space.architecture(graphs[[0]]))
    return found


def _fast_enough(graphs: Graphs, latency: FileLatency) -> NDArray[np.int64]:
    """Rows of a few that were measured to keep to the limit with a margin, of graphs with the largest first."""
    share = latency.predicted(graphs) / latency.limit
    rows = np.unique([int((share <= most).argmax()) for most in TRIED if (share <= most).any()]).astype(np.int64)
    return rows[latency.measured(graphs[rows]) <= MARGIN * latency.limit] if len(rows) else rows
