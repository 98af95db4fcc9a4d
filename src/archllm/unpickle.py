"""Reading pickles of other people: data only, nothing is executed."""

from __future__ import annotations

import pickle
from typing import Any, BinaryIO

from archllm.errors import DataError

HARMLESS = frozenset(
    {
        ("collections", "OrderedDict"),
        ("_codecs", "encode"),
        *((module, name) for module in ("builtins", "__builtin__") for name in ("set", "frozenset")),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
        *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
    }
)
"""Globals that only build plain data: dictionaries, arrays, numbers, byte strings."""


def load_restricted(
    file: BinaryIO, source: str, allowed: frozenset[tuple[str, str]] = HARMLESS, encoding: str = "ASCII"
) -> Any:
    """Reads a pickle that may use no other globals than those allowed.

    Args:
        file: the open file.
        source: what the file is called in messages.
        allowed: module and name of each global that may occur.
        encoding: of byte strings from Python 2.

    Raises:
        DataError: the pickle is damaged, or asks for another global; nothing of it was executed.
    """
    reader = _Restricted(file, source, allowed, encoding)
    try:
        return reader.load()
    except DataError:
        raise
    except Exception as error:  # whatever a damaged pickle makes the reader stumble over
        raise DataError(f"{source} is damaged or no pickle: {type(error).__name__}: {error}") from error


class _Restricted(pickle.Unpickler):
    def __init__(self, file: BinaryIO, source: str, allowed: frozenset[tuple[str, str]], encoding: str) -> None:
        super().__init__(file, encoding=encoding)
        self.source, self.allowed = source, allowed

    def find_class(self, module: str, name: str) -> Any:
        """The global of that name, if it is allowed."""
        if (module, name) not in self.allowed:
            raise DataError(
                f"{self.source} is a pickle that asks for {module}.{name}, which plain data does not need: refused, "
                "nothing of it was executed"
            )
        return super().find_class(module, name)
