"""Options of a search method: a frozen dataclass each, its fields checked."""

from __future__ import annotations

from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, Self

from archllm.errors import InvalidInput, shown


@dataclass(frozen=True)
class Options:
    """What can be chosen about a method; this one has no options."""

    @classmethod
    def of(cls, method: str, options: dict[str, Any]) -> Self:
        """The options of these names, the rest at its default.

        Raises:
            InvalidInput: there is no such option, or a value can't be used.
        """
        known = [field.name for field in fields(cls)]
        for name in options:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                there = f"known: {', '.join(known)}" if known else "it has none"
                raise InvalidInput(f"searcher {method} has no option {name!r}; {hint}{there}")
        return cls(**options)

    def _whole(self, name: str, least: int, most: int = 10**9) -> None:
        """Makes sure that a field is a whole number in a range."""
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise InvalidInput(f"{name} must be a whole number of {least:,} to {most:,}, got {shown(value)}")

    def _number(self, name: str, least: float, most: float) -> None:
        """Makes sure that a field is a number in a range."""
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise InvalidInput(f"{name} must be a number from {least:g} to {most:g}, got {shown(value)}")

    def _choice(self, name: str, choices: tuple[str, ...]) -> None:
        """Makes sure that a field is one of these words."""
        value = getattr(self, name)
        if value not in choices:
            raise InvalidInput(f"{name} must be {' or '.join(map(repr, choices))}, got {shown(value)}")

    def _flag(self, name: str) -> None:
        """Makes sure that a field is true or false."""
        value = getattr(self, name)
        if not isinstance(value, bool):
            raise InvalidInput(f"{name} must be true or false, got {shown(value)}")

    def _text(self, name: str) -> None:
        """Makes sure that a field is a text."""
        value = getattr(self, name)
        if not isinstance(value, str):
            raise InvalidInput(f"{name} must be a text, got {shown(value)}")

    def _texts(self, name: str) -> None:
        """Makes sure that a field is a tuple of texts; a list becomes one."""
        value = getattr(self, name)
        if not isinstance(value, list | tuple) or not all(isinstance(each, str) and each for each in value):
            raise InvalidInput(f"{name} must be a list of texts, got {shown(value)}")
        object.__setattr__(self, name, tuple(value))
