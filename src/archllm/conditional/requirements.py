"""What is asked of an architecture's properties: `params <= 1e6`, `cifar10 in [92, 94]`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archllm.config.units import COUNTS
from archllm.errors import InvalidInput, shown

LONGEST = 200
"""Most characters of a requirement."""

_NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"  # one way to read each, so no way back
_NAME = r"[A-Za-z_][\w.@/-]*(?:[?:][\w.@/&=-]*)?"
_UNIT = r"(?:\s?(us|µs|ms|s|[kKmMgGbB])\b)?"
_BOUND = re.compile(rf"\s*({_NAME})\s*(<=|>=|<|>|==|=)\s*({_NUMBER}){_UNIT}\s*")
_WITHIN = re.compile(rf"\s*({_NAME})\s+in\s*([\[(])\s*({_NUMBER}){_UNIT}\s*,\s*({_NUMBER}){_UNIT}\s*([\])])\s*")

_MILLISECONDS = {"us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3}
_UNITS = ", ".join(_MILLISECONDS)
_TIMED = "latency"  # names that begin so count milliseconds

FORMS = '"NAME <= NUMBER" (also <, >=, >, =) or "NAME in [LOW, HIGH]"'
"""How a requirement is written; numbers as 300000, 3e5, 300k or 1.2M."""


@dataclass(frozen=True)
class Range:
    """An interval that a property must lie in."""

    name: str
    """The property: `params`, `macs`, a column of a table, an objective."""

    low: float
    """Smallest value allowed; minus infinity where there is no lower bound."""

    high: float
    """Largest value allowed; infinity where there is no upper bound."""

    def holds(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """`n` booleans: which of `n` values lie in the interval; what is not a number does not."""
        result: NDArray[np.bool_] = (values >= self.low) & (values <= self.high)
        return result

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.name} = {self.low:g}"
        if math.isinf(self.low):
            return f"{self.name} <= {self.high:g}"
        if math.isinf(self.high):
            return f"{self.name} >= {self.low:g}"
        return f"{self.name} in [{self.low:g}, {self.high:g}]"


def parse_where(text: str) -> Range:
    """Reads one requirement.

    Example:
        >>> parse_where("params in [4e5, 6e5]")
        Range(name='params', low=400000.0, high=600000.0)
        >>> parse_where("latency <= 500us").high, parse_where("params <= 300k").high
        (0.5, 300000.0)

    Raises:
        InvalidInput: it is not of one of the `FORMS`, or no number fulfils it.
    """
    if len(text) > LONGEST:
        raise InvalidInput(f"a requirement has at most {LONGEST} characters, found {len(text):,}: {shown(text)}")
    bound, within = _BOUND.fullmatch(text), _WITHIN.fullmatch(text)
    if bound:
        name, sign, number = bound[1], bound[2], _finite(bound[3], text) * _factor(bound[1], bound[4], text)
        below = number if sign in ("<=", "==", "=") else float(np.nextafter(number, -math.inf))
        above = number if sign in (">=", "==", "=") else float(np.nextafter(number, math.inf))
        return Range(name, -math.inf if "<" in sign else above, math.inf if ">" in sign else below)
    if not within:
        raise InvalidInput(f"can't read the requirement {text!r}; requirements are written {FORMS}")
    shared = within[6] if within[6] in _MILLISECONDS else None  # in [1, 2 ms] a unit of time stands for both
    low = _finite(within[3], text) * _factor(within[1], within[4] or shared, text)
    high = _finite(within[5], text) * _factor(within[1], within[6], text)
    low = low if within[2] == "[" else float(np.nextafter(low, math.inf))
    high = high if within[7] == "]" else float(np.nextafter(high, -math.inf))
    if low > high:
        raise InvalidInput(f"no number fulfils {text!r}: the lower bound is above the upper one")
    return Range(within[1], low, high)


def parse_all(texts: Sequence[str]) -> dict[str, Range]:
    """Reads requirements that must hold together, by the name of what they speak of.

    Raises:
        InvalidInput: one can't be read, or two contradict each other.
    """
    ranges: dict[str, Range] = {}
    for text in texts:
        new = parse_where(text)
        old = ranges.get(new.name, Range(new.name, -math.inf, math.inf))
        both = Range(new.name, max(old.low, new.low), min(old.high, new.high))
        if both.low > both.high:
            raise InvalidInput(f"no number fulfils both {str(old)!r} and {text!r}")
        ranges[new.name] = both
    return ranges


def all_hold(ranges: Mapping[str, Range], values: Mapping[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
    """`n` booleans: for which rows every requirement holds.

    Args:
        ranges: the requirements.
        values: `n` values of each property that they name, and of at least one.
    """
    result = np.ones(len(next(iter(values.values()))), dtype=np.bool_)
    for name, wanted in ranges.items():
        result &= wanted.holds(values[name])
    return result


def _factor(name: str, unit: str | None, whole: str) -> float:
    """What a number is to be multiplied by."""
    if unit is None:
        return 1.0
    timed = name.startswith(_TIMED)
    if timed and unit not in _MILLISECONDS:
        raise InvalidInput(f"{whole!r}: the units of latency are {_UNITS}, found {unit!r}")
    if not timed and unit in _MILLISECONDS:
        raise InvalidInput(f"{whole!r}: {name} has no unit of time; only latency has one ({_UNITS})")
    return _MILLISECONDS[unit] if timed else COUNTS[unit.lower()]


def _finite(text: str, whole: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise InvalidInput(f"{text} in {whole!r} is too large a number")
    return number
