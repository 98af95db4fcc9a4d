"""Architectures: a list of them that shows itself in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import SupportsIndex, overload

from archllm.errors import InvalidInput
from archllm.graphs import Graphs, concatenate
from archllm.spaces import Architecture

_DRAWN = 12  # architectures that a notebook shows
_WRITTEN = 3  # texts in a repr


class Architectures(list[Architecture]):
    """Architectures of one space; a plain list in all else.

    Example:
        >>> from archllm.spaces import load_space
        >>> found = Architectures([load_space("nasbench201").parse("0")])
        >>> len(found.graphs), found[:1].texts == found.texts
        (1, True)
    """

    @property
    def texts(self) -> list[str]:
        """The text of each, in the space's standard format."""
        return [arch.text for arch in self]

    @property
    def graphs(self) -> Graphs:
        """All of them as one batch of `n` graphs.

        Raises:
            InvalidInput: there is none.
        """
        if not self:
            raise InvalidInput("an empty list of architectures has no graphs")
        return concatenate([arch.graph for arch in self])

    @overload
    def __getitem__(self, index: SupportsIndex) -> Architecture: ...
    @overload
    def __getitem__(self, index: slice) -> Architectures: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Architecture | Architectures:
        if isinstance(index, slice):
            return Architectures(super().__getitem__(index))
        return super().__getitem__(index)

    def __repr__(self) -> str:
        return f"<{self._head()}: {', '.join(self._first(_WRITTEN))}>" if self else "<no architectures>"

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<figure style='margin:0;max-width:18em'>{arch.svg()}"
            f"<figcaption style='font-size:75%;overflow-wrap:anywhere'>{escape(arch.text)}</figcaption></figure>"
            for arch in self[:_DRAWN]
        )
        more = f"<p>… and {len(self) - _DRAWN:,} more</p>" if len(self) > _DRAWN else ""
        return f"<p>{self._head()}</p><div style='display:flex;flex-wrap:wrap;gap:1em'>{cells}</div>{more}"

    def _head(self) -> str:
        count = "1 architecture" if len(self) == 1 else f"{len(self):,} architectures"
        return f"{count} of {self[0].space.name}" if self else "no architectures"

    def _first(self, n: int) -> Sequence[str]:
        return [*self[:n].texts, *(["…"] if len(self) > n else [])]
