"""Texts of products: `cell: |skip~0|+|…|; scale: [width=16 depth=2]`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archllm.config import did_you_mean
from archllm.errors import FormatError, shown

SEPARATOR = ";"
"""What stands between parts, and in no text of a part."""

_NAME = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*:")


@dataclass(frozen=True)
class PartText:
    """The text of one part."""

    text: str
    """The text."""

    position: int
    """Where it begins in the whole."""


def split_parts(text: str, parts: Sequence[str]) -> dict[str, PartText]:
    """Reads `NAME: TEXT; NAME: TEXT …`; parts may come in any order.

    Args:
        text: the text.
        parts: names of the parts, each of which must be there.

    Raises:
        FormatError: with the position of the first thing that does not fit.

    Example:
        >>> {name: part.text.strip() for name, part in split_parts("a: 1; b: [x=2]", ["a", "b"]).items()}
        {'a': '1', 'b': '[x=2]'}
    """
    found: dict[str, PartText] = {}
    at = 0
    for piece in text.split(SEPARATOR):
        name = _NAME.match(piece)
        begin = at + len(piece) - len(piece.lstrip())
        if name is None:
            example = f"{parts[0]}: …{SEPARATOR} {parts[1]}: …"
            raise FormatError(f"expected the name of a part and its text, as in {example!r}", text, begin)
        if name[1] not in parts:
            near = did_you_mean(name[1], parts)
            hint = f"; {near}" if near else f"; parts are {', '.join(parts)}"
            raise FormatError(f"there is no part {shown(name[1])}{hint}", text, begin)
        if name[1] in found:
            raise FormatError(f"the part {name[1]!r} stands twice", text, begin)
        found[name[1]] = PartText(piece[name.end() :], at + name.end())
        at += len(piece) + len(SEPARATOR)
    missing = [part for part in parts if part not in found]
    if missing:
        raise FormatError(f"the part {missing[0]!r} is missing", text, len(text.rstrip()))
    return found


def join_parts(texts: Mapping[str, str]) -> str:
    """The inverse of `split_parts`.

    Example:
        >>> join_parts({"a": "1", "b": "[x=2]"})
        'a: 1; b: [x=2]'
    """
    return f"{SEPARATOR} ".join(f"{name}: {text}" for name, text in texts.items())
