"""Architectures given as values of Python -> the text that says the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from archllm.errors import InvalidInput, shown

_MOST = 10_000  # numbers of an array
_LONGEST = 4_096  # bits of a whole number; Python writes longer ones slowly, or not at all


def written(value: Any) -> str:
    """The text of an architecture that is given as a number, a dictionary, a sequence, an array or a genotype.

    Example:
        >>> written({"matrix": np.array([[0, 1], [0, 0]]), "ops": ["input", "output"]})
        '{"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}'
        >>> written(np.int64(1234)), written((4, 0, 3, 1, 4, 3))
        ('1234', '(4, 0, 3, 1, 4, 3)')

    Raises:
        InvalidInput: it is something else.
    """
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return repr(value)  # a named tuple such as Genotype
    plain = _plain(value, 0)
    if isinstance(plain, dict):
        return json.dumps(plain)
    if isinstance(plain, bool) or not isinstance(plain, int | list):
        raise InvalidInput(
            f"an architecture is given as text, or as a number, a dictionary or a sequence that a text would say; got "
            f"{type(value).__name__}"
        )
    return f"({', '.join(map(str, plain))})" if isinstance(plain, list) else str(plain)


def _plain(value: Any, depth: int) -> Any:
    """Lists, dictionaries, whole numbers and texts."""
    if depth > 5:
        raise InvalidInput("an architecture that is given as a value has lists within lists without end")
    if isinstance(value, np.ndarray):
        if value.size > _MOST or value.dtype.kind not in "biufU":
            raise InvalidInput(f"an array of {value.dtype} with {value.size} entries is no part of an architecture")
        whole = value.dtype.kind == "f" and bool((value == np.trunc(value)).all())
        return (value.astype(np.int64) if whole or value.dtype.kind == "b" else value).tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): _plain(each, depth + 1) for key, each in value.items()}
    if isinstance(value, range) and len(value) > _MOST:
        raise InvalidInput(f"a range of {len(value)} numbers is no part of an architecture")
    if isinstance(value, list | tuple | range):
        return [_plain(each, depth + 1) for each in value]
    if isinstance(value, int) and value.bit_length() > _LONGEST:
        raise InvalidInput(f"a whole number of {value.bit_length():,} bits is no part of an architecture")
    if value is None or isinstance(value, int | float | str):
        return value
    raise InvalidInput(f"an architecture is given as text or plain values; got {shown(type(value).__name__)}")
