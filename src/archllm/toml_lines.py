"""TOML texts within bounds, and where their keys stand: Python's reader does not say, and a message should."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any

from archllm.errors import InvalidInput, printable

LARGEST = 1 << 20
"""Most characters of a text."""

DEEPEST = 20
"""Most brackets within one another."""

MOST_PARTS = 8
"""Most parts of a dotted key: Python's reader takes time that grows with their square."""

_PART = re.compile(r"""[ \t]*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))[ \t]*""")
_SAID = re.compile(r"(.*?) \(at (?:line (\d+), column \d+|end of document)\)", re.DOTALL)


class TOMLError(InvalidInput):
    """A text is no TOML, or beyond the bounds.

    Args:
        message: what is wrong.
        line: the line, from 1; 0 for the whole text.
    """

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.message, self.line = printable(message), line


def loads(text: str) -> dict[str, Any]:
    """The values of a TOML text, in time that grows with its length only.

    Raises:
        TOMLError: it is no TOML, or too large, too deep, or has a key of too many parts.

    Example:
        >>> loads("nodes = 4")
        {'nodes': 4}
    """
    if len(text) > LARGEST:
        raise TOMLError(f"it has more than {LARGEST:,} characters")
    Places(text)  # looks at brackets and keys, before they can take time
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _SAID.fullmatch(str(error))
        if found is None:
            raise TOMLError(str(error)) from error
        lines = text.split("\n")
        number = int(found[2] or len(lines))
        said = found[1]
        if said == "Cannot overwrite a value":
            said = f"the key {lines[number - 1].partition('=')[0].strip()} stands twice; leave one out"
        raise TOMLError(said, number) from error
    except (RecursionError, ValueError) as error:  # such as a number of more digits than Python reads
        raise TOMLError(str(error)) from error


class Places:
    r"""Lines of TOML keys and of entries of arrays, counted from 1, for messages.

    Args:
        text: a text; of one that is no TOML, what stands before the mistake is found.

    Raises:
        TOMLError: brackets are nested too deeply, or a key has too many parts.

    Example:
        >>> places = Places("nodes = 4\nops = [\n  'a',\n  'b',\n]")
        >>> places.line(["nodes"]), places.line(["ops", 1])
        (1, 4)
    """

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.lines: dict[tuple[str | int, ...], int] = {}
        self._counted, self._number = 0, 1  # ends of lines are counted once each
        table: tuple[str, ...] = ()
        self._blank()
        while self.at < len(text):
            line = self._line()
            if text[self.at] == "[":
                self.at += 2 if text.startswith("[[", self.at) else 1
                table = self._key()
                for end in range(1, len(table) + 1):
                    self.lines.setdefault(table[:end], line)
            else:
                key = self._key()
                if not key or not self._entry(table + key, line):
                    return  # no TOML: its reader says why
            self.at = self._end_of_line()
            self._blank()

    def line(self, key: Sequence[str | int]) -> int | None:
        """The line of an entry, or of the nearest one around it; `None` for the whole text."""
        for depth in range(len(key), 0, -1):
            if tuple(key[:depth]) in self.lines:
                return self.lines[tuple(key[:depth])]
        return None

    def _line(self) -> int:
        self._number += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._number

    def _end_of_line(self) -> int:
        end = self.text.find("\n", self.at)
        return len(self.text) if end < 0 else end + 1

    def _blank(self) -> None:
        """Skips spaces, line ends and comments."""
        while self.at < len(self.text) and (self.text[self.at].isspace() or self.text[self.at] == "#"):
            self.at = self._end_of_line() if self.text[self.at] == "#" else self.at + 1

    def _key(self) -> tuple[str, ...]:
        parts = []
        while match := _PART.match(self.text, self.at):
            parts.append(next(part for part in match.groups() if part is not None))
            if len(parts) > MOST_PARTS:
                raise TOMLError(f"a key has more than {MOST_PARTS} parts", self._line())
            self.at = match.end()
            if not self.text.startswith(".", self.at):
                break
            self.at += 1
        return tuple(parts)

    def _entry(self, key: tuple[str | int, ...], line: int, depth: int = 0) -> bool:
        """Skips what stands behind a key; whether that looks like TOML."""
        for end in range(1, len(key) + 1):
            self.lines.setdefault(key[:end], line)
        if not self.text.startswith("=", self.at):
            return False
        self.at += 1
        return self._value(key, depth)

    def _value(self, key: tuple[str | int, ...], depth: int) -> bool:
        """Skips a value, noting the lines of what is in it; whether there is one."""
        self._blank()
        opening = self.text[self.at : self.at + 1]
        if opening in ("[", "{"):
            if depth == DEEPEST:
                raise TOMLError(f"more than {DEEPEST} brackets within one another", self._line())
            return self._inside("]" if opening == "[" else "}", key, depth + 1)
        start = self.at
        if opening in ('"', "'"):
            self._string(opening)
        else:
            while self.at < len(self.text) and self.text[self.at] not in ",]}\n#":
                self.at += 1
        return self.at > start

    def _inside(self, closing: str, key: tuple[str | int, ...], depth: int) -> bool:
        self.at += 1
        number = 0
        while True:
            self._blank()
            if self.text.startswith(closing, self.at):
                self.at += 1
                return True
            line = self._line()
            if closing == "]":
                self.lines.setdefault((*key, number), line)
                whole = self._value((*key, number), depth)
            else:
                inner = self._key()
                whole = bool(inner) and self._entry(key + inner, line, depth)
            if not whole:
                return False
            self._blank()
            self.at += self.text.startswith(",", self.at)
            number += 1

    def _string(self, quote: str) -> None:
        long = self.text.startswith(quote * 3, self.at)
        delimiter = quote * 3 if long else quote
        self.at += len(delimiter)
        while self.at < len(self.text) and not self.text.startswith(delimiter, self.at):
            self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
        self.at += len(delimiter)
        while long and self.text.startswith(quote, self.at):  # a quote may stand right before the closing three
            self.at += 1
