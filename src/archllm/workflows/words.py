"""`KEY=VALUE` words of a command line -> typed values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archllm.errors import InvalidInput


def parse_words(words: Sequence[str], types: Mapping[str, str], what: str) -> dict[str, Any]:
    """Values by key; a key without a type stays text, for others to refuse.

    Args:
        words: `KEY=VALUE` each.
        types: the type of each key, as annotations name them: `int`, `float`, `bool`, `tuple[str, ...]` for texts with
            commas between them, anything else for text.
        what: what an option is of, in messages, such as `network`.

    Raises:
        InvalidInput: a word is not of that form, or a value of another type.
    """
    found: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not value:
            raise InvalidInput(
                f"a {what} option is written KEY=VALUE, got {word!r}; keys: {', '.join(types) or 'none'}"
            )
        found[key] = _read(key, value, types.get(key, "str"), what)
    return found


def _read(key: str, value: str, kind: str, what: str) -> Any:
    try:
        if kind == "int":
            return int(value)
        if kind == "float":
            return float(value)
    except ValueError as error:
        expected = "a whole number" if kind == "int" else "a number"
        raise InvalidInput(f"{what} option {key} must be {expected}, got {value!r}") from error
    if kind == "bool":
        if value.lower() not in ("true", "false"):
            raise InvalidInput(f"{what} option {key} must be true or false, got {value!r}")
        return value.lower() == "true"
    if kind == "tuple[str, ...]":
        return tuple(part for part in value.split(",") if part)
    return value
