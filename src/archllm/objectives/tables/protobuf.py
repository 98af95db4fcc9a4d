"""Protocol buffers without their compiler: the numbered fields of a message."""

from __future__ import annotations

import struct
from collections.abc import Iterator

Value = int | float | bytes


def read_fields(message: bytes) -> Iterator[tuple[int, Value]]:
    """Number and value of each field: integers, doubles, floats, and byte strings (texts and messages in a message).

    Raises:
        ValueError: the message is damaged.
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        value: Value
        if kind == 0:
            value, at = _varint(message, at)
        elif kind == 1:
            value, at = struct.unpack("<d", _cut(message, at, 8))[0], at + 8
        elif kind == 5:
            value, at = struct.unpack("<f", _cut(message, at, 4))[0], at + 4
        elif kind == 2:
            length, at = _varint(message, at)
            value, at = _cut(message, at, length), at + length
        else:
            raise ValueError(f"a protocol buffer has no wire type {kind}")
        yield number, value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A whole number, seven bits a byte from the lowest, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = _cut(message, at, 1)[0]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
    raise ValueError("a whole number of a protocol buffer has more than ten bytes")


def _cut(message: bytes, at: int, length: int) -> bytes:
    if at + length > len(message):
        raise ValueError("a protocol buffer is truncated")
    return message[at : at + length]
