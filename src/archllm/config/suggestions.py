"""What is said of a word that is not known: which it may have been, and what there is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from archllm.errors import shown

_LONGEST_WORD = 60  # characters of a word that is compared with others


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """`did you mean 'x'?` where a known word is close, else nothing.

    Example:
        >>> did_you_mean("evolutoin", ["evolution", "local"])
        "did you mean 'evolution'?"
        >>> did_you_mean("bees", ["evolution", "local"])
        ''
    """
    text = str(word) if isinstance(word, str) else shown(word)
    if len(text) > _LONGEST_WORD:  # looking takes time that grows with the product of the lengths
        return ""
    by_lower = {each.lower(): each for each in known if len(each) <= _LONGEST_WORD}
    near = get_close_matches(text.lower(), by_lower, n=1)
    return f"did you mean {by_lower[near[0]]!r}?" if near else ""


def unknown(kind: str, word: object, known: Sequence[str], what: str = "") -> str:
    """The message that a word is none of those that are known.

    Example:
        >>> unknown("option", "sede", ["seed", "budget"], "searcher gp")
        "searcher gp has no option 'sede'; did you mean 'seed'? Known: seed, budget"
        >>> unknown("searcher", "bees", ["gp", "local"])
        "there is no searcher 'bees'; known: gp, local"
    """
    head = f"{what} has no {kind} {shown(word)}" if what else f"there is no {kind} {shown(word)}"
    if not known:
        return f"{head}; there are none"
    hint, names = did_you_mean(word, known), ", ".join(known)
    return f"{head}; {hint} Known: {names}" if hint else f"{head}; known: {names}"
