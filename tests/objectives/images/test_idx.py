from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from archllm.errors import DataError, DataMissing
from archllm.objectives.images import load_images

PIXELS = np.arange(6 * 4 * 5, dtype=np.uint8).reshape(6, 4, 5)
LABELS = np.array([1, 9, 1, 9, 1, 9], dtype=np.uint8)


def idx(values: NDArray[np.uint8]) -> bytes:
    """The bytes of an IDX file, as http://yann.lecun.com/exdb/mnist describes them."""
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for start, n in (("train", 6), ("t10k", 3)):
        (tmp_path / f"{start}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(PIXELS[:n])))
        (tmp_path / f"{start}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(LABELS[:n])))
    return tmp_path


def test_the_four_files_of_mnist_are_read_and_its_test_images_kept_apart(folder: Path) -> None:
    images = load_images(str(folder))
    assert images.test_x is not None and images.test_y is not None
    assert np.array_equal(images.x, PIXELS[:, None]) and np.array_equal(images.test_x, PIXELS[:3, None])
    assert images.classes == ("1", "9")
    assert images.y.tolist() == [0, 1, 0, 1, 0, 1] and images.test_y.tolist() == [0, 1, 0]


def test_unpacked_files_and_a_beginning_of_file_names_do_as_well(tmp_path: Path) -> None:
    (tmp_path / "letters-train-images.idx3-ubyte").write_bytes(idx(PIXELS))
    (tmp_path / "letters-train-labels-idx1-ubyte").write_bytes(idx(LABELS))
    images = load_images(str(tmp_path / "letters-"))
    assert np.array_equal(images.x, PIXELS[:, None]) and images.test_x is None
    (tmp_path / "letters-test-images-idx3-ubyte").write_bytes(idx(PIXELS[:2]))
    (tmp_path / "letters-test-labels-idx1-ubyte").write_bytes(idx(LABELS[:2]))
    again = load_images(str(tmp_path / "letters-"))
    assert again.test_x is not None and len(again.test_x) == 2


@pytest.mark.parametrize(
    "name", ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
)
def test_a_file_that_is_missing_is_named(folder: Path, name: str) -> None:
    (folder / f"{name}.gz").unlink()
    with pytest.raises(DataMissing, match=f"has no file {name}"):
        load_images(str(folder))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"no IDX file: it must begin with 00000803, found -"),
        (idx(LABELS), r"no IDX file: it must begin with 00000803, found 00000801"),
        (b"\x00\x00\x0d" + idx(PIXELS)[3:], r"no IDX file: .* found 00000d03"),
        (idx(PIXELS)[:9], r"truncated: it ends in its header"),
        (idx(PIXELS)[:-1], r"should hold 120 bytes of data, found only 119"),
        (idx(PIXELS) + b"\x00", r"should hold 120 bytes of data, found more"),
        (struct.pack(">HBB3I", 0, 8, 3, *[2**32 - 1] * 3), r"unpacks to 79,228,162,458,924,105,385,300,197,375"),
        (idx(PIXELS[:5]), r"5 images but 6 labels"),
        (idx(PIXELS[:0]), r"holds no images"),
    ],
)
def test_a_file_with_other_content_is_refused(folder: Path, content: bytes, message: str) -> None:
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match=message):
        load_images(str(folder))


def test_a_gzip_file_cut_short_or_damaged_is_named(folder: Path) -> None:
    file = folder / "train-images-idx3-ubyte.gz"
    whole = file.read_bytes()
    for content in (whole[:-20], whole[:20] + bytes(len(whole) - 20), b"not gzip", idx(PIXELS)):
        file.write_bytes(content)
        with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz is damaged or no IDX file"):
            load_images(str(folder))
