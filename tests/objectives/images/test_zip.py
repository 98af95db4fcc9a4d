"""Zip archives of images: read as the folder is that they unpack to, and never trusted."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from archllm.errors import DataError
from archllm.objectives.images import load_images

Image = pytest.importorskip("PIL.Image")


def png(level: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((8, 8), level, dtype=np.uint8)).save(out, "png")
    return out.getvalue()


def packed(path: Path, **more: bytes) -> Path:
    """An archive of two classes of two images, wrapped in a folder, and more entries."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, name in enumerate(("a/1", "a/2", "b/1", "b/2")):
            archive.writestr(f"photos/{name}.png", png(number))
        archive.writestr("__MACOSX/photos/a/._1.png", b"AppleDouble")
        for name, content in more.items():
            archive.writestr(name, content)
    return path


def test_an_archive_is_read_as_the_folder_that_it_unpacks_to(tmp_path: Path) -> None:
    file = packed(tmp_path / "photos.zip")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path / "folder")
    found, folder = load_images(str(file)), load_images(str(tmp_path / "folder"))
    assert np.array_equal(found.x, folder.x) and np.array_equal(found.y, folder.y)
    assert found.classes == folder.classes and found.reading == folder.reading


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../photos/a/3.png", "leads out"),
        ("/photos/a/3.png", "leads out"),
        ("photos\\..\\..\\a\\3.png", "leads out"),
        ("C:\\photos\\a\\3.png", "leads out"),
    ],
)
def test_paths_that_lead_out_are_left_out(tmp_path: Path, name: str, reason: str) -> None:
    reading = load_images(str(packed(tmp_path / "photos.zip", **{name: png(9)}))).reading
    assert reading is not None
    assert [reason in each.reason for each in reading.left_out] == [True]


def test_archives_of_windows_are_read(tmp_path: Path) -> None:
    images = load_images(str(packed(tmp_path / "photos.zip", **{"photos\\b\\3.png": png(9)})))
    assert images.y.tolist() == [0, 0, 1, 1, 1]


def test_an_entry_that_would_grow_without_bound_is_left_out(tmp_path: Path) -> None:
    reading = load_images(str(packed(tmp_path / "photos.zip", **{"photos/a/bomb.png": bytes(1 << 25)}))).reading
    assert reading is not None
    (bomb,) = reading.left_out
    assert bomb.file == "photos/a/bomb.png" and "33,554,432 bytes" in bomb.reason


def test_links_are_not_followed(tmp_path: Path) -> None:
    file = packed(tmp_path / "photos.zip")
    with zipfile.ZipFile(file, "a") as archive:
        link = zipfile.ZipInfo("photos/a/link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    reading = load_images(str(file)).reading
    assert reading is not None and [each.reason for each in reading.left_out] == ["it is a link"]


def test_a_damaged_entry_is_named_and_a_damaged_archive_refused(tmp_path: Path) -> None:
    file = packed(tmp_path / "photos.zip", **{"photos/a/3.png": png(0) + bytes(range(256))})
    content = bytearray(file.read_bytes())
    at = content.index(b"photos/a/3.png") + 40
    content[at : at + 20] = bytes(20)
    file.write_bytes(content)
    images = load_images(str(file))
    assert len(images) == 4 and images.reading is not None
    assert [each.file for each in images.reading.damaged] == ["photos/a/3.png"]
    file.write_bytes(content[:200])
    with pytest.raises(DataError, match=r"photos\.zip is no zip archive, truncated or damaged"):
        load_images(str(file))
