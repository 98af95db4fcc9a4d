"""Files of images -> pixels: upright, in full depth, at the size that is wanted."""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, MissingExtra

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
"""Formats as Pillow names them; no other reader of Pillow's ever sees a file."""

_ORIENTATION = 0x0112  # the EXIF tag
_UPRIGHT = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_GREY = ("1", "L", "LA", "La")
_TRANSPARENT = ("LA", "La", "PA", "RGBA", "RGBa")


_LARGE, _PIXELS_PER_BYTE = 1 << 23, 500
"""Images of more pixels than the first have fewer than the second for each byte of their file; photos have some 10."""


@dataclass(frozen=True)
class Header:
    """What a file says of its image."""

    width: int
    """Columns, as it is shown."""

    height: int
    """Rows, as it is shown."""

    colour: bool
    """Whether it has colours."""

    deep: bool
    """Whether it has more than 8 bits a channel."""

    rotated: bool
    """Whether it has to be turned to stand upright."""


def pillow() -> Any:
    """The library.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import PIL.Image
    except ImportError as error:
        raise MissingExtra("reading files of images", "images") from error
    return PIL.Image


def header(file: IO[bytes]) -> Header:
    """Reads the size and the kind of an image, not its pixels. Not to be called from several threads at once.

    Raises:
        DataError: it is damaged, no image, or too large.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", pillow().DecompressionBombWarning)
        image = _opened(file)
    with image:
        _check_holds(file, image.size)
        turned = _orientation(image)
        width, height = image.size
        if turned in (5, 6, 7, 8) and image.format != "TIFF":  # Pillow itself turns TIFF
            width, height = height, width
        deep = image.mode.startswith(("I", "F"))
        return Header(width, height, not deep and image.mode not in _GREY, deep, turned in _UPRIGHT)


def pixels(file: IO[bytes], size: tuple[int, int] | None = None) -> NDArray[Any]:
    """Reads an image whose header is known to be good: turned as its EXIF orientation says, transparent parts white.

    Args:
        file: PNG, JPEG, WebP, BMP or TIFF.
        size: width and height that it is resized to; without, it stays as it is.

    Returns:
        `h x w` of a grey image, `h x w x 3` of any other: bytes, or 32-bit floats where the file has more than 8 bits.
        Colours of 16 bits are read with 8, as Pillow has no others.

    Raises:
        DataError: it is damaged, no image, or too large.
    """
    library = pillow()
    with _opened(file) as image:
        try:
            if size is not None and image.format == "JPEG":
                image.draft(None, (2 * max(size), 2 * max(size)))  # decodes a large photo at a fraction of the work
            image.load()
            turned = _orientation(image)
            plain = _plain(image, library)
            if turned in _UPRIGHT:
                plain = plain.transpose(library.Transpose[_UPRIGHT[turned]])
            if size is not None and plain.size != size:
                plain = plain.resize(size, library.Resampling.BILINEAR)
            found: NDArray[Any] = np.array(plain)
        except _ERRORS as error:
            raise DataError(str(error) or type(error).__name__) from error
    if found.dtype != np.uint8:
        if not np.isfinite(found).all():
            raise DataError("it holds values that are infinite or NaN")
        found = found.astype(np.float32)
    return found


_ERRORS = (OSError, EOFError, ValueError, SyntaxError, TypeError, KeyError, IndexError, OverflowError, struct.error)
"""What Pillow raises on damaged files."""


def _opened(file: IO[bytes]) -> Any:
    library = pillow()
    try:
        return library.open(file, formats=FORMATS)
    except (library.DecompressionBombWarning, library.DecompressionBombError) as error:
        raise DataError(f"it has more than {library.MAX_IMAGE_PIXELS:,} pixels") from error
    except library.UnidentifiedImageError as error:
        raise DataError(f"it is none of the formats that are read, whatever its name says{_advice(file)}") from error
    except _ERRORS as error:
        raise DataError(str(error) or type(error).__name__) from error


def _advice(file: IO[bytes]) -> str:
    """What to do with photos of phones, HEIC and AVIF, which are containers as videos are."""
    file.seek(4)
    return "; save it as JPEG" if file.read(4) == b"ftyp" else ""


def _check_holds(file: IO[bytes], size: tuple[int, int]) -> None:
    """Makes sure that a large image stands in a file of some size; few bytes would fill the memory with one colour.

    Raises:
        DataError: it does not.
    """
    width, height = size
    if width * height > _LARGE:
        at, end = file.tell(), file.seek(0, 2)
        file.seek(at)
        if width * height > _PIXELS_PER_BYTE * end:
            raise DataError(f"{end:,} bytes are too few for an image of {width:,} x {height:,} pixels")


def _orientation(image: Any) -> int:
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - damaged EXIF data raises anything; viewers then show the image as it is
        return 1
    return found if isinstance(found, int) else 1


def _plain(image: Any, library: Any) -> Any:
    """The image as grey or colour of 8 bits, or as floats."""
    if image.mode.startswith(("I", "F")):
        return library.fromarray(np.asarray(image).astype(np.float32))
    grey = image.mode in _GREY
    if image.mode in _TRANSPARENT or (image.mode == "P" and "transparency" in image.info):
        image = image.convert("RGBA")
        image = library.alpha_composite(library.new("RGBA", image.size, "white"), image)
    return image.convert("L" if grey else "RGB")
