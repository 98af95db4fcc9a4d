"""What the parser takes, as data: each option of a command, how it is written, and what it stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from archllm.cli.parsing import field_docs, inner_settings, option_word, taken_apart

_PATHS = ("DATA", "RUN", "SOURCE", "SPACE", "STORE", "URL")  # texts that may be paths


@dataclass(frozen=True)
class Described:
    """One option of a command, or what stands without a name.

    Example:
        >>> from archllm.cli.data import Data
        >>> repeats = next(each for each in described(Data) if each.words == ("--repeats",))
        >>> repeats.values, repeats.about
        (('error', 'first', 'mean'), 'For csv and parquet: what is kept of several scores of one architecture')
    """

    words: tuple[str, ...]
    """Its names, such as `--n` and `-n`; none where it is positional."""

    about: str
    """What it is for: the first sentence of its help."""

    metavar: str
    """What stands for the value; empty for a switch."""

    values: tuple[str, ...]
    """The values that there are, where that is a closed list."""

    many: bool
    """It takes several values, one after the other."""

    repeats: bool
    """It may be named several times."""

    path: bool
    """The value may be a path."""

    told: str
    """All of its help."""

    default: str
    """What stands for it where it is not named, as it would be written; empty where that is nothing."""

    needed: bool
    """It has to be named."""


def described(kind: type) -> list[Described]:
    """The options of a command, in the order of its help.

    Args:
        kind: the class of the command.
    """
    return list(_described(kind, ""))


def _described(kind: type, prefix: str) -> Iterator[Described]:
    hints, abouts = get_type_hints(kind, include_extras=True), field_docs(kind)
    for each in fields(kind):
        bare, note, _ = taken_apart(hints[each.name])
        word, inner = option_word(each.name, note), inner_settings(bare)
        if inner is not None:
            yield from _described(inner, prefix if note.flat else f"{prefix}{word}.")
            continue
        short = (note.short,) if note.short else ()
        words = () if note.positional else (f"--{prefix}{word}", *short)
        if get_origin(bare) is dict:
            continue  # for Python and files alone
        told = " ".join(abouts.get(each.name, "").split())
        needed = note.needed or (each.default is MISSING and each.default_factory is MISSING)
        shared: dict[str, Any] = {
            "about": _first_sentence(told),
            "told": told,
            "needed": needed,
            "default": _default(each),
        }
        several = get_origin(bare) is tuple or any(get_origin(one) is tuple for one in get_args(bare))
        if bare is bool:
            words += (f"--{prefix}no-{word}",) if each.default is True else ()
            yield Described(words, metavar="", values=(), many=False, repeats=False, path=False, **shared)
            continue
        yield Described(
            words,
            metavar=note.metavar or word.upper(),
            values=_literals(bare),
            many=several and not note.each,
            repeats=note.each,
            path=_is_path(bare) or note.metavar in _PATHS,
            **shared,
        )


def _default(of: Field[Any]) -> str:
    """The default of a field as words of a command line; nothing for switches that are off and what is not there."""
    value = of.default
    if value is MISSING or value is None or isinstance(value, bool):
        return ""
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _literals(hint: Any) -> tuple[str, ...]:
    if get_origin(hint) is Literal:
        return tuple(map(str, get_args(hint)))
    if get_origin(hint) in (Union, UnionType):
        parts = [each for each in get_args(hint) if each is not NoneType]
        return _literals(parts[0]) if len(parts) == 1 else ()
    return ()


def _is_path(hint: Any) -> bool:
    return hint is Path or any(_is_path(each) for each in get_args(hint))


def _first_sentence(text: str) -> str:
    r"""Text of a docstring, as short as a list of options has room for.

    Example:
        >>> _first_sentence("Run folder to write;\n    it appears later. More.")
        'Run folder to write'
    """
    return re.split(r"[.;](?:\s|$)", " ".join(text.split()), maxsplit=1)[0]
