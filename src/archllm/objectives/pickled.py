"""What a pickle of plain data may call: each of a few globals stands for a function of ours that builds plain data.

Even numpy's own constructors would go too far: given a raw buffer and the type "object", they take bytes of the file
for addresses in memory.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import shown

MOST_DIMENSIONS = 8
"""Most dimensions of an array."""

Spend = Callable[[int], None]
"""Told how many bytes or entries a call is about to copy; it raises a `ValueError` where that is too much in all."""


class Array(np.ndarray[Any, np.dtype[Any]]):
    """An array that a pickle fills with plain numbers, by a state of its own."""

    def complete(self, state: Any, spend: Spend) -> None:
        """Takes over shape, type and content.

        Raises:
            ValueError: they are none of an array of plain numbers.
        """
        _, shape, dtype, fortran, data = state
        content = data.encode("latin1") if isinstance(data, str) else data  # a byte string of Python 2
        if not isinstance(dtype, DType) or not isinstance(content, bytes):
            raise ValueError("an array of something else than plain numbers")
        spend(len(content))
        kind = dtype.plain()
        filled: Any = (1, _shape(shape, kind, len(content)), kind, bool(fortran), content)
        super().__setstate__(filled)


class DType:
    """The type of an array's numbers: a code such as `f8`, and a byte order."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code, self.order = _text(code), "="

    def complete(self, state: Any, spend: Spend) -> None:
        """Takes over the byte order."""
        self.order = _text(state[1])

    def plain(self) -> np.dtype[Any]:
        """The type, if it is one of plain numbers or texts."""
        digits = self.code[1:]
        known = self.code[:1] in tuple("biufcSU") and digits.isdecimal() and digits.isascii() and len(digits) < 8
        if not known or self.order not in tuple("<>=|"):
            raise ValueError(f"an array of type {shown(self.code)}, which is none of plain numbers")
        return np.dtype(self.order.replace("|", "=") + self.code)


class Global:
    """A global by the name under which a pickle may call it.

    Args:
        name: how it is called.
        make: what is called in its place, with `spend` and the arguments; `None` for one that is only named.
    """

    def __init__(self, name: str, make: Callable[..., Any] | None) -> None:
        self.name, self.make = name, make


def is_key(value: Any) -> bool:
    """Whether a value may be a key or a member of a set.

    Texts, byte strings, whole numbers, or a short tuple of these that begins with a text: neither nested nor shared,
    so that it takes no time to hash, and hashed by a secret of the process or by its value, so that keys can't be made
    to collide.
    """
    kind = type(value)
    if kind is tuple:
        return (
            0 < len(value) <= 8
            and type(value[0]) in (str, bytes)
            and all(type(part) in (str, bytes) or _is_small(part) for part in value)
        )
    return kind in (str, bytes) or _is_small(value)


def _is_small(value: Any) -> bool:
    return value is None or (isinstance(value, int | np.integer) and abs(int(value)) < 2**53)


def _array(spend: Spend, kind: Any, *_: Any) -> Array:
    """An empty array; its state, which follows, says the rest."""
    if not isinstance(kind, Global) or kind.name != "ndarray":
        raise ValueError("an array of an unknown class")
    return Array((0,), np.dtype(np.int8))


def _from_buffer(spend: Spend, buffer: Any, dtype: DType, shape: Any, order: Any) -> NDArray[Any]:
    if not isinstance(buffer, bytes) or order not in ("C", "F"):
        raise ValueError("an array of something else than plain numbers")
    spend(len(buffer))
    kind = dtype.plain()
    return np.frombuffer(buffer, kind).reshape(_shape(shape, kind, len(buffer)), order=order).copy()


def _number(spend: Spend, dtype: DType, content: Any) -> Any:
    raw = content.encode("latin1") if isinstance(content, str) else content
    kind = dtype.plain()
    if not isinstance(raw, bytes) or len(raw) != kind.itemsize:
        raise ValueError("a number of another length than its type has")
    spend(len(raw))
    return np.frombuffer(raw, kind, 1)[0]


def _shape(shape: Any, kind: np.dtype[Any], size: int) -> tuple[int, ...]:
    """The shape, if so many bytes fill it exactly."""
    if not isinstance(shape, tuple | list) or len(shape) > MOST_DIMENSIONS:
        raise ValueError(f"an array of more than {MOST_DIMENSIONS} dimensions")
    if not all(isinstance(length, int) and 0 <= length < 2**40 for length in shape):
        raise ValueError(f"an array of the shape {shown(shape)}")
    if not kind.itemsize or math.prod(shape) * kind.itemsize != size:
        raise ValueError(f"an array of the shape {shown(tuple(shape))} whose content has {size} bytes")
    return tuple(shape)


def _bytes(spend: Spend, text: str, encoding: str = "latin1") -> bytes:
    """How pickles before protocol 3 write byte strings."""
    if encoding not in ("latin1", "latin-1") or not isinstance(text, str):
        raise ValueError(f"bytes in the encoding {shown(encoding)}")
    spend(len(text))
    return text.encode("latin1")


def _empty_bytes(spend: Spend) -> bytes:
    return b""


def _ordered(spend: Spend, pairs: Any = ()) -> OrderedDict[Any, Any]:
    """A dictionary; Python 2 wrote its entries as a list of pairs."""
    found: OrderedDict[Any, Any] = OrderedDict()
    for key, value in _members(spend, pairs):
        if not is_key(key):
            raise ValueError(f"a key of type {type(key).__name__}")
        found[key] = value
    return found


def _set(spend: Spend, members: Any = ()) -> set[Any]:
    members = _members(spend, members)
    if not all(map(is_key, members)):
        raise ValueError("a set of something else than texts and whole numbers")
    return set(members)


def _members(spend: Spend, values: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(values, list | tuple):
        raise ValueError(f"entries in the form of a {type(values).__name__}")
    spend(len(values))
    return values


def _text(value: Any) -> str:
    found = value.decode("latin1") if isinstance(value, bytes) else value
    if not isinstance(found, str) or len(found) > 20:
        raise ValueError("an array whose type has no name")
    return found


GLOBALS: dict[tuple[str, str], Global] = {
    ("collections", "OrderedDict"): Global("OrderedDict", _ordered),
    ("_codecs", "encode"): Global("encode", _bytes),
    **{
        (module, name): Global(name, make)
        for module in ("builtins", "__builtin__")
        for name, make in (("set", _set), ("frozenset", lambda spend, members=(): frozenset(_set(spend, members))))
    },
    **{(module, "bytes"): Global("bytes", _empty_bytes) for module in ("builtins", "__builtin__")},
    ("numpy", "ndarray"): Global("ndarray", None),
    ("numpy", "dtype"): Global("dtype", lambda spend, *arguments: DType(*arguments)),
    **{
        (f"numpy.{core}.{module}", name): Global(name, make)
        for core in ("core", "_core")  # the first is how numpy 1 called it
        for module, name, make in (
            ("multiarray", "_reconstruct", _array),
            ("multiarray", "scalar", _number),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
}
"""Module and name of the globals that only build plain data: dictionaries, sets, arrays, numbers, byte strings."""
