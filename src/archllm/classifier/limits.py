"""Limits on a network, and how people write them: `300k`, `5ms`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from archllm.config import units
from archllm.errors import InvalidInput, shown

COUNTS = {"": 1.0, **units.COUNTS}
"""What may stand behind a number of parameters or multiply-accumulates."""

MILLISECONDS = {"": 1.0, "ms": 1.0, "us": 1e-3, "µs": 1e-3, "s": 1e3}
"""What may stand behind a latency."""

MARGIN = 0.96
"""Share of a limit on latency that known designs take at most, and one network of the first and of the last round:
measurements differ by percents."""


def quantity(value: float | str | None, units: dict[str, float], name: str) -> float | None:
    """A positive number as people write it.

    Example:
        >>> quantity("300k", COUNTS, "max-params"), quantity("5 ms", MILLISECONDS, "max-latency")
        (300000.0, 5.0)

    Raises:
        InvalidInput: it is none.
    """
    if value is None:
        return None
    found = re.fullmatch(r"\s*([0-9.]+(?:e[+-]?[0-9]+)?)\s*([a-zµ]*)\s*", str(value).lower())
    known = ", ".join(unit for unit in units if unit)
    if found and found[2] in units:
        try:
            number = float(found[1]) * units[found[2]]
        except ValueError:
            number = 0.0
        if 0 < number < float("inf"):
            return number
    raise InvalidInput(f"{name} must be a number above 0, perhaps with one of {known} behind it, got {shown(value)}")


@dataclass(frozen=True)
class Limits:
    """What a network may take at most; `None` for any.

    Example:
        >>> Limits(params=10_000).broken(params=12_000, macs=0, latency=None)
        ['12,000 parameters, 10,000 are allowed']
    """

    params: float | None = None
    """Trainable parameters."""

    macs: float | None = None
    """Multiply-accumulates for one image."""

    latency: float | None = None
    """Milliseconds for one image."""

    def __bool__(self) -> bool:
        return any(value is not None for value in (self.params, self.macs, self.latency))

    def __str__(self) -> str:
        told = [
            f"at most {self.params:,.0f} parameters" if self.params is not None else "",
            f"at most {self.macs:,.0f} multiply-accumulates" if self.macs is not None else "",
            f"at most {self.latency:g} ms an image" if self.latency is not None else "",
        ]
        return ", ".join(filter(None, told)) or "no limits"

    def broken(self, params: float, macs: float, latency: float | None) -> list[str]:
        """The limits that a network breaks, in words; a latency that is not known breaks none."""
        found = []
        if self.params is not None and params > self.params:
            found.append(f"{params:,.0f} parameters, {self.params:,.0f} are allowed")
        if self.macs is not None and macs > self.macs:
            found.append(f"{macs:,.0f} multiply-accumulates, {self.macs:,.0f} are allowed")
        if self.latency is not None and latency is not None and latency > self.latency:
            found.append(f"{latency:.3g} ms, {self.latency:g} ms are allowed")
        return found
