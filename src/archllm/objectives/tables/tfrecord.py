"""TFRecord files without TensorFlow: framed records, each with a checksum of its length and one of its content."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError

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


LONGEST = 1 << 20
"""Most bytes of one record; those of NAS-Bench-101 have about 1,500."""

_BLOCK = 2048  # bytes whose checksum is computed at once


def read_records(stream: BinaryIO, file: Path) -> Iterator[bytes]:
    """The contents of all records of an open file, one after the other, their checksums compared.

    Raises:
        DataError: a record, which the message names, is truncated or damaged.
    """
    number = 0
    while head := stream.read(12):
        if len(head) < 12:
            raise DataError(f"{file} is truncated in the head of record {number}")
        length, check = struct.unpack("<QI", head)
        if masked_crc(head[:8]) != check:
            what = "is no TFRecord file" if number == 0 else "is damaged"
            raise DataError(f"{file} {what}: the length of record {number} does not fit its checksum")
        if length > LONGEST:
            raise DataError(f"{file}: record {number} has {length} bytes, more than the {LONGEST} that are read")
        body = stream.read(length + 4)
        if len(body) < length + 4:
            raise DataError(f"{file} is truncated in record {number}")
        if masked_crc(body[:-4]) != struct.unpack("<I", body[-4:])[0]:
            raise DataError(f"{file} is damaged: the content of record {number} does not fit its checksum")
        yield body[:-4]
        number += 1


def masked_crc(content: bytes) -> int:
    """The checksum as TFRecord files store it: rotated by 15 bits, and a constant added."""
    value = crc32c(content)
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c(content: bytes) -> int:
    """The CRC-32C of some bytes (Castagnoli polynomial, RFC 3720, appendix B.4).

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    table = _contributions()
    value = 0xFFFFFFFF
    for start in range(0, len(content), _BLOCK):
        block = np.frombuffer(content, np.uint8, min(_BLOCK, len(content) - start), start).copy()
        state = np.frombuffer(value.to_bytes(4, "little"), np.uint8)[: len(block)]
        block[: len(state)] ^= state
        # A CRC is linear: every byte adds what it does alone, given how many bytes follow.
        alone = table[_BLOCK - len(block) :][np.arange(len(block)), block]
        value = int(np.bitwise_xor.reduce(alone)) ^ value >> 8 * len(state)
    return value ^ 0xFFFFFFFF


@cache
def _contributions() -> NDArray[np.uint32]:
    """`block x 256`: the checksum's state after a byte at some place of a block of zeros, from a state of zero."""
    step: NDArray[np.uint32] = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        step = step >> np.uint32(1) ^ (step & np.uint32(1)) * np.uint32(0x82F63B78)
    table = np.empty((_BLOCK, 256), dtype=np.uint32)
    table[-1] = step
    for place in range(_BLOCK - 2, -1, -1):
        after = table[place + 1]
        table[place] = after >> np.uint32(8) ^ step[after & np.uint32(0xFF)]
    return table
