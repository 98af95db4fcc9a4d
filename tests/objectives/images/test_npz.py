from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archllm.errors import DataError
from archllm.objectives.images import Images, load_images

PIXELS = np.arange(4 * 6 * 5, dtype=np.uint8).reshape(4, 6, 5)
LABELS = np.array([7, 3, 7, 3])


def loaded(folder: Path, **arrays: Any) -> Images:
    np.savez(folder / "images.npz", **arrays)
    return load_images(str(folder / "images.npz"))


@pytest.mark.parametrize("x", [PIXELS, PIXELS[:, None], PIXELS[..., None]])
def test_grey_images_may_come_without_channels_or_with_one_first_or_last(tmp_path: Path, x: Any) -> None:
    images = loaded(tmp_path, x=x, y=LABELS)
    assert images.x.dtype == np.uint8 and np.array_equal(images.x[:, 0], PIXELS)
    assert images.classes == ("3", "7") and images.y.tolist() == [1, 0, 1, 0]


def test_colour_may_come_first_or_last(tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((4, 3, 6, 5))
    first, last = loaded(tmp_path, x=x, y=LABELS), loaded(tmp_path, x=x.transpose(0, 2, 3, 1), y=LABELS)
    assert first.x.dtype == np.float32
    assert np.array_equal(first.x, last.x) and np.array_equal(first.x, x.astype(np.float32))


def test_labels_may_be_texts_or_a_column(tmp_path: Path) -> None:
    assert loaded(tmp_path, x=PIXELS, y=np.array(["dog", "cat", "dog", "cat"])).classes == ("cat", "dog")
    assert loaded(tmp_path, x=PIXELS, y=LABELS[:, None]).y.tolist() == [1, 0, 1, 0]


def test_test_images_are_kept_apart_and_share_the_classes(tmp_path: Path) -> None:
    images = loaded(tmp_path, x=PIXELS, y=LABELS, x_test=PIXELS[:2] + 1, y_test=np.array([3, 7]))
    assert images.test_x is not None and images.test_y is not None
    assert len(images) == 4 and np.array_equal(images.test_x[:, 0], PIXELS[:2] + 1)
    assert images.y.tolist() == [1, 0, 1, 0] and images.test_y.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": PIXELS, "y": LABELS}, "has no array 'x'"),
        ({"x": PIXELS, "labels": LABELS}, "has no array 'y'"),
        ({"x": PIXELS, "y": LABELS[:3]}, "4 images but 3 labels"),
        ({"x": PIXELS, "y": LABELS, "x_test": PIXELS}, "one of x_test and y_test"),
        ({"x": PIXELS, "y": LABELS, "x_test": PIXELS, "y_test": LABELS[:2]}, "4 test images but 2 labels"),
        ({"x": PIXELS, "y": LABELS, "x_test": PIXELS[:, 1:], "y_test": LABELS}, "1 x 6 x 5 and test images 1 x 5 x 5"),
        (
            {"x": PIXELS, "y": LABELS, "x_test": PIXELS, "y_test": LABELS.astype(str)},
            "y_test; they must agree",
        ),
        ({"x": PIXELS, "y": LABELS / 2}, "labels must be n whole numbers or texts, found float64"),
        ({"x": PIXELS, "y": np.eye(4, dtype=int)}, r"labels must be .* \(4, 4\)"),
        ({"x": PIXELS.reshape(4, 30), "y": LABELS}, r"images must be n x h x w.* \(4, 30\)"),
        ({"x": PIXELS.astype(str), "y": LABELS}, "images must be numbers"),
        ({"x": np.zeros((4, 2, 6, 5)), "y": LABELS}, "1 or 3 channels, found 2"),
        ({"x": PIXELS[:0], "y": LABELS[:0]}, "classes"),
        ({"x": np.zeros((4, 0, 5)), "y": LABELS}, "holds no images"),
        ({"x": PIXELS, "y": np.zeros(4, dtype=int)}, "at least 2 classes .* only '0'"),
    ],
)
def test_arrays_that_can_not_be_used_are_refused(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=rf"images\.npz.*{message}"):
        loaded(tmp_path, **arrays)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_value_that_is_no_finite_32_bit_number_is_refused_with_its_image(tmp_path: Path, value: float) -> None:
    x = PIXELS.astype(float)
    x[2, 1, 1] = value
    with pytest.raises(DataError, match="image 2 of the images holds values that are infinite or NaN"):
        loaded(tmp_path, x=x, y=LABELS)


class Trap:
    def __reduce__(self) -> Any:
        return pytest.fail, ("the pickle was executed",)


def test_arrays_of_objects_are_refused_and_not_unpickled(tmp_path: Path) -> None:
    assert b"the pickle was executed" in pickle.dumps(Trap())
    with pytest.raises(DataError, match=r"images\.npz, y: it is an array of Python objects"):
        loaded(tmp_path, x=PIXELS, y=np.array([Trap()] * 4))


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut short", pickle.dumps({"x": 1})])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "images.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"images\.npz is damaged or no NumPy archive"):
        load_images(str(tmp_path / "images.npz"))


def test_an_archive_with_a_flipped_byte_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "images.npz", x=PIXELS, y=LABELS)
    content = bytearray((tmp_path / "images.npz").read_bytes())
    content[content.index(bytes(range(50, 60)))] ^= 1
    (tmp_path / "images.npz").write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        load_images(str(tmp_path / "images.npz"))
