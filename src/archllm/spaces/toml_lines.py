"""Where the keys of a TOML text stand: Python's reader does not say, and a message should."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*""")


class Places:
    r"""Lines of TOML keys and of entries of arrays, counted from 1, for messages.

    Args:
        text: a text that is valid TOML.

    Example:
        >>> places = Places("nodes = 4\nops = [\n  'a',\n  'b',\n]")
        >>> places.line(["nodes"]), places.line(["ops", 1])
        (1, 4)
    """

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.lines: dict[tuple[str | int, ...], int] = {}
        table: tuple[str, ...] = ()
        while self.at < len(text):
            self._blank()
            if self.at >= len(text):
                break
            line = self._line()
            if text[self.at] == "[":
                self.at += 2 if text.startswith("[[", self.at) else 1
                table = self._key()
                self.lines.setdefault(table, line)
                self.at = self._end_of_line()
            else:
                key = table + self._key()
                for depth in range(1, len(key) + 1):
                    self.lines.setdefault(key[:depth], line)
                self.at += 1  # the equals sign
                self._value(key)
                self.at = self._end_of_line()

    def line(self, key: Sequence[str | int]) -> int | None:
        """The line of an entry, or of the nearest one around it; `None` for the whole text."""
        for depth in range(len(key), 0, -1):
            if tuple(key[:depth]) in self.lines:
                return self.lines[tuple(key[:depth])]
        return None

    def _line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

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
            self.at = match.end()
            if not self.text.startswith(".", self.at):
                break
            self.at += 1
        return tuple(parts)

    def _value(self, key: tuple[str | int, ...]) -> None:
        """Skips a value, noting the lines of what is in it."""
        self._blank()
        opening = self.text[self.at : self.at + 1]
        if opening == "[":
            self._inside("]", key, numbered=True)
        elif opening == "{":
            self._inside("}", key, numbered=False)
        elif opening in ('"', "'"):
            self._string(opening)
        else:
            while self.at < len(self.text) and self.text[self.at] not in ",]}\n#":
                self.at += 1

    def _inside(self, closing: str, key: tuple[str | int, ...], *, numbered: bool) -> None:
        self.at += 1
        number = 0
        while True:
            self._blank()
            if self.at >= len(self.text) or self.text[self.at] == closing:
                self.at += 1
                return
            line = self._line()
            entry = (*key, number) if numbered else key + self._key()
            self.lines.setdefault(entry, line)
            self.at += not numbered  # the equals sign
            self._value(entry)
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
