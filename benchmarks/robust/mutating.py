"""Texts and bytes that somebody got wrong, or made to hurt: seeds with a few changes each, and what has no end."""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Iterator, Sequence

ODD = (
    *"()[]{}|~+-,='\"\\\n\r\t \0\x0c\x1b\x7f",
    *"\u2028\u2029\u202e\u2066\u200b\ufeff\x85\xa0\ud800\udfff\U0001f600٣²½Ⅷ１ﬁаß",  # noqa: RUF001 - lookalikes, too
    *("NaN", "Infinity", "-Infinity", "nan", "1e999", "-1e999", "1e308", "-0", "1_0", "0x1", "1.", ".5", "1e", "1j"),
    *("1e-400", "true", "None", "..."),
    *("lambda:0", "__import__('os')", "f'{x}'", "*a", "**a", "a:=1", "yield", "await x", "\\x", "\\N{DASH}", "\\ud800"),
    *("#", "#\n", ";", "9" * 30, "9" * 5000, "{i=1..3}", "{i=1..9999}", "{i=9..1}", '"""', "'''", "\\\n"),
    *("==", "<=", ">=", "!=", "//", "%", "/0", "//0", "%0", "**", " and ", " or ", " not ", " in ", "not in", "<<"),
    *("count(", "edge(0,1)", "slot.", "min(", "max()", "sum(", "abs(", "vertices", "depth", "np.int64(0)", "range("),
)
"""What a change puts in."""

_NUMBERS = ("0", "-1", "99", "1000000", "9" * 25, "9" * 4400, "1.5", "1e3", "1e999", "true", '"3"', "[1]", "٣")


def endless(size: int = 100_000) -> Iterator[str]:
    """Texts of one thing without end: open brackets, digits, signs, dots, spaces."""
    for piece in (
        *"([{-9'\"\\ \t\n|=.e,\ud800\0",
        *("not ", "a.", "a(", "1+", "1<", "lambda:", '{"a":', "a=", "a=1 ", "x if ", "~", "(a,", "**", "f(*", "`"),
    ):
        yield piece * (size // len(piece))
    yield "1" + "0" * size
    yield "1" * size + "x"
    yield "[" * 10_000 + "]" * 10_000
    yield "(" + "1," * size + ")"
    yield "{" + "1:{" * 10_000 + "}" * 10_001


def mutated(seed: str, others: Sequence[str], chance: random.Random) -> str:
    """A text with one to six changes."""
    text = seed
    for _ in range(chance.choice([1, 1, 1, 2, 3, 6])):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice([1, 1, 2, 5, 20]))
        match chance.randrange(9):
            case 0:
                text = text[:start] + text[end:]
            case 1:
                text = text[:start] + chance.choice(ODD) + text[start:]
            case 2:
                text = text[:start] + chance.choice(ODD) + text[end:]
            case 3:
                text = text[:end] + text[start:end] * chance.choice([1, 2, 50]) + text[end:]
            case 4:
                other = chance.choice(others)
                at = chance.randrange(len(other) + 1)
                text = text[:start] + other[at : at + chance.choice([3, 10, 50])] + text[end:]
            case 5:
                code = chance.choice([chance.randrange(128), chance.randrange(0x3000), chance.randrange(0x110000)])
                text = text[:start] + chr(code) + text[end:]
            case 6:
                text = text[:start]
            case 7:
                words = text.split(" ")
                chance.shuffle(words)
                text = " ".join(words)
            case _:
                found = list(re.finditer(r"\d+", text))
                if found:
                    number = chance.choice(found)
                    text = text[: number.start()] + chance.choice(_NUMBERS) + text[number.end() :]
    return text


def damaged(seed: bytes, chance: random.Random) -> bytes:
    """Bytes with one to sixteen changes, more of them at the beginning, where the lengths stand."""
    content = bytearray(seed)
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        if not content:
            break
        at = chance.randrange(len(content)) if chance.random() < 0.6 else chance.randrange(min(len(content), 200))
        match chance.randrange(8):
            case 0:
                content[at] ^= 1 << chance.randrange(8)
            case 1:
                content[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF])
            case 2:
                del content[at : at + chance.choice([1, 4, 100])]
            case 3:
                content[at:at] = chance.randbytes(chance.choice([1, 4, 50]))
            case 4:
                del content[at:]
            case 5:
                number = chance.choice([0, 1, 2**31 - 1, 2**32 - 1, 2**20, 2**28])
                content[at : at + 4] = struct.pack(chance.choice("<>") + "I", number)
            case 6:
                number = chance.choice([0, 2**63 - 1, 2**64 - 1, 2**33, 2**40])
                content[at : at + 8] = struct.pack(chance.choice("<>") + "Q", number)
            case _:
                other = chance.randrange(len(content))
                content[at:at] = content[other : other + 30]
    return bytes(content)
