"""Vocabulary: the few tokens that a prompt or a code sequence can hold, numbered afresh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archllm.errors import ModelUnusable
from archllm.prior.text.pretrained import Base

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


@dataclass(frozen=True)
class Vocabulary:
    """What the cut model knows: tokens of the whole model that stay, new ones, and the words made of them."""

    tokens: tuple[int, ...]
    """Token `i` of the cut model is `tokens[i]` of the whole model."""

    new: tuple[tuple[int, ...], ...]
    """Tokens behind those, of codes and then of bins: each the mean of these tokens of the whole model."""

    words: tuple[tuple[int, ...], ...]
    """The tokens, of the cut model, of each code."""

    end: int | None
    """The token that ends a text; `None` where words can't be mistaken for each other."""

    begin: tuple[int, ...]
    """Tokens before every prompt, and the name of the space."""

    asked: dict[tuple[str, int], tuple[int, ...]]
    """Tokens that ask for a bin of a condition."""

    close: tuple[int, ...]
    """Tokens that end a prompt."""

    decoder_start: int | None
    """The token that the decoder of a sequence-to-sequence model starts with."""

    def __len__(self) -> int:
        return len(self.tokens) + len(self.new)

    def prompt(self, conditions: Sequence[str], bins: Sequence[int]) -> tuple[int, ...]:
        """The tokens of the prompt that asks for these bins; negative ones are not asked for.

        It reads, for example, `nasbench201 params 7:`; where codes are new tokens, so is the bin.
        """
        pairs = zip(conditions, bins, strict=True)
        asked = [token for name, number in pairs if number >= 0 for token in self.asked[name, number]]
        return (*self.begin, *asked, *self.close)


def vocabulary_of(
    base: Base, space: str, codebook_size: int, conditions: Sequence[str], bins: int, *, numbers: bool
) -> Vocabulary:
    """The vocabulary of all prompts and code sequences.

    Args:
        base: the pre-trained model.
        space: name of the search space.
        codebook_size: number of codes.
        conditions: names of what can be asked for.
        bins: bins of each.
        numbers: write codes and bins as decimal numbers; else each of them is a new token.

    Raises:
        ModelUnusable: the tokenizer can't write them.
    """
    tokenizer = base.tokenizer

    def ids(text: str) -> tuple[int, ...]:
        return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])

    before, after = _special(tokenizer)
    written = number_words(tokenizer, codebook_size)
    begin, close = (*before, *ids(space)), (*ids(":"), *after)
    named = {name: ids(f" {name}") for name in conditions}
    asked = {(name, at): ids(f" {at}") for name in conditions for at in range(bins)}
    start = base.config.decoder_start_token_id if base.seq2seq else None
    used = {*begin, *close, *(token for parts in named.values() for token in parts)}
    used |= {start} if start is not None else set()
    if numbers:
        used |= {written.end, *(token for word in (*written.codes, *asked.values()) for token in word)}
    tokens = tuple(sorted(used))
    local = {token: number for number, token in enumerate(tokens)}

    def cut(parts: Sequence[int]) -> tuple[int, ...]:
        return tuple(local[token] for token in parts)

    codes, first = range(codebook_size), len(tokens) + codebook_size
    own = {key: cut(parts) if numbers else (first + at,) for at, (key, parts) in enumerate(asked.items())}
    return Vocabulary(
        tokens=tokens,
        new=() if numbers else (*written.codes, *asked.values()),
        words=tuple(map(cut, written.codes)) if numbers else tuple((len(tokens) + code,) for code in codes),
        end=local[written.end] if numbers else None,
        begin=cut(begin),
        asked={key: (*cut(named[key[0]]), *parts) for key, parts in own.items()},
        close=cut(close),
        decoder_start=local[start] if start is not None else None,
    )


def _special(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The tokens that the tokenizer puts before and behind every text."""
    bare = list(tokenizer("x", add_special_tokens=False)["input_ids"])
    whole = list(tokenizer("x")["input_ids"])
    for offset in range(len(whole) - len(bare) + 1):
        if whole[offset : offset + len(bare)] == bare:
            return tuple(whole[:offset]), tuple(whole[offset + len(bare) :])
    return (), ()
