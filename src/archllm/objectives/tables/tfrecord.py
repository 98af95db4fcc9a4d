"""The official result file of NAS-Bench-101, TFRecords of JSON with protocol buffers inside (Ying et al., 2019)."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, InvalidArchitecture
from archllm.graphs import ABSENT, Graphs
from archllm.objectives.tables.nasbench201 import Progress
from archllm.objectives.tables.table import Table, make_table_of_graphs
from archllm.spaces import SearchSpace

LONGEST = 1 << 20
"""Most bytes of one record; real ones have about a thousand."""

HASH_EVERY = 50
"""Of so many architectures one has its module hash checked."""

MEANING = (
    "accuracies in percent at the end of training, seconds of the training; mean over the runs of each architecture; "
    "params are trainable parameters as the benchmark counted them"
)


def read_tfrecord(file: Path, space: SearchSpace, about: dict[str, str], progress: Progress | None = None) -> Table:
    """Reads `nasbench_full.tfrecord` or `nasbench_only108.tfrecord`.

    Raises:
        DataError: a record is damaged or truncated, or is not as the benchmark writes it; the message says which.
    """
    index: dict[str, int] = {}
    cells: list[tuple[str, str]] = []
    sums: dict[str, list[float]] = {}
    counts: dict[str, list[int]] = {}
    total = file.stat().st_size
    with file.open("rb") as stream:
        for number, content in enumerate(_records(stream, file)):
            if progress is not None and number % 10_000 == 0:
                progress(stream.tell(), total)
            try:
                key, epochs, bits, operations, encoded = json.loads(content)
                scores = _scores(base64.b64decode(encoded, validate=True), int(epochs))
            except (ValueError, TypeError, binascii.Error, IndexError, struct.error) as error:
                raise DataError(f"{file}, record {number} is not as NAS-Bench-101 writes it: {error}") from error
            row = index.setdefault(str(key), len(index))
            if row == len(cells):
                cells.append((str(bits), str(operations)))
            for name, value in scores.items():
                column, times = sums.setdefault(name, []), counts.setdefault(name, [])
                column.extend([0.0] * (row + 1 - len(column)))
                times.extend([0] * (row + 1 - len(times)))
                column[row] += value
                times[row] += 1
    if not cells:
        raise DataError(f"{file} holds no records")
    names = list(index)
    graphs = _graphs(cells, names, space, file)
    columns = {name: _mean(sums[name], counts[name], len(cells)) for name in sorted(sums)}
    return make_table_of_graphs(
        space, graphs, columns, about | {"meaning": MEANING}, lambda row: f"module {names[row]}"
    )


def crc32c(content: bytes) -> int:
    """The CRC-32C of some bytes (Castagnoli polynomial, RFC 3720, appendix B.4)."""
    value = 0xFFFFFFFF
    for byte in content:
        value = _CRC[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


def masked_crc(content: bytes) -> int:
    """The checksum as TFRecord files store it: rotated, and a constant added."""
    value = crc32c(content)
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


_CRC = _crc_table()


def _records(stream: BinaryIO, file: Path) -> Iterator[bytes]:
    """The contents of all records, checked: length, its checksum, content, its checksum."""
    number = 0
    while head := stream.read(12):
        if len(head) < 12:
            raise DataError(f"{file} is truncated in the head of record {number}")
        length, check = struct.unpack("<QI", head)
        if masked_crc(head[:8]) != check or length > LONGEST:
            raise DataError(f"{file} is damaged, or no TFRecord file: the length of record {number} fails its checksum")
        body = stream.read(length + 4)
        if len(body) < length + 4:
            raise DataError(f"{file} is truncated in record {number}")
        if masked_crc(body[:-4]) != struct.unpack("<I", body[-4:])[0]:
            raise DataError(f"{file} is damaged: the content of record {number} fails its checksum")
        yield body[:-4]
        number += 1


def _scores(message: bytes, epochs: int) -> dict[str, float]:
    """The figures at the end of one training: field 1 holds evaluations, field 2 the parameters."""
    fields = list(_fields(message))
    evaluations = [dict(_fields(value)) for number, value in fields if number == 1]
    last = max(evaluations, key=lambda evaluation: float(evaluation[1]))
    found = {
        f"cifar10.valid@{epochs}": 100 * float(last[4]),
        f"cifar10.test@{epochs}": 100 * float(last[5]),
        f"cifar10.seconds@{epochs}": float(last[2]),
        "params": float(next(value for number, value in fields if number == 2)),
    }
    if not all(np.isfinite(value) for value in found.values()):
        raise ValueError(f"a score is not finite: {found}")
    return found


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value of each field of a protocol buffer."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
        elif kind == 1:
            yield number, struct.unpack_from("<d", message, at)[0]
            at += 8
        elif kind == 5:
            yield number, struct.unpack_from("<f", message, at)[0]
            at += 4
        elif kind == 2:
            length, at = _varint(message, at)
            if at + length > len(message):
                raise ValueError("a field is longer than its message")
            yield number, message[at : at + length]
            at += length
        else:
            raise ValueError(f"unknown wire type {kind}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number has too many bytes")


def _graphs(cells: list[tuple[str, str]], hashes: list[str], space: SearchSpace, file: Path) -> Graphs:
    v = space.max_nodes
    ops = np.full((len(cells), v), ABSENT, dtype=np.int8)
    adjacency = np.zeros((len(cells), v, v), dtype=np.bool_)
    for row, (bits, operations) in enumerate(cells):
        labels = operations.split(",")
        used = len(labels)
        if used > v or len(bits) != used**2 or not set(bits) <= {"0", "1"} or not set(labels) <= set(space.op_names):
            raise DataError(f"{file}, module {hashes[row]}: {bits!r} and {operations!r} do not describe a cell")
        ops[row, :used] = [space.op_names.index(label) for label in labels]
        adjacency[row, :used, :used] = np.array(list(bits)).reshape(used, used) == "1"
    graphs = Graphs(ops, adjacency)
    try:
        space.keys(graphs)
    except InvalidArchitecture as error:
        raise DataError(f"{file}: {error}") from error
    normal = space.normalise(graphs)
    for row in range(0, len(cells), HASH_EVERY):
        if space.official_hash(normal[row]) != hashes[row]:
            raise DataError(f"{file}: module {hashes[row]} has another hash than its cell: the file is damaged")
    return normal


def _mean(sums: list[float], counts: list[int], n: int) -> NDArray[np.float64]:
    total, times = np.zeros(n), np.zeros(n)
    total[: len(sums)], times[: len(counts)] = sums, counts
    return np.where(times > 0, total / np.maximum(times, 1), np.nan)
