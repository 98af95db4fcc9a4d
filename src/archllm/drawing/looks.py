"""Looks: how a node is called, how large it is, and which colours its family has."""

from __future__ import annotations

import re
import unicodedata
import zlib
from dataclasses import dataclass

from archllm.drawing.cell import Node
from archllm.operations import Role, by_name

FONT_SIZE = 12.0
"""Height of the text in a node, in drawing units."""

BOX_WIDTH = 70.0
"""Width of a box whose text is not unusually long."""

BOX_HEIGHT = 26.0
"""Height of a box."""

PLACE_SIZE, PLACE_HEIGHT = 9.0, 10.0
"""Height of the text that says where a node stands, and what a box grows by for it."""

SUM_DIAMETER = 20.0
"""Diameter of the circle of a sum node."""

_TIMES = "\u00d7"
_LONGEST_TEXT = 14
_WIDEST_GLYPH = 0.6  # em; an average glyph of the widest common sans-serif font

_OPERATION = re.compile(r"(?:nor_)?(conv|max_?pool|avg_?pool|sep_conv|dil_conv)_?(\d+)x(\d+)(?:-bn-relu)?")
_SHORT = {"conv": "conv", "maxpool": "max", "avgpool": "avg", "sepconv": "sep", "dilconv": "dil"}
_FAMILY: dict[Role, str] = {
    "zero": "none",
    "identity": "skip",
    "pooling": "pool",
    "separable": "sep",
    "dilated": "dil",
}
_OTHERS = ("other0", "other1", "other2", "other3")


@dataclass(frozen=True)
class Colours:
    """The colours of one family under one colour scheme, as CSS colours."""

    fill: str
    stroke: str
    text: str


_INK, _CHALK = "#1b1f24", "#f0f3f6"

# Hues from Okabe & Ito's set, which colour-blind readers can tell apart; fills are tints, so that text stays readable.
LIGHT: dict[str, Colours] = {
    "conv3": Colours("#b5d5ec", "#0072b2", _INK),
    "conv1": Colours("#e2f2fc", "#4aa5da", _INK),
    "sep": Colours("#bfe6d9", "#009e73", _INK),
    "dil": Colours("#f2d6e5", "#b8608f", _INK),
    "pool": Colours("#fce3b3", "#d08f00", _INK),
    "skip": Colours("#f6f7f8", "#848a92", _INK),
    "none": Colours("none", "#848a92", "#747a82"),
    "other0": Colours("#f8f3b0", "#b3a81a", _INK),
    "other1": Colours("#f7cdb5", "#d55e00", _INK),
    "other2": Colours("#dcd8f3", "#6a5fc0", _INK),
    "other3": Colours("#dfe3d3", "#6f7a4f", _INK),
    "port": Colours("#4a525c", "#4a525c", "#ffffff"),
    "sum": Colours("#ffffff", "#4a525c", _INK),
}
"""Colours of each family on a light page."""

DARK: dict[str, Colours] = {
    "conv3": Colours("#0d4a70", "#4aa5da", _CHALK),
    "conv1": Colours("#1d3444", "#6fbbe6", _CHALK),
    "sep": Colours("#0b4a3a", "#2fc39a", _CHALK),
    "dil": Colours("#55304a", "#d98ab5", _CHALK),
    "pool": Colours("#5a4109", "#e6a91f", _CHALK),
    "skip": Colours("#2c3036", "#9aa0a8", _CHALK),
    "none": Colours("none", "#848a92", "#8d939b"),
    "other0": Colours("#4b4710", "#d9cd3a", _CHALK),
    "other1": Colours("#5e2c0b", "#ee7e2a", _CHALK),
    "other2": Colours("#383263", "#9c92e8", _CHALK),
    "other3": Colours("#3a412a", "#a3b07c", _CHALK),
    "port": Colours("#c3c9d1", "#c3c9d1", _INK),
    "sum": Colours("#23272d", "#c3c9d1", _CHALK),
}
"""Colours of each family on a dark page."""

LINE = "#7d838b"
"""Edges and headings: a grey that is readable on white and on black, since a page need not follow the scheme."""


def family(node: Node) -> str:
    """The family of a node, a key of `LIGHT` and `DARK`; an unknown operation always gets the same of the spare ones.

    Example:
        >>> family(Node("conv3x3-bn-relu", "op")), family(Node("avg_pool_3x3", "op"))
        ('conv3', 'pool')
    """
    if node.role in ("input", "output"):
        return "port"
    if node.role == "sum":
        return "sum"
    operation = node.operation or by_name(node.label)
    if operation.role == "convolution":
        return "conv1" if operation.kernel == 1 else "conv3"
    if operation.role == "other":
        return _OTHERS[zlib.crc32(node.label.encode(errors="replace")) % len(_OTHERS)]
    return _FAMILY[operation.role]


def carries_nothing(node: Node) -> bool:
    """Whether a node's output is always zero, so that it and its edges are drawn faintly."""
    return family(node) == "none"


def short_label(node: Node) -> str:
    """The text that fits into a box.

    Example:
        >>> short_label(Node("skip_connect", "op"))
        'skip'
    """
    if node.role == "op":
        match = _OPERATION.fullmatch(node.label)
        if match is not None:
            return f"{_SHORT[match[1].replace('_', '')]} {match[2]}{_TIMES}{match[3]}"
        if node.label == "skip_connect":
            return "skip"
    return clipped(node.label, 3 if node.role == "sum" else _LONGEST_TEXT)


def clipped(text: str, length: int) -> str:
    """`text`, or its beginning and an ellipsis where it has more than `length` characters."""
    return text if len(text) <= length else text[: max(length - 1, 0)].rstrip() + "…"


def text_width(text: str, font_size: float = FONT_SIZE) -> float:
    """An upper estimate of the width of a text, in drawing units."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return font_size * (_WIDEST_GLYPH * (len(text) - wide) + wide)


def size(node: Node) -> tuple[float, float]:
    """Width and height of a node in drawing units."""
    if node.role == "sum":
        return SUM_DIAMETER, SUM_DIAMETER
    width = max(text_width(short_label(node)), text_width(node.place, PLACE_SIZE)) + 12.0
    return max(BOX_WIDTH, width), BOX_HEIGHT + (PLACE_HEIGHT if node.place else 0.0)
