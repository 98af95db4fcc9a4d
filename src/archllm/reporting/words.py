"""Numbers, times and options as people read them."""

from __future__ import annotations


def figure(value: float) -> str:
    """A number for people.

    Example:
        >>> figure(830426.0), figure(91.60671), figure(0.25)
        ('830,426', '91.6067', '0.25')
    """
    if float(value).is_integer() and abs(value) >= 1000:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:,.6g}".replace("-", "−")


def option(value: object) -> str:
    """An option of a method, as a sentence has it."""
    return " and ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def duration(seconds: float) -> str:
    """A time as people say it.

    Example:
        >>> duration(0.0), duration(75.0), duration(90_000.0)
        ('0 s', '1 min 15 s', '25 h 0 min')
    """
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
