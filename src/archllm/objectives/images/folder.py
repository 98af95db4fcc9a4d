"""A folder with a subfolder of images for each class."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, MissingExtra
from archllm.objectives.images.images import Images

ENDINGS = (".png", ".jpg", ".jpeg")
"""Files that are read, in either case; others are left alone."""


def load_folder(path: Path, image_size: int | None = None) -> Images:
    """Reads the PNG and JPEG images of all subfolders; grey if all are grey, else colour.

    Transparency is dropped; 16-bit grey keeps its upper 8 bits.

    Args:
        path: the folder.
        image_size: height and width to resize to; without it all images must be of one size.

    Raises:
        DataError: there are no classes, a class is empty, an image is damaged (named), or sizes differ.
        MissingExtra: Pillow is not installed.
    """
    try:
        import PIL.Image
    except ImportError as error:
        raise MissingExtra("reading a folder of images", "images") from error
    classes = list(_classes(path))
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    first = classes[0][1][0]
    for label, (_, files) in enumerate(classes):
        for file in files:
            image = _read(file, image_size, PIL.Image)
            if images and image.shape[:2] != images[0].shape[:2]:
                raise DataError(
                    f"{first} has {_size(images[0])} pixels and {file} has {_size(image)}; images must be of one size, "
                    "or be resized: set image_size"
                )
            images.append(image)
            labels.append(label)
    colour = any(image.ndim == 3 for image in images)
    x = np.stack([_channels(image, colour) for image in images])
    return Images(str(path), x, np.array(labels, dtype=np.int64), tuple(name for name, _ in classes))


def _classes(path: Path) -> Iterator[tuple[str, list[Path]]]:
    """Name and files of each class, sorted by name."""
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not folders:
        raise DataError(f"{path} has no subfolders; one for each class is expected, with PNG or JPEG images")
    for folder in folders:
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in ENDINGS and file.is_file())
        if not files:
            raise DataError(f"the class folder {folder} holds no PNG or JPEG images; fill it or remove it")
        yield folder.name, files


def _read(file: Path, size: int | None, library: Any) -> NDArray[np.uint8]:
    """`h x w` bytes of a grey image, `h x w x 3` of any other."""
    try:
        with library.open(file) as opened:
            if opened.mode.startswith("I"):  # 16 bits; Pillow would cut off at 255
                image = library.fromarray((np.asarray(opened) >> 8).astype(np.uint8))
            else:
                image = opened.convert("L" if opened.mode in ("1", "L", "LA") else "RGB")
            if size is not None:
                image = image.resize((size, size), library.Resampling.BILINEAR)
            return np.asarray(image, dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, library.DecompressionBombError) as error:
        raise DataError(f"the image {file} is damaged or no image: {error}") from error


def _channels(image: NDArray[np.uint8], colour: bool) -> NDArray[np.uint8]:
    if not colour:
        return image[None]
    return np.stack([image] * 3) if image.ndim == 2 else image.transpose(2, 0, 1)


def _size(image: NDArray[np.uint8]) -> str:
    return f"{image.shape[1]} x {image.shape[0]}"
