"""Designs that people know, as members of a space: what a search begins with.

A search of a fit has time for a few dozen short trainings, in spaces of millions, so it begins with what is known to
learn well: each design as wide as the limits allow. What the others find is compared with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from archllm.graphs import Graphs, concatenate
from archllm.searchers.domain import Allowed
from archllm.spaces import Architecture, SearchSpace

_WIDTHS = ((24, 32, 64, 128), (24, 24, 48, 96), (16, 16, 32, 64), (8, 16, 24, 48))
"""Channels of the stem and of the three stages of `mobile`, the widest first: each stage about twice the one before."""

_USUAL = 2  # the row of them that is published


@dataclass(frozen=True)
class MobileDesign:
    """A network of three stages alike.

    Example:
        >>> next(MobileDesign("basic", 2, 1).members())[:61]
        '[stem=24 stem_stride=2 block1=basic block2=basic block3=basic'
    """

    block: str
    """Kind of the blocks."""

    stem_stride: int
    """2 where all of it works on half the resolution."""

    depth: int
    """Blocks of each stage."""

    expansion: int | None = None
    """Channels inside of a block in units of its own; `None` for blocks that have none."""

    kernel: int | None = None
    """Height and width of its kernel, likewise."""

    def members(self) -> Iterator[str]:
        """Texts of members of `mobile`, the widest first."""
        for stem, *widths in _WIDTHS:
            slots: dict[str, object] = {"stem": stem, "stem_stride": self.stem_stride}
            stages = range(1, 4)
            slots |= {f"block{stage}": self.block for stage in stages}
            slots |= {f"kernel{stage}": self.kernel for stage in stages if self.kernel}
            slots |= {f"width{stage}": width for stage, width in zip(stages, widths, strict=True)}
            slots |= {f"depth{stage}": self.depth for stage in stages}
            slots |= {f"expansion{stage}": self.expansion for stage in stages if self.expansion}
            slots |= {"squeeze": "false", "activation": "relu", "head": 0}
            yield f"[{' '.join(f'{name}={value}' for name, value in slots.items())}]"


DESIGNS: dict[str, tuple[MobileDesign, ...]] = {
    "mobile": (
        MobileDesign("basic", 2, 1),  # ResNet-8 (Banbury et al., 2021) on half the resolution
        MobileDesign("basic", 1, 1),  # and as it is
        MobileDesign("fused", 2, 2, expansion=1),  # the same convolutions, a shortcut around each
        MobileDesign("mb", 2, 2, expansion=1, kernel=3),  # depthwise separable ones (Howard et al., 2017)
    ),
}
"""Spaces -> designs, the first of which is evaluated first."""


def usual_designs(space: SearchSpace) -> Graphs | None:
    """Each design at its usual width; `None` for a space whose designs nobody wrote down."""
    designs = DESIGNS.get(space.name, ())
    return concatenate([space.parse(list(each.members())[_USUAL]).graph for each in designs]) if designs else None


def known_designs(space: SearchSpace, allowed: Allowed | None) -> list[Architecture]:
    """The widest member of each design that may be asked for; none of a space whose designs nobody wrote down.

    Args:
        space: the space.
        allowed: which members keep to the limits; `None` for all.

    Example:
        >>> from archllm.spaces import load_space
        >>> len(known_designs(load_space("mobile"), None)), known_designs(load_space("nasbench201"), None)
        (4, [])
    """
    found: list[Architecture] = []
    for design in DESIGNS.get(space.name, ()):
        graphs = concatenate([space.parse(text).graph for text in design.members()])
        kept = np.ones(len(graphs), dtype=np.bool_) if allowed is None else allowed(graphs)
        if kept.any():
            found.append(space.architecture(graphs[[int(kept.argmax())]]))
    return found
