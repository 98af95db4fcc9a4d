"""Numbers of members, which may have hundreds of digits."""

from __future__ import annotations

import math

_ALL_DIGITS = 10**36  # from here on nobody reads them
MOST_DIGITS = 4_000
"""Most digits of a number in JSON; Python reads no more than 4,300."""


def written_size(size: int) -> str:
    """A number of members for people: all digits of some, the magnitude of more.

    Example:
        >>> written_size(15625), written_size(6**62 * 2**1953)
        ('15,625', '1.44e+636')
    """
    return f"{size:,}" if size < _ALL_DIGITS else rounded_size(size)


def rounded_size(size: int) -> str:
    """The magnitude of a number of members, whose float may not exist.

    Example:
        >>> rounded_size(1_076_746_950_455_072_400)
        '1.08e+18'
    """
    if size < 10**300:
        return f"{size:.3g}"
    digits = math.log10(size)  # of an integer of any length
    exponent = math.floor(digits)
    factor = f"{10 ** (digits - exponent):.2f}"
    return f"1.00e+{exponent + 1}" if factor == "10.00" else f"{factor}e+{exponent}"
