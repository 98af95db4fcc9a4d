from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archllm.errors import DataError, DataMissing
from archllm.objectives.images import load_images

NAMES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")


def batch(number: int) -> dict[bytes, Any]:
    rng = np.random.default_rng(number)
    return {
        b"batch_label": b"training batch",
        b"labels": list(range(10)) * 2,
        b"data": rng.integers(256, size=(20, 3072), dtype=np.uint8),
        b"filenames": [b"a.png"] * 20,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cifar-10-batches-py").mkdir()
    for number, name in enumerate(NAMES):
        (tmp_path / "cifar-10-batches-py" / name).write_bytes(pickle.dumps(batch(number), protocol=2))
    return tmp_path / "cifar-10-batches-py"


def archive(folder: Path) -> Path:
    path = folder.parent / "cifar-10-python.tar.gz"
    with tarfile.open(path, "w:gz") as file:
        file.add(folder, folder.name)
    return path


def test_folder_and_archive_hold_the_five_batches_and_the_test_batch(folder: Path) -> None:
    for path in (folder, folder.parent, archive(folder)):
        images = load_images(str(path))
        assert images.test_x is not None and images.test_y is not None
        assert images.x.shape == (100, 3, 32, 32) and images.test_x.shape == (20, 3, 32, 32)
        assert images.y.tolist() == list(range(10)) * 10
        assert (images.classes[0], images.classes[3], images.classes[9]) == ("airplane", "cat", "truck")
        # a row is 1,024 red bytes, row by row, then green, then blue
        assert images.x[0, 1, 2, 3] == batch(0)[b"data"][0, 1024 + 2 * 32 + 3]
        assert np.array_equal(images.test_x[0].ravel(), batch(5)[b"data"][0])


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("packed", [False, True])
def test_a_batch_that_tries_to_run_code_is_refused_and_nothing_is_run(folder: Path, packed: bool) -> None:
    mark = folder.parent / "executed"
    (folder / "data_batch_3").write_bytes(pickle.dumps(batch(0) | {b"labels": Trap(mark)}))
    with pytest.raises(DataError, match=r"data_batch_3 .*refused"):
        load_images(str(archive(folder) if packed else folder))
    assert not mark.exists()
    pickle.loads((folder / "data_batch_3").read_bytes())  # noqa: S301 - it would have been
    assert mark.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "a dictionary with data and labels is expected"),
        ({b"data": np.zeros((2, 3072), np.uint8)}, "a dictionary with data and labels is expected"),
        (batch(0) | {b"labels": list(range(10))}, "20 images but 10 labels"),
        (batch(0) | {b"labels": [10] * 20}, "whole numbers from 0 to 9"),
        (batch(0) | {b"labels": ["cat"] * 20}, "whole numbers from 0 to 9"),
        (batch(0) | {b"data": np.zeros((20, 3071), np.uint8)}, r"n x 3072 bytes, found uint8 \(20, 3071\)"),
        (batch(0) | {b"data": np.zeros((20, 3072))}, "n x 3072 bytes, found float64"),
        (batch(0) | {b"data": [1, 2]}, "n x 3072 bytes, found list"),
    ],
)
def test_a_batch_of_another_kind_is_refused(folder: Path, content: object, message: str) -> None:
    (folder / "test_batch").write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match=rf"test_batch.*{message}"):
        load_images(str(folder))


def test_a_batch_that_is_missing_is_named(folder: Path) -> None:
    (folder / "data_batch_4").unlink()
    for path in (folder, archive(folder)):
        with pytest.raises(DataMissing, match="has no file data_batch_4"):
            load_images(str(path))


def test_an_archive_cut_short_is_refused(folder: Path) -> None:
    path = archive(folder)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(DataError, match=r"cifar-10-python\.tar\.gz is damaged or no tar archive"):
        load_images(str(path))


def test_a_batch_cut_short_is_refused(folder: Path) -> None:
    (folder / "data_batch_1").write_bytes((folder / "data_batch_1").read_bytes()[:1_000])
    with pytest.raises(DataError, match="data_batch_1 is damaged"):
        load_images(str(folder))


def test_a_batch_far_too_large_is_not_read(folder: Path) -> None:
    path = folder.parent / "large.tar.gz"
    with tarfile.open(path, "w") as file:
        entry = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
        entry.size = 0
        file.addfile(entry, io.BytesIO())
    content = bytearray(path.read_bytes())
    content[124:136] = b"77777777777\x00"  # the size, in octal
    content[148:156] = b"        "
    content[148:156] = f"{sum(content[:512]):06o}\x00 ".encode()  # the checksum
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"data_batch_1 has 8,589,934,591 bytes"):
        load_images(str(path))
