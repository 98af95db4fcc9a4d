"""How a tokenizer writes codes: as decimal numbers, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archllm.errors import ModelUnusable

_SEPARATORS = (" ", ", ", ",")


@dataclass(frozen=True)
class Words:
    """The tokens of numbers, as the tokenizer counts them."""

    codes: tuple[tuple[int, ...], ...]
    """The tokens of each code, written as a decimal number with a separator before it."""

    end: int
    """The token after the last code."""


def number_words(tokenizer: Any, codebook_size: int) -> Words:
    """How the tokenizer writes the numbers `0 … codebook_size - 1`, one after the other.

    Raises:
        ModelUnusable: it can't write numbers, or runs them together.
    """
    for separator in _SEPARATORS:
        texts = [f"{separator}{code}" for code in range(codebook_size)]
        words = [tuple(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
        readable = [_read(tokenizer, word) for word in words]
        if readable == list(range(codebook_size)) and _separable(words):
            return Words(tuple(words), _end(tokenizer, words))
    wrong = next((code for code, read in enumerate(readable) if read != code), None)
    why = f"the number {wrong} does not come back" if wrong is not None else "it runs numbers together"
    raise ModelUnusable(
        f"the tokenizer of the language model can't write codes as numbers ({why}); use a model whose tokenizer has "
        "the ten digits, or one new token per code (prior.format tokens)"
    )


def _read(tokenizer: Any, word: tuple[int, ...]) -> int | None:
    text = tokenizer.decode(list(word), skip_special_tokens=False).strip(" ,")
    return int(text) if text.isascii() and text.isdigit() else None


def _separable(words: Sequence[tuple[int, ...]]) -> bool:
    """Whether no word goes on with a token that could also begin the next number."""
    first = {word[0] for word in words}
    return not any(first & set(word[1:]) for word in words)


def _end(tokenizer: Any, words: Sequence[tuple[int, ...]]) -> int:
    """The token that says that the text is over: the tokenizer's own, else a line break or any other that is free."""
    taken = {token for word in words for token in word}
    candidates = [
        tokenizer.eos_token_id,
        *tokenizer("\n", add_special_tokens=False)["input_ids"],
        tokenizer.sep_token_id,
    ]
    for token in [*candidates, *range(len(tokenizer))]:
        if token is not None and token not in taken:
            return int(token)
    raise ModelUnusable("the tokenizer of the language model has no token left to end a text with")
