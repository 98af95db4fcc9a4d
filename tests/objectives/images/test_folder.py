from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from archllm.errors import DataError
from archllm.objectives.images import load_images

Image = pytest.importorskip("PIL.Image")

GREY = np.arange(64, dtype=np.uint8).reshape(8, 8)
COLOUR = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)


def save(path: Path, pixels: NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def test_each_subfolder_is_a_class_and_grey_stays_grey(tmp_path: Path) -> None:
    save(tmp_path / "cat" / "2.png", GREY)
    save(tmp_path / "cat" / "1.PNG", GREY + 1)
    save(tmp_path / "ant" / "1.png", GREY + 2)
    (tmp_path / "ant" / "notes.txt").write_text("not an image")
    (tmp_path / ".thumbnails").mkdir()
    images = load_images(str(tmp_path))
    assert images.classes == ("ant", "cat") and images.y.tolist() == [0, 1, 1]
    assert images.x.dtype == np.uint8
    assert np.array_equal(images.x, np.stack([GREY + 2, GREY + 1, GREY])[:, None])


def test_one_colour_image_makes_all_of_them_colour(tmp_path: Path) -> None:
    save(tmp_path / "a" / "1.png", GREY)
    save(tmp_path / "b" / "1.png", COLOUR)
    images = load_images(str(tmp_path))
    assert np.array_equal(images.x, np.stack([np.stack([GREY] * 3), COLOUR.transpose(2, 0, 1)]))


def test_jpeg_images_are_read(tmp_path: Path) -> None:
    for name, level in (("dark/1.jpg", 10), ("light/1.JPEG", 200)):
        save(tmp_path / name, np.full((8, 8), level, dtype=np.uint8))
    assert load_images(str(tmp_path)).x.mean((1, 2, 3)) == pytest.approx([10, 200], abs=2)


def test_16_bit_grey_keeps_its_upper_bits(tmp_path: Path) -> None:
    for name in "ab":
        save(tmp_path / name / "1.png", GREY.astype(np.uint16) * 257)
    assert np.array_equal(load_images(str(tmp_path)).x[0, 0], GREY)


def test_sizes_that_differ_are_refused_by_name_unless_a_size_is_set(tmp_path: Path) -> None:
    save(tmp_path / "a" / "1.png", GREY)
    save(tmp_path / "b" / "wide.png", np.full((6, 9), 7, dtype=np.uint8))
    with pytest.raises(DataError, match=r"1\.png has 8 x 8 .*wide\.png has 9 x 6; .*image_size"):
        load_images(str(tmp_path))
    resized = load_images(str(tmp_path), image_size=4)
    assert resized.x.shape == (2, 1, 4, 4) and (resized.x[1] == 7).all()


def test_an_empty_class_folder_is_named(tmp_path: Path) -> None:
    save(tmp_path / "a" / "1.png", GREY)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"class folder \S*empty holds no PNG or JPEG"):
        load_images(str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"no image at all"])
def test_a_file_that_is_no_image_is_named(tmp_path: Path, content: bytes) -> None:
    save(tmp_path / "a" / "1.png", GREY)
    save(tmp_path / "b" / "1.png", GREY)
    (tmp_path / "b" / "bad.png").write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.png is damaged"):
        load_images(str(tmp_path))


def test_an_image_cut_short_is_named(tmp_path: Path) -> None:
    for name in "ab":
        save(tmp_path / name / "1.png", np.random.default_rng(0).integers(256, size=(32, 32), dtype=np.uint8))
    whole = (tmp_path / "b" / "1.png").read_bytes()
    (tmp_path / "b" / "1.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"b\S1\.png is damaged"):
        load_images(str(tmp_path))


def test_a_folder_without_subfolders_holds_no_classes(tmp_path: Path) -> None:
    save(tmp_path / "1.png", GREY)
    with pytest.raises(DataError, match="no subfolders; one for each class"):
        load_images(str(tmp_path))


def test_one_class_is_nothing_to_tell_apart(tmp_path: Path) -> None:
    save(tmp_path / "only" / "1.png", GREY)
    with pytest.raises(DataError, match=r"at least 2 classes .* only 'only'"):
        load_images(str(tmp_path))
