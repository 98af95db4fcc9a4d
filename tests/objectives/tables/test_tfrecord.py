from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archllm.errors import DataError
from archllm.objectives.tables.tfrecord import crc32c, masked_crc, read_records

from .records import crc_bit_by_bit, framed


def read(content):
    return list(read_records(io.BytesIO(content), Path("a.tfrecord")))


@pytest.mark.parametrize(
    ("content", "published"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_the_checksum_is_that_of_rfc_3720(content, published):
    assert crc32c(content) == published


@given(st.binary(max_size=300))
def test_the_checksum_is_the_one_computed_bit_by_bit(content):
    assert crc32c(content) == crc_bit_by_bit(content)


@pytest.mark.parametrize("length", [2047, 2048, 2049, 2051, 2052, 4096, 5000])
def test_the_checksum_of_a_long_content_is_the_one_computed_bit_by_bit(length):
    content = bytes(at * at % 251 for at in range(length))
    assert crc32c(content) == crc_bit_by_bit(content)


def test_an_empty_record_is_written_as_tensorflow_writes_it():
    # length 0 and empty content, with their masked checksums
    assert framed(b"") == bytes.fromhex("0000000000000000 29039807 d8ea82a2")
    assert masked_crc(b"") == 0xA282EAD8


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_what_is_framed_comes_back(contents):
    assert read(b"".join(map(framed, contents))) == contents


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=4), st.data())
def test_a_file_that_ends_early_is_refused_with_the_record(contents, data):
    frames = [framed(content) for content in contents]
    whole = data.draw(st.integers(0, len(frames) - 1))
    part = data.draw(st.integers(1, len(frames[whole]) - 1))
    with pytest.raises(DataError, match=rf"a\.tfrecord is truncated in (the head of )?record {whole}$"):
        read(b"".join(frames[:whole]) + frames[whole][:part])


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=4), st.data())
def test_a_changed_bit_is_found_and_its_record_told(contents, data):
    frames = [bytearray(framed(content)) for content in contents]
    which = data.draw(st.integers(0, len(frames) - 1))
    bit = data.draw(st.integers(0, 8 * len(frames[which]) - 1))
    frames[which][bit // 8] ^= 1 << bit % 8
    with pytest.raises(DataError, match=rf"record {which} does not fit its checksum"):
        read(b"".join(frames))


def test_records_before_a_damaged_one_are_read():
    found = []
    with pytest.raises(DataError, match="record 2"):
        for content in read_records(io.BytesIO(framed(b"a") + framed(b"b") + b"x"), Path("a.tfrecord")):
            found.append(content)
    assert found == [b"a", b"b"]


def test_another_file_is_no_tfrecord_file():
    with pytest.raises(DataError, match=r"a\.tfrecord is no TFRecord file"):
        read(b"architecture,score\n1,2\n")


def test_a_length_without_end_is_refused_before_anything_is_read():
    length = struct.pack("<Q", 1 << 40)
    head = length + struct.pack("<I", masked_crc(length))
    with pytest.raises(DataError, match="record 0 has 1099511627776 bytes, more than"):
        read(head)
