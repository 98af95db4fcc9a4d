"""Ranges: values of a slot given by their ends instead of one by one."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from archllm.errors import shown

MOST_VALUES = 100
"""Most values of a range."""

EXAMPLES = "{ from = 8, to = 64, step = 8 } or { from = 1e-4, to = 0.1, log = true, n = 7 }"
"""What ranges look like."""

_KEYS = ("from", "to", "step", "n", "log")
_DIGITS = 4  # significant digits of values between the ends


class WrongRange(Exception):
    """A range that says no values.

    Args:
        message: what was expected and what was found.
        key: the key of the range that it is about, if it is one.
    """

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


def values_of(table: dict[str, Any]) -> list[int | float]:
    """The values of a range, from the first on; the last is `to`, or what steps reach before it.

    Whole ends give whole numbers. With `log` values grow by equal factors; those between the ends have four digits, or
    are rounded to whole numbers.

    Args:
        table: `from` and `to`, and `step`, or `n`, the number of values, and perhaps `log`.

    Raises:
        WrongRange: the table says no values.

    Example:
        >>> values_of({"from": 8, "to": 60, "step": 16}), values_of({"from": 0.1, "to": 0.3, "step": 0.1})
        ([8, 24, 40, 56], [0.1, 0.2, 0.3])
        >>> values_of({"from": 1e-3, "to": 0.1, "log": True, "n": 5})
        [0.001, 0.003162, 0.01, 0.03162, 0.1]
        >>> values_of({"from": 8, "to": 64, "log": True, "n": 4})
        [8, 16, 32, 64]
    """
    first, last = _checked(table)
    whole = type(first) is int and type(last) is int
    if "n" in table:
        return _spaced(first, last, table["n"], bool(table.get("log")), whole)
    step: Any = table.get("step", 1 if whole else None)
    if type(step) not in (int, float) or not 0 < step < math.inf:
        wanted = (
            "must be a number above 0" if "step" in table else "is missing; numbers that are not whole need it, or n"
        )
        raise WrongRange(f"{wanted}, found {shown(step)}" if "step" in table else f"step {wanted}", "step")
    low, high, by = Decimal(str(first)), Decimal(str(last)), Decimal(str(step))
    if (many := (high - low) / by) >= MOST_VALUES:
        found = f"{int(many) + 1:,}" if many < 10**15 else f"{many:.0e}"
        raise WrongRange(f"a slot has at most {MOST_VALUES} values, and this range has {found}")
    count = int((high - low) // by) + 1
    steps = [low + by * k for k in range(count)]
    return [int(value) for value in steps] if whole and type(step) is int else [float(value) for value in steps]


def _checked(table: dict[str, Any]) -> tuple[int | float, int | float]:
    """The ends of a range whose other keys go together."""
    for key in table:
        if key not in _KEYS:
            raise WrongRange(f"unknown key; a range has {', '.join(_KEYS)}: {EXAMPLES}", key)
    for key in ("from", "to"):
        if type(table.get(key)) not in (int, float) or not abs(table[key]) <= 2**53:
            raise WrongRange(f"must be a number, as in {EXAMPLES}, found {shown(table.get(key))}", key)
    if table["from"] >= table["to"]:
        raise WrongRange(f"must be above {table['from']}, where the range begins, found {table['to']}", "to")
    if type(table.get("log", False)) is not bool:
        raise WrongRange(f"must be true or false, found {shown(table['log'])}", "log")
    if "n" in table and "step" in table:
        raise WrongRange("a range has a step, or a number of values n, and not both", "step")
    if table.get("log") and "n" not in table:
        raise WrongRange("a range with log = true needs n, the number of its values", "log")
    if table.get("log") and table["from"] <= 0:
        raise WrongRange(f"must be above 0 where log = true, found {table['from']}", "from")
    n = table.get("n", 2)
    if type(n) is not int or not 2 <= n <= MOST_VALUES:
        raise WrongRange(f"must be a whole number, 2 to {MOST_VALUES}, found {shown(n)}", "n")
    return table["from"], table["to"]


def _spaced(first: int | float, last: int | float, n: int, log: bool, whole: bool) -> list[int | float]:
    """So many values at equal distances, or by equal factors."""
    shares = [k / (n - 1) for k in range(1, n - 1)]
    inner = [first * (last / first) ** share if log else first + (last - first) * share for share in shares]
    found: list[int | float] = [first, *(round(v) if whole else float(f"{v:.{_DIGITS}g}") for v in inner), last]
    if len(set(found)) < n:
        raise WrongRange(f"{n} values from {first} to {last} are not {n} different ones: take fewer", "n")
    return found
