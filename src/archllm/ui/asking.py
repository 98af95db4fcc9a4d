"""What a request asks for, as settings: read from its query, within bounds."""

from __future__ import annotations

from starlette.requests import Request

from archllm.errors import InvalidInput, shown

LONGEST = 20_000
"""Most characters of a value: an architecture is the longest."""


def text(request: Request, name: str, default: str | None = None) -> str:
    """A value of the query.

    Raises:
        InvalidInput: it is missing and has no default, or is too long.
    """
    found = request.query_params.get(name, default)
    if found is None:
        raise InvalidInput(f"the address has no {name}")
    if len(found) > LONGEST:
        raise InvalidInput(f"{name} has more than {LONGEST:,} characters")
    return found


def number(request: Request, name: str, default: float) -> float:
    """A number of the query; whether it fits is for settings to say.

    Raises:
        InvalidInput: it is none.
    """
    found = text(request, name, "")
    try:
        return float(found) if found else default
    except ValueError as error:
        raise InvalidInput(f"{name} must be a number, got {shown(found)}") from error


def whole(request: Request, name: str, default: int, most: int = 2**31) -> int:
    """A whole number of the query, from 0.

    Raises:
        InvalidInput: it is none, or larger than allowed.
    """
    found = text(request, name, "")
    if not found:
        return default
    if not found.isascii() or not found.isdecimal() or len(found) > 19 or int(found) > most:
        raise InvalidInput(f"{name} must be a whole number from 0 to {most:,}, got {shown(found)}")
    return int(found)


def flag(request: Request, name: str) -> bool:
    """Whether a box is ticked."""
    return text(request, name, "") in ("1", "on", "true")


def several(request: Request, name: str, most: int) -> tuple[str, ...]:
    """All values of a name that are not empty.

    Raises:
        InvalidInput: there are too many, or one is too long.
    """
    found = tuple(each for each in request.query_params.getlist(name) if each.strip())
    if len(found) > most or any(len(each) > LONGEST for each in found):
        raise InvalidInput(f"{name} stands at most {most} times, and has at most {LONGEST:,} characters")
    return found
