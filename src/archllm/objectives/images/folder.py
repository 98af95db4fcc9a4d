"""Images of a folder or a zip archive: found, looked at, brought to one size and one kind, decoded once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, shown
from archllm.objectives.images import cache, decoding
from archllm.objectives.images.decoding import Header
from archllm.objectives.images.images import Images
from archllm.objectives.images.layout import PARTS, TEST, TRAIN, VALIDATION, Layout, understood
from archllm.objectives.images.reading import LeftOut, Reading
from archllm.objectives.images.sources import READ_ERRORS, Entry, Source, open_source

LARGEST = 64
"""Images of one size are left as they are up to this width and height; larger ones, and mixed ones, are resized to at
most this unless another size is asked for."""

SMALLEST, STEP = 8, 8
"""The size that is chosen is a multiple of `STEP`, which networks can halve, and not below `SMALLEST`."""

MOST_MEMORY = 1 << 33
"""Bytes that the decoded images of a source may take."""

_AT_ONCE = 256  # files that are decoded at once at most, and so kept beside the result


@dataclass(frozen=True)
class _Found:
    """A file that is going to be an image."""

    entry: Entry
    label: int
    part: str
    header: Header


def load_folder(path: Path, image_size: int | None = None) -> Images:
    """Reads the images of a folder or of a zip archive of one.

    Grey if all are grey, else colour; bytes, or floats from 0 to 1 if one has more than 8 bits a channel. Images of
    different sizes, and those larger than `LARGEST`, are resized to one size, without regard to their proportions.
    Damaged images and files that are none are left out. `Images.reading` says what was done.

    Args:
        path: a folder or a zip archive, with a folder of images for each class, or with such folders in `train`, `val`
            and `test`.
        image_size: width and height to resize to.

    Raises:
        DataError: there are no classes, half of a class or more can't be read, or the layout can't be understood.
        MissingExtra: Pillow is not installed.
    """
    decoding.pillow()
    source = open_source(path)
    try:
        layout = understood(source.entries, str(path))
        key = cache.key(path, source, image_size)
        kept = cache.load(key, str(path))
        if kept is not None:
            return kept
        images, work = _read(source, layout, str(path), image_size)
    finally:
        source.close()
    cache.store(key, images, work)
    return images


def read_image(file: Path, size: tuple[int, int], channels: int, white: float = 255.0) -> NDArray[Any]:
    """Reads one file as the images of a folder are read that it is to be compared with.

    Args:
        file: the image.
        size: height and width of the set's images; where they differ from the file's, it is resized.
        channels: 1 or 3, those of the set.
        white: the set's `Reading.white`.

    Returns:
        `channels x h x w`, bytes, or floats from 0 to 1 if `white` is not 255.

    Raises:
        DataError: it is damaged, no image, or can't be read; the message names it.
        MissingExtra: Pillow is not installed.
    """
    if file.is_dir():
        raise DataError(f"{file} is a folder; name the images in it, such as {file / '*.jpg'}")
    if file.exists() and not file.is_file():
        raise DataError(f"{file} is no file, but a pipe, socket or device")
    try:
        with file.open("rb") as opened:
            head = decoding.header(opened)
            opened.seek(0)
            fits = (head.height, head.width) == size
            image = decoding.pixels(opened, None if fits else size[::-1])
    except OSError as error:
        raise DataError(f"{file} can't be read: {error.strerror}") from error
    except DataError as error:
        raise DataError(f"{file} is damaged or no image: {error}") from error
    if channels == 1 and image.ndim == 3:
        grey = np.array([0.299, 0.587, 0.114])  # ITU-R 601, as Pillow converts to grey
        image = np.rint(image @ grey).astype(image.dtype)
    if image.dtype != np.uint8 and white == 255:
        image = np.rint(image / max(1.0, float(image.max())) * 255).astype(np.uint8)  # its own brightest is white
    wanted = np.zeros((channels, *image.shape[:2]), dtype=np.uint8 if white == 255 else np.float32)
    _put(wanted, image, white)
    return wanted


def _read(source: Source, layout: Layout, name: str, image_size: int | None) -> tuple[Images, int]:
    """The images, and how many pixels were decoded for them."""
    found, damaged = _looked_at(source, layout)
    _check_classes(found, damaged, layout, name)
    sizes = Counter((each.header.width, each.header.height) for each in found)
    size = image_size if image_size is not None else _chosen_size(sizes)
    (width, height), _ = sizes.most_common(1)[0]
    shape = (height, width) if size is None else (size, size)
    deep = any(each.header.deep for each in found)
    channels = 3 if any(each.header.colour for each in found) else 1
    needed = len(found) * channels * shape[0] * shape[1] * (4 if deep else 1)
    if needed > MOST_MEMORY:
        raise DataError(
            f"{name}: {len(found):,} images of {shape[1]} x {shape[0]} would take {needed / 2**30:.0f} GB of memory; "
            "set a smaller image_size"
        )
    x = np.zeros((len(found), channels, *shape), dtype=np.float32 if deep else np.uint8)
    raw = np.zeros(len(found), dtype=np.bool_)  # images of more than 8 bits, still to be scaled
    whole = np.ones(len(found), dtype=np.bool_)
    for row, image in enumerate(_decoded(source, found, size)):
        if isinstance(image, LeftOut):
            whole[row] = False
            damaged.append(image)
        else:
            raw[row] = image.dtype != np.uint8
            _put(x[row], image, 1.0 if raw[row] else 255.0)
    white = float(np.abs(x[raw & whole]).max(initial=0)) if raw.any() else 255.0
    if raw.any():
        white = white or 1.0
        x[raw] /= white
    found = [each for each, good in zip(found, whole, strict=True) if good]
    _check_classes(found, damaged, layout, name)
    x = x if whole.all() else x[whole]
    reading = Reading(
        files={part: tuple(each.entry.name for each in found if each.part == part) for part in layout.files},
        sizes=tuple((*size, count) for size, count in _sizes(found).most_common()),
        resized=size,
        asked=image_size is not None,
        white=white,
        rotated=sum(each.header.rotated for each in found),
        hidden=source.hidden,
        left_out=(*source.left_out, *layout.left_out),
        damaged=tuple(damaged),
        remarks=layout.remarks,
    )
    labels = np.array([each.label for each in found], dtype=np.int64)
    rows = {part: np.array([each.part == part for each in found]) for part in PARTS}
    parts = {part: (x[own], labels[own]) if own.any() else (None, None) for part, own in rows.items()}
    if rows[TRAIN].all():
        parts[TRAIN] = x, labels  # as it is, not a copy
    train_x, train_y = parts[TRAIN]
    assert train_x is not None  # every class has images there
    assert train_y is not None
    (test_x, test_y), (valid_x, valid_y) = parts[TEST], parts[VALIDATION]
    images = Images(name, train_x, train_y, layout.classes, test_x, test_y, valid_x, valid_y, reading)
    return images, sum(each.header.width * each.header.height for each in found)


def _looked_at(source: Source, layout: Layout) -> tuple[list[_Found], list[LeftOut]]:
    """What the headers of all files say; and the files that have none."""
    found, damaged = [], []
    for part, files in layout.files.items():
        for entry, label in files:
            try:
                with source.open(entry) as opened:
                    found.append(_Found(entry, label, part, decoding.header(opened)))
            except DataError as error:
                damaged.append(LeftOut(entry.name, str(error)))
            except READ_ERRORS as error:
                damaged.append(LeftOut(entry.name, f"it can't be read: {error}"))
    return found, damaged


def _check_classes(found: Sequence[_Found], damaged: Sequence[LeftOut], layout: Layout, name: str) -> None:
    """Makes sure that most images of each class can be read; else something is wrong with the set as a whole."""
    bad = {each.file: each.reason for each in damaged}
    good = Counter(each.label for each in found if each.part == TRAIN)
    whole = Counter(label for _, label in layout.files[TRAIN])
    for entry, label in layout.files[TRAIN]:
        if entry.name in bad and 2 * good[label] <= whole[label]:
            raise DataError(
                f"the image {name}/{entry.name} is damaged or no image: {bad[entry.name]}; of the {whole[label]} "
                f"images of class {shown(layout.classes[label])}, {whole[label] - good[label]} can't be read"
            )


def _chosen_size(sizes: Counter[tuple[int, int]]) -> int | None:
    """The width and height to resize to; `None` if all images are of one size that needs no resizing."""
    if len(sizes) == 1 and max(next(iter(sizes))) <= LARGEST:
        return None
    middle = median(min(size) for size in sizes.elements())
    return min(LARGEST, max(SMALLEST, int(middle) // STEP * STEP))


def _decoded(source: Source, found: Sequence[_Found], size: int | None) -> Iterator[NDArray[Any] | LeftOut]:
    """Pixels of each file, in order; Pillow decodes in several threads at once."""

    def decode(each: _Found) -> NDArray[Any] | LeftOut:
        try:
            with source.open(each.entry) as opened:
                image = decoding.pixels(opened, None if size is None else (size, size))
        except DataError as error:
            return LeftOut(each.entry.name, str(error))
        except READ_ERRORS as error:
            return LeftOut(each.entry.name, f"it can't be read: {error}")
        if size is None and image.shape[:2] != (each.header.height, each.header.width):
            return LeftOut(each.entry.name, "it changed while it was read")
        return image

    with ThreadPoolExecutor(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2) as pool:
        for start in range(0, len(found), _AT_ONCE):
            yield from pool.map(decode, found[start : start + _AT_ONCE])


def _put(place: NDArray[Any], image: NDArray[Any], white: float) -> None:
    """Writes pixels `h x w` or `h x w x 3` into `c x h x w`; into floats with `white` as 1."""
    planes = image[None] if image.ndim == 2 else image.transpose(2, 0, 1)
    if place.dtype == np.uint8:
        place[:] = planes
    else:
        scale = 255.0 if image.dtype == np.uint8 else white
        place[:] = planes.astype(np.float32) / np.float32(scale)


def _sizes(found: Sequence[_Found]) -> Counter[tuple[int, int]]:
    return Counter((each.header.width, each.header.height) for each in found)
