"""Small pictures as PNG files, and inside of pages."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode

import numpy as np
from numpy.typing import NDArray


def png_uri(image: NDArray[np.uint8]) -> str:
    """An image `h x w x c`, c of 1 or 3, as what an `img` element shows."""
    return f"data:image/png;base64,{b64encode(png(image)).decode()}"


def png(image: NDArray[np.uint8]) -> bytes:
    """An image `h x w x c`, c of 1 or 3, as a PNG file (RFC 2083): a signature, a header, the rows, an end."""
    height, width, channels = image.shape
    rows = b"".join(b"\0" + image[row].tobytes() for row in range(height))  # each begins with its filter: none

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
