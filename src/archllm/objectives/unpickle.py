"""Reading pickles of other people: data only, nothing is executed.

A pickle is a program. Of what it may call, only a few globals are known here, and each stands for a function of ours
that builds plain data and nothing else. Even numpy's own constructors would go too far: given a raw buffer and the type
"object", they take bytes of the file for addresses in memory.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from archllm.errors import DataError, shown


class _Array(np.ndarray[Any, np.dtype[Any]]):
    """An array that a pickle fills with plain numbers."""

    def __setstate__(self, state: Any) -> None:
        version, shape, dtype, fortran, data = state
        content = data.encode("latin1") if isinstance(data, str) else data  # a byte string of Python 2
        if not isinstance(dtype, _DType) or not isinstance(content, bytes):
            raise ValueError("an array of something else than plain numbers")
        super().__setstate__((version, shape, dtype.plain(), fortran, content))


class _DType:
    """The type of an array's numbers: a code such as `f8`, and a byte order."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code, self.order = _text(code), "="

    def __setstate__(self, state: Any) -> None:
        self.order = _text(state[1])

    def plain(self) -> np.dtype[Any]:
        """The type, if it is one of plain numbers or texts."""
        if not self.code or self.code[0] not in "biufcSU" or not self.code[1:].isdecimal() or self.order not in "<>=|":
            raise ValueError(f"an array of type {shown(self.code)}, which is none of plain numbers")
        return np.dtype(self.order.replace("|", "=") + self.code)


class _ArrayType:
    """Stands for the class of arrays, which a pickle names but may not call."""


def _array(kind: Any, *_: Any) -> _Array:
    """An empty array; its state, which follows, says the rest."""
    if kind is not _ArrayType:
        raise ValueError("an array of an unknown class")
    return _Array((0,), np.dtype(np.int8))


def _from_buffer(buffer: Any, dtype: _DType, shape: Any, order: Any) -> NDArray[Any]:
    return np.frombuffer(buffer, dtype.plain()).reshape(shape, order=order).copy()


def _number(dtype: _DType, content: Any) -> Any:
    raw = content.encode("latin1") if isinstance(content, str) else content
    return np.frombuffer(raw, dtype.plain(), 1)[0]


def _bytes(text: str, encoding: str = "latin1") -> bytes:
    """How pickles before protocol 3 write byte strings."""
    if encoding != "latin1":
        raise ValueError(f"bytes in the encoding {shown(encoding)}")
    return text.encode("latin1")


def _text(value: Any) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else str(value)


_STAND_INS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("_codecs", "encode"): _bytes,
    **{(module, kind.__name__): kind for module in ("builtins", "__builtin__") for kind in (set, frozenset)},
    ("numpy", "ndarray"): _ArrayType,
    ("numpy", "dtype"): _DType,
    **{
        (f"numpy.{core}.{module}", name): function  # the first is how numpy 1 called it
        for core in ("core", "_core")
        for module, name, function in (
            ("multiarray", "_reconstruct", _array),
            ("multiarray", "scalar", _number),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
}

HARMLESS = frozenset(_STAND_INS)
"""Module and name of the globals that only build plain data: dictionaries, arrays, numbers, byte strings."""


def load_restricted(
    file: BinaryIO, source: str, allowed: frozenset[tuple[str, str]] = HARMLESS, encoding: str = "ASCII"
) -> Any:
    """Reads a pickle that may use no other globals than those allowed.

    The file stays open behind the end of the pickle, so that several in a row can be read.

    Args:
        file: the open file.
        source: what the file is called in messages.
        allowed: which of the `HARMLESS` globals may occur.
        encoding: of byte strings from Python 2.

    Raises:
        DataError: the pickle is damaged, or asks for another global; nothing of it was executed.
    """
    reader = _Restricted(file, source, allowed & HARMLESS, encoding)
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
        """What stands in for the global of that name, if it is allowed."""
        if (module, name) not in self.allowed:
            raise DataError(
                f"{self.source} is a pickle that asks for {module}.{name}, which plain data does not need: refused, "
                "nothing of it was executed"
            )
        return _STAND_INS[module, name]
