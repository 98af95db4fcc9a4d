"""TFRecords and protocol buffers, written by hand."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterable


def crc_bit_by_bit(content: bytes) -> int:
    """CRC-32C from its definition: division by the Castagnoli polynomial, lowest bit first."""
    value = 0xFFFFFFFF
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def framed(content: bytes) -> bytes:
    """A record: length, its checksum, content, its checksum."""
    length = struct.pack("<Q", len(content))
    return length + _masked(length) + content + _masked(content)


def _masked(content: bytes) -> bytes:
    value = crc_bit_by_bit(content)
    return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) % 2**32)


def varint(value: int) -> bytes:
    """A whole number as protocol buffers write it."""
    return bytes([value]) if value < 128 else bytes([value % 128 + 128]) + varint(value // 128)


def double(number: int, value: float) -> bytes:
    """A field with a double."""
    return bytes([number * 8 + 1]) + struct.pack("<d", value)


def message(number: int, content: bytes) -> bytes:
    """A field with a text or a message."""
    return bytes([number * 8 + 2]) + varint(len(content)) + content


def evaluation(epoch: float, seconds: float, valid: float, test: float) -> bytes:
    """One of the evaluations of a training, with the path that the benchmark stores, too."""
    figures = [(1, epoch), (2, seconds), (3, 0.99), (4, valid), (5, test)]
    return b"".join(double(number, value) for number, value in figures) + message(6, b"model.ckpt-1")


def metrics(evaluations: Iterable[bytes], parameters: int = 300) -> bytes:
    """All of a training."""
    parts = [message(1, content) for content in evaluations]
    return b"".join(parts) + bytes([2 * 8]) + varint(parameters) + double(3, 1234.5)


def record(name: str, epochs: int, matrix: str, operations: str, content: bytes) -> bytes:
    """One line of the benchmark's file."""
    return framed(json.dumps([name, epochs, matrix, operations, base64.b64encode(content).decode()]).encode())
