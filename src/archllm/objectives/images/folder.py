"""A folder with a subfolder of images for each class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, MissingExtra
from archllm.objectives.images.images import Images

ENDINGS = (".png", ".jpg", ".jpeg")


def load_folder(path: Path, image_size: int | None = None) -> Images:
    """Reads the PNG and JPEG images of all subfolders; grey if all are grey, else colour.

    Args:
        path: the folder.
        image_size: height and width to resize to; without it all images must be of one size, and square.

    Raises:
        DataError: there are no classes, a class is empty, an image is damaged (named), or sizes differ.
        MissingExtra: Pillow is not installed.
    """
    try:
        import PIL.Image
    except ImportError as error:
        raise MissingExtra("reading a folder of images", "images") from error
    classes = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not classes:
        raise DataError(f"{path} has no subfolders; one for each class is expected, with PNG or JPEG images")
    found: list[tuple[Path, NDArray[np.uint8]]] = []
    labels: list[int] = []
    for label, folder in enumerate(classes):
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in ENDINGS)
        if not files:
            raise DataError(f"the class folder {folder} holds no PNG or JPEG images")
        found += [(file, _read(file, image_size, PIL.Image)) for file in files]
        labels += [label] * len(files)
    first, image = found[0]
    for file, other in found:
        if other.shape[:2] != image.shape[:2]:
            raise DataError(
                f"{first} is {_size(image)} pixels and {file} is {_size(other)}; images must be of one size, or be "
                "resized (image_size)"
            )
    colour = any(other.ndim == 3 for _, other in found)
    x = np.stack([_channels(other, colour) for _, other in found])
    return Images(path.name, x, np.array(labels, dtype=np.int64), tuple(folder.name for folder in classes))


def _read(file: Path, size: int | None, library: Any) -> NDArray[np.uint8]:
    """`h x w` bytes of a grey image, `h x w x 3` of any other."""
    try:
        with library.open(file) as opened:
            image = opened.convert("L" if opened.mode in ("1", "L", "LA") else "RGB")
            if size is not None:
                image = image.resize((size, size), library.Resampling.BILINEAR)
            return np.asarray(image, dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, library.DecompressionBombError) as error:
        raise DataError(f"the image {file} is damaged: {error}") from error


def _channels(image: NDArray[np.uint8], colour: bool) -> NDArray[np.uint8]:
    if not colour:
        return image[None]
    return np.stack([image] * 3) if image.ndim == 2 else image.transpose(2, 0, 1)


def _size(image: NDArray[np.uint8]) -> str:
    return f"{image.shape[1]} x {image.shape[0]}"
