"""Packed files of other people: what they unpack to is bounded by what their format can mean."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from archllm.errors import ArchLLMError, DataError

ALWAYS = 4 << 20
"""Bytes that any packed file may unpack to."""

MOST_PACKED = 100
"""How many times its packed size a larger one may have: tables and images of benchmarks have 3 to 20 times."""

_BLOCK = 1 << 20


@contextmanager
def reading(path: Path | str, what: str) -> Iterator[None]:
    """Turns whatever a library stumbles over in a file of others into an error of ours.

    Only calls of libraries belong into the block: an error of our own code would be taken for one of the file.

    Args:
        path: the file.
        what: what it should be, as in "no CSV file".

    Raises:
        DataError: something went wrong; the message names the file.
    """
    try:
        yield
    except ArchLLMError:
        raise
    except MemoryError as error:
        raise DataError(f"{path} is damaged, or needs more memory than there is") from error
    except Exception as error:  # decoders raise almost anything
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError(f"{path} is damaged or no {what}: {reason}") from error


def check_unpacked(path: Path, size: int, always: int = ALWAYS, times: int = MOST_PACKED) -> None:
    """Makes sure that a file may unpack to so many bytes.

    Args:
        path: the packed file.
        size: bytes that it unpacks to, or says it does.
        always: bytes that it may have whatever its packed size.
        times: how many times the packed size a larger one may have.

    Raises:
        DataError: that is more than data of its kind does.
    """
    packed = path.stat().st_size
    if size > always and size > times * packed:
        raise DataError(
            f"{path} has {packed:,} bytes and unpacks to {size:,} or more, over {times} times as many: that is no data "
            "but a file made to fill the memory; if it is yours, unpack it and name the unpacked file"
        )


def check_gzip(path: Path, what: str) -> None:
    """Makes sure that a gzipped file is whole and unpacks to a plausible size, without keeping anything of it.

    Raises:
        DataError: it does not.
    """
    size = 0
    with reading(path, what), gzip.open(path) as file:
        while block := file.read(_BLOCK):
            size += len(block)
            check_unpacked(path, size)


class Bounded(io.RawIOBase):
    """A stream that ends in an error where it is longer than what it stands for can be.

    Args:
        inner: the stream.
        path: its file, for the message.
        most: bytes that it may have.
    """

    def __init__(self, inner: IO[bytes], path: Path, most: int) -> None:
        super().__init__()
        self.inner, self.path, self.most = inner, path, most

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes.

        Raises:
            DataError: more than `most` bytes were read in all.
        """
        found = self.inner.read(self.most + 1 if size is None or size < 0 else min(size, self.most + 1))
        self.most -= len(found)
        if self.most < 0:
            raise DataError(f"{self.path} unpacks to more than what it should hold can have")
        return found
