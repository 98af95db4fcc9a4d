"""What may stand behind a number that people write: `300k`."""

from __future__ import annotations

COUNTS = {"k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9}
"""What may stand behind a number of parameters or multiply-accumulates, in either case."""
