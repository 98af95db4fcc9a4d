"""Texts of choices: `[width1=8 width2=16 act=relu]`, slots that are inactive left out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from archllm.config import did_you_mean
from archllm.errors import FormatError, shown

_ENTRY = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*=\s*([^\s,=\[\]]+)")


def parse_slots(
    text: str, slots: Mapping[str, Sequence[str]], synonyms: Mapping[str, Mapping[str, str]] | None = None
) -> dict[str, int]:
    """Reads `[slot=value …]`; entries may come in any order and be separated by commas.

    Args:
        text: the text.
        slots: slot -> its values, as texts.
        synonyms: slot -> further texts, and the values that they mean.

    Returns:
        The number of the value of each slot that is named.

    Raises:
        FormatError: with the position of the first thing that does not fit.
    """
    end = len(text.rstrip())
    at = len(text) - len(text.lstrip())
    if not text.startswith("[", at):
        raise FormatError(f"expected '[' and entries such as {_example(slots)}, found {text[at : at + 10]!r}", text, at)
    at += 1
    found: dict[str, int] = {}
    while True:
        at += len(text[at:end]) - len(text[at:end].lstrip(" \t\r\n,"))
        if text.startswith("]", at):
            break
        entry = _ENTRY.match(text, at, end)
        if entry is None:
            raise FormatError(
                f"expected an entry such as {_example(slots)}, or ']', found {text[at : at + 10]!r}", text, at
            )
        slot, value = entry.groups()
        if slot not in slots:
            near = did_you_mean(slot, slots)
            hint = f"; {near}" if near else ""
            raise FormatError(f"there is no slot {shown(slot)}{hint}", text, at)
        if slot in found:
            raise FormatError(f"the slot {slot!r} stands twice", text, at)
        value = (synonyms or {}).get(slot, {}).get(value, value)
        if value not in slots[slot]:
            raise FormatError(f"{slot} is one of {', '.join(slots[slot])}, found {shown(value)}", text, entry.start(2))
        found[slot] = slots[slot].index(value)
        at = entry.end()
    if at + 1 < end:
        raise FormatError(f"expected the end after ']', found {text[at + 1 : at + 11]!r}", text, at + 1)
    return found


def format_slots(values: Mapping[str, str]) -> str:
    """The inverse of `parse_slots`."""
    return f"[{' '.join(f'{slot}={value}' for slot, value in values.items())}]"


def _example(slots: Mapping[str, Sequence[str]]) -> str:
    slot, values = next(iter(slots.items()))
    return f"{slot}={values[0]}"
