"""Folders of images as people have them: sizes, depths, orientations, formats, layouts, and what does not belong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from archllm.errors import DataError
from archllm.objectives.images import Images, Reading, load_images, read_image, summarise

Image = pytest.importorskip("PIL.Image")

GREY = np.arange(64, dtype=np.uint8).reshape(8, 8)
COLOUR = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)


def save(path: Path, pixels: NDArray[np.generic], **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def reading(images: Images) -> Reading:
    assert images.reading is not None
    return images.reading


def test_each_subfolder_is_a_class_and_grey_stays_grey(tmp_path: Path) -> None:
    save(tmp_path / "cat" / "2.png", GREY)
    save(tmp_path / "cat" / "1.PNG", GREY + 1)
    save(tmp_path / "ant" / "1.png", GREY + 2)
    images = load_images(str(tmp_path))
    assert images.classes == ("ant", "cat") and images.y.tolist() == [0, 1, 1]
    assert images.x.dtype == np.uint8
    assert np.array_equal(images.x, np.stack([GREY + 2, GREY + 1, GREY])[:, None])
    assert reading(images).lines() == []


def test_one_colour_image_makes_all_of_them_colour(tmp_path: Path) -> None:
    save(tmp_path / "a" / "1.png", GREY)
    save(tmp_path / "b" / "1.png", COLOUR)
    images = load_images(str(tmp_path))
    assert np.array_equal(images.x, np.stack([np.stack([GREY] * 3), COLOUR.transpose(2, 0, 1)]))


@pytest.mark.parametrize("ending", ["jpg", "JPEG", "jfif", "webp", "bmp", "tif", "tiff", "png"])
def test_formats_of_cameras_and_programs_are_read(tmp_path: Path, ending: str) -> None:
    for name, level in (("dark", 10), ("light", 200)):
        save(tmp_path / name / f"1.{ending}", np.full((8, 8), level, dtype=np.uint8), **_options(ending))
    assert load_images(str(tmp_path)).x.mean((1, 2, 3)) == pytest.approx([10, 200], abs=2)


def _options(ending: str) -> dict[str, Any]:
    return {"format": "JPEG"} if ending == "jfif" else {}


def test_more_than_8_bits_are_kept_and_it_is_said(tmp_path: Path) -> None:
    levels = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    save(tmp_path / "a" / "deep.png", levels)
    save(tmp_path / "b" / "white.png", np.full((64, 64), 255, dtype=np.uint8))
    images = load_images(str(tmp_path))
    assert np.array_equal(images.x[0, 0], levels.astype(np.float32) / np.float32(4095))
    assert (images.x[1] == 1).all()  # full brightness in its own depth
    assert any("4095" in line for line in reading(images).lines())


@pytest.mark.parametrize(("orientation", "turned"), [(6, -1), (8, 1), (3, 2)])
@pytest.mark.parametrize("ending", ["jpg", "tif", "webp", "png"])
def test_images_stand_upright_as_viewers_show_them(tmp_path: Path, orientation: int, turned: int, ending: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    wide = np.zeros((16, 32), dtype=np.uint8)
    wide[:, :16] = 200
    upright = np.rot90(wide, turned)
    save(tmp_path / "a" / f"camera.{ending}", wide, exif=exif)
    save(tmp_path / "b" / "upright.png", np.ascontiguousarray(upright))
    images = load_images(str(tmp_path))
    assert np.abs(images.x[0].astype(int) - images.x[1]).max() < 12
    assert reading(images).resized is None  # seen as images of one size


def test_sizes_that_differ_are_brought_to_one_and_it_is_said(tmp_path: Path) -> None:
    save(tmp_path / "a" / "1.png", GREY)
    save(tmp_path / "b" / "wide.png", np.full((17, 29), 7, dtype=np.uint8))
    images = load_images(str(tmp_path))
    assert images.x.shape == (2, 1, 8, 8) and (images.x[1] == 7).all()
    (line,) = reading(images).lines()
    assert "2 sizes, 8 x 8 to 29 x 17: all are resized to 8 x 8; image_size" in line
    resized = load_images(str(tmp_path), image_size=4)
    assert resized.x.shape == (2, 1, 4, 4) and (resized.x[1] == 7).all()
    assert reading(resized).lines() == []  # it was asked for


def test_large_photos_are_made_small_enough_to_train_on(tmp_path: Path) -> None:
    for name in "ab":
        save(tmp_path / name / "1.jpg", np.full((300, 400, 3), 90, dtype=np.uint8))
    images = load_images(str(tmp_path))
    assert images.x.shape == (2, 3, 64, 64) and np.abs(images.x.astype(int) - 90).max() <= 2


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 4), dtype=np.uint8)
    pixels[:, 4:, 3] = 255  # black; the left half can't be seen
    save(tmp_path / "a" / "1.png", pixels)
    save(tmp_path / "b" / "1.png", GREY)
    assert (load_images(str(tmp_path)).x[0] == [255] * 4 + [0] * 4).all()


def test_what_systems_add_is_skipped_and_what_is_no_image_is_named(tmp_path: Path) -> None:
    for name in "ab":
        save(tmp_path / "photos" / name / "1.png", GREY)
        (tmp_path / "photos" / name / "._1.png").write_bytes(b"AppleDouble")
        (tmp_path / "__MACOSX" / name).mkdir(parents=True)
        (tmp_path / "__MACOSX" / name / "._1.png").write_bytes(b"AppleDouble")
    (tmp_path / "photos" / "a" / "notes.txt").write_text("not an image")
    save(tmp_path / "photos" / "cover.png", GREY)
    images = load_images(str(tmp_path / "photos"))
    assert len(images) == 2 and reading(images).hidden == 2
    assert {each.file for each in reading(images).left_out} == {"a/notes.txt", "cover.png"}
    told = "\n".join(reading(images).lines())
    assert "2 hidden files (" in told and "'a/notes.txt'" in told and "'cover.png'" in told
    packed = load_images(str(tmp_path))  # as an archive of a Mac unpacks
    assert packed.classes == ("a", "b") and reading(packed).hidden == 3


def test_images_in_folders_of_a_class_belong_to_it(tmp_path: Path) -> None:
    save(tmp_path / "a" / "2019" / "1.png", GREY)
    save(tmp_path / "a" / "2020" / "may" / "1.png", GREY)
    save(tmp_path / "b" / "1.png", GREY)
    assert load_images(str(tmp_path)).y.tolist() == [0, 0, 1]


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "validation", "testing")])
def test_a_split_of_the_source_is_used_as_it_is(tmp_path: Path, names: tuple[str, str, str]) -> None:
    for part, count in zip(names, (3, 2, 1), strict=True):
        for label, name in enumerate("ab"):
            for number in range(count):
                save(tmp_path / part / name / f"{number}.png", GREY + label)
    images = load_images(str(tmp_path))
    assert images.classes == ("a", "b")
    assert {part: y.tolist() for part, (_, y) in images.parts.items()} == {
        "train": [0, 0, 0, 1, 1, 1],
        "validation": [0, 0, 1, 1],
        "test": [0, 1],
    }
    assert "own split" in reading(images).lines()[0]


def test_a_class_may_be_called_train_or_test(tmp_path: Path) -> None:
    for name in ("train", "bus"):
        save(tmp_path / name / "1.png", GREY)
    assert load_images(str(tmp_path)).classes == ("bus", "train")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["train/1.png", "test/1.png"], "hold images but no folders of classes"),
        (["val/a/1.png", "test/a/1.png"], "no train/"),
        (["train/a/1.png", "train/b/1.png", "cats/1.png"], "other folders of images beside it, such as 'cats'"),
        (["train/a/1.png", "train/b/1.png", "val/1.png"], "photos/val has no folders of classes"),
        (["train/a/1.png", "val/a/1.png", "valid/a/1.png"], "the same part"),
        (["train/a/1.png", "train/b/1.png", "test/c/1.png"], r"class 'c' has images in test .* none in train"),
    ],
)
def test_what_looks_like_a_split_and_is_none_is_explained(tmp_path: Path, files: list[str], message: str) -> None:
    for file in files:
        save(tmp_path / "photos" / file, GREY)
    with pytest.raises(DataError, match=message):
        load_images(str(tmp_path / "photos"))


def test_an_empty_class_folder_is_named(tmp_path: Path) -> None:
    save(tmp_path / "a" / "1.png", GREY)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"class folder \S*empty holds no PNG or JPEG"):
        load_images(str(tmp_path))


@pytest.mark.parametrize("content", [b"", b"no image at all", b"%!PS-Adobe-3.0 EPSF-3.0\n"])
def test_a_file_that_is_no_image_is_left_out_and_named(tmp_path: Path, content: bytes) -> None:
    for name in ("a/1", "b/1", "b/2"):
        save(tmp_path / f"{name}.png", GREY)
    (tmp_path / "b" / "bad.png").write_bytes(content)
    images = load_images(str(tmp_path))
    assert images.y.tolist() == [0, 1, 1]
    assert [each.file for each in reading(images).damaged] == ["b/bad.png"]
    assert "1 damaged image left out: 'b/bad.png'" in reading(images).lines()[0]
    (tmp_path / "b" / "2.png").unlink()
    with pytest.raises(DataError, match=r"bad\.png is damaged .* of the 2 images of class 'b', 1 can't be read"):
        load_images(str(tmp_path))


def test_an_image_cut_short_is_named(tmp_path: Path) -> None:
    for name in "ab":
        save(tmp_path / name / "1.png", np.random.default_rng(0).integers(256, size=(32, 32), dtype=np.uint8))
    whole = (tmp_path / "b" / "1.png").read_bytes()
    (tmp_path / "b" / "1.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"b\S1\.png is damaged"):
        load_images(str(tmp_path))


def test_pipes_and_links_in_circles_are_left_out(tmp_path: Path) -> None:
    for name in "ab":
        save(tmp_path / name / "1.png", GREY)
    os.mkfifo(tmp_path / "a" / "pipe.png")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    images = load_images(str(tmp_path))
    assert len(images) == 2
    assert {each.file for each in reading(images).left_out} == {"a/again", "a/pipe.png"}


@pytest.mark.parametrize("side", [8_000, 60_000])
def test_an_image_that_claims_more_pixels_than_it_can_hold_is_left_out(tmp_path: Path, side: int) -> None:
    for name in ("a/1", "b/1", "b/2"):
        save(tmp_path / f"{name}.bmp", GREY)
    claim = bytearray((tmp_path / "b" / "1.bmp").read_bytes())
    claim[18:26] = side.to_bytes(4, "little") * 2
    (tmp_path / "b" / "big.bmp").write_bytes(claim)
    (damaged,) = reading(load_images(str(tmp_path))).damaged
    assert damaged.file == "b/big.bmp" and "pixels" in damaged.reason


def test_a_folder_without_subfolders_holds_no_classes(tmp_path: Path) -> None:
    save(tmp_path / "1.png", GREY)
    with pytest.raises(DataError, match="no subfolders; one for each class"):
        load_images(str(tmp_path))


def test_one_class_is_nothing_to_tell_apart(tmp_path: Path) -> None:
    save(tmp_path / "only" / "1.png", GREY)
    with pytest.raises(DataError, match=r"at least 2 classes .* only 'only'"):
        load_images(str(tmp_path))


def test_names_of_classes_are_text_whatever_the_folder_is_called(tmp_path: Path) -> None:
    names = ['a"b', "<b>", "new\nline", "..x", "e\u0301"]
    for name in (*names, b"caf\xe9"):
        save(tmp_path / "photos" / os.fsdecode(name) / "1.png", GREY)
    images = load_images(str(tmp_path / "photos"))
    assert set(images.classes) == {'a"b', "<b>", "new\nline", "caf\\xe9", "\u00e9"}  # "..x" is hidden
    assert all(name.encode() for name in images.classes)


def test_one_file_is_read_as_the_set_was(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    save(tmp_path / "a" / "1.png", rng.integers(256, size=(20, 30, 3), dtype=np.uint8))
    save(tmp_path / "b" / "1.jpg", rng.integers(256, size=(300, 200, 3), dtype=np.uint8))
    images = load_images(str(tmp_path))
    for file, image in zip(("a/1.png", "b/1.jpg"), images.x, strict=True):
        assert np.array_equal(read_image(tmp_path / file, (64, 64), 3), image)
    assert read_image(tmp_path / "a" / "1.png", (16, 16), 1).shape == (1, 16, 16)
    with pytest.raises(DataError, match=r"none\.png can't be read"):
        read_image(tmp_path / "none.png", (16, 16), 3)
    os.mkfifo(tmp_path / "pipe.png")  # which would make a reader wait
    with pytest.raises(DataError, match="is no file, but a pipe"):
        read_image(tmp_path / "pipe.png", (16, 16), 3)
    with pytest.raises(DataError, match=r"is a folder; name the images in it, such as .*\*\.jpg"):
        read_image(tmp_path, (16, 16), 3)


def test_photos_of_phones_are_told_to_be_saved_as_jpeg(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        save(tmp_path / name, rng.integers(256, size=(20, 20, 3), dtype=np.uint8))
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
    (tmp_path / "a" / "IMG_1.HEIC").write_bytes(heic)
    (tmp_path / "a" / "renamed.jpg").write_bytes(heic)
    told = load_images(str(tmp_path)).reading
    assert told is not None and "PNG, JPEG, WebP, BMP or TIFF file; save it as JPEG" in repr(told)
    with pytest.raises(DataError, match="none of the formats that are read, whatever its name says; save it as JPEG"):
        read_image(tmp_path / "a" / "renamed.jpg", (16, 16), 3)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "2.heic").write_bytes(heic)
    with pytest.raises(DataError, match=r"class folder \S*c holds no PNG or JPEG .*; save its photos as JPEG"):
        load_images(str(tmp_path))


def test_large_sets_are_decoded_once_and_again_when_a_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    photos, large = tmp_path / "photos", np.zeros((2_000, 3_500), dtype=np.uint8)
    for name in ("a/1", "a/2", "b/1"):
        save(photos / f"{name}.png", large, compress_level=1)
    first = load_images(str(photos))
    file = photos / "a" / "1.png"
    about, content = file.stat(), file.read_bytes()
    file.write_bytes(bytes(len(content)))  # what can't be seen from outside is not looked at again
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    again = load_images(str(photos))
    assert np.array_equal(again.x, first.x) and again.y.dtype == np.int64
    assert (again.classes, again.reading) == (first.classes, first.reading)
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns + 1))
    with pytest.raises(DataError, match=r"a/1\.png is damaged"):
        load_images(str(photos))


def test_a_summary_finds_duplicates_between_classes_and_parts(tmp_path: Path) -> None:
    for name, level in (("train/a/1", 0), ("train/a/2", 1), ("train/a/3", 2), ("train/a/4", 9), ("train/b/1", 1)):
        save(tmp_path / f"{name}.png", GREY + level)
    save(tmp_path / "test" / "a" / "1.bmp", GREY + 2)  # the same pixels in another format
    found = summarise(load_images(str(tmp_path)))
    assert found.counts == {"train": (4, 1), "test": (1, 0)} and (found.total, found.balance) == (6, 0.25)
    assert [group.files for group in found.between_classes] == [("train/a/2.png", "train/b/1.png")]
    assert [group.files for group in found.between_parts] == [("train/a/3.png", "test/a/1.bmp")]
    told = "\n".join(found.lines())
    assert "6 grey images in 2 classes" in told and "not balanced: 1 images of 'b', 4 of 'a'" in told
    assert "1 image in several classes: 'train/a/2.png' = 'train/b/1.png'" in told
    assert found.to_json()["duplicates"][0]["classes"] == ("a", "b")


def test_a_summary_says_which_images_stand_more_than_once_in_a_class(tmp_path: Path) -> None:
    for name, level in (("a/1", 0), ("a/2", 0), ("a/3", 2), ("b/1", 3), ("b/2", 4)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        save(tmp_path / f"{name}.png", GREY + level)
    found = summarise(load_images(str(tmp_path)))
    assert [group.files for group in found.repeated] == [("a/1.png", "a/2.png")]
    assert any(
        "1 image more than once in a class" in line and "'a/1.png' = 'a/2.png'" in line for line in found.lines()
    )
