"""The token automaton: after any beginning of a text, which tokens can follow so that it stays legal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import LogitsProcessor

from archllm.errors import InvalidInput, NothingLegal

DEAD = -1
"""State of a text that no continuation makes legal."""


class CodeAutomaton:
    """Accepts exactly the token sequences that write `length` codes, each by its word, and then the end token.

    Where sequences end early, the code that ends them is written once, and is the last of its text.

    A state is a position and a node of the trie of all words, as one number `position * nodes + node`; the last state
    of all stands for a complete text. It works for any tokenizer: words may have one token or many.

    Args:
        words: the tokens of each code, its number being the index.
        length: codes of a text.
        vocabulary: number of tokens.
        end: the token that ends a text; `None` where no word is the beginning of another, so that none is needed.
        last: the code that ends a sequence, if any does.

    Raises:
        InvalidInput: a text could be read in two ways.
    """

    def __init__(
        self,
        words: Sequence[Sequence[int]],
        length: int,
        vocabulary: int,
        end: int | None,
        last: int | None = None,
    ) -> None:
        self.words, self.length, self.vocabulary, self.end = [tuple(word) for word in words], length, vocabulary, end
        self.last = last
        child: list[dict[int, int]] = [{}]
        code_of = [-1]
        for code, word in enumerate(self.words):
            node = 0
            for token in word:
                if token not in child[node]:
                    child[node][token] = len(child)
                    child.append({})
                    code_of.append(-1)
                node = child[node][token]
            if node == 0 or code_of[node] >= 0:
                raise InvalidInput(f"code {code} has no word of its own; the tokenizer can't write it")
            code_of[node] = code
        first = set(child[0])
        for node, code in enumerate(code_of):
            follows = first if end is None else first | {end}
            if code >= 0 and follows & set(child[node]):
                raise InvalidInput(f"a text can't tell where code {code} ends; the tokenizer runs numbers together")
            if code >= 0 and end is None and child[node]:
                raise InvalidInput("words of several lengths need a token that ends the text")
        self.nodes, self.code_of = len(child), np.array(code_of)
        table = np.full((self.nodes, vocabulary), DEAD, dtype=np.int32)
        for node, following in enumerate(child):
            for token, target in following.items():
                table[node, token] = target
        self._child = table
        self.complete = length * self.nodes
        self.longest = length * max(map(len, self.words)) + (end is not None)

    def start(self, n: int) -> NDArray[np.int64]:
        """`n` states of empty texts."""
        return np.zeros(n, dtype=np.int64)

    def step(self, states: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """`n` states after one more token each; a complete text is dead after any."""
        result = np.full(len(states), DEAD, dtype=np.int64)
        rows = np.flatnonzero((states != DEAD) & (states != self.complete))
        position, node = np.divmod(states[rows], self.nodes)
        token = tokens[rows]
        inside = self._child[node, token].astype(np.int64)
        whole = (inside == DEAD) & (self.code_of[node] >= 0)  # the word is complete, and the token is not part of it
        final = self._final(position, node)
        ends = whole & final & (token == (self.end if self.end is not None else DEAD))
        following = np.where(whole & ~final, self._child[0, token], DEAD)
        position = np.where(following != DEAD, position + 1, position)
        inside = np.where(following != DEAD, following, inside)
        if self.end is None:
            ends = (inside != DEAD) & self._final(position, inside) & (self.code_of[inside] >= 0)
        result[rows] = np.where(ends, self.complete, np.where(inside == DEAD, DEAD, position * self.nodes + inside))
        return result

    def allowed(self, states: NDArray[np.int64]) -> NDArray[np.bool_]:
        """`n x vocabulary` booleans: the tokens that keep each text legal; none for dead and complete ones."""
        result = np.zeros((len(states), self.vocabulary), dtype=np.bool_)
        rows = np.flatnonzero((states != DEAD) & (states != self.complete))
        position, node = np.divmod(states[rows], self.nodes)
        result[rows] = self._child[node] != DEAD
        whole = self.code_of[node] >= 0
        final = self._final(position, node)
        result[rows[whole & ~final]] |= self._child[0] != DEAD
        if self.end is not None:
            result[rows[whole & final], self.end] = True
        return result

    def _final(self, position: NDArray[np.int64], node: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether no code may follow the word that is complete at a node: all are written, or it ends the sequence."""
        final: NDArray[np.bool_] = position == self.length - 1
        return final if self.last is None else final | (self.code_of[node] == self.last)

    def states(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """`n` states after the `n x t` tokens of each text."""
        states = self.start(len(tokens))
        for column in tokens.T:
            states = self.step(states, column)
        return states

    def allowed_along(self, tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        """`n x t x vocabulary` booleans: what was allowed where each of the `n x t` tokens stands."""
        states, parts = self.start(len(tokens)), []
        for column in tokens.T:
            parts.append(self.allowed(states))
            states = self.step(states, column)
        return np.stack(parts, axis=1)

    def write(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """`n x longest` tokens of `n x length` codes; `vocabulary` fills what is behind the end of a shorter text."""
        texts = np.full((len(codes), self.longest), self.vocabulary, dtype=np.int64)
        widths = np.array([len(word) for word in self.words])
        padded = np.full((len(self.words), int(widths.max())), self.vocabulary, dtype=np.int64)
        for code, word in enumerate(self.words):
            padded[code, : len(word)] = word
        at = np.zeros(len(codes), dtype=np.int64)
        rows = np.arange(len(codes))
        going = np.ones(len(codes), dtype=np.bool_)
        for column in codes.T:
            for offset in range(padded.shape[1]):
                inside = going & (offset < widths[column])
                texts[rows[inside], at[inside] + offset] = padded[column[inside], offset]
            at += np.where(going, widths[column], 0)
            going &= column != (DEAD if self.last is None else self.last)
        if self.end is not None:
            texts[rows, at] = self.end
        return texts

    def read(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """`n x length` codes of `n x t` tokens; a text that is not legal, or not complete, is a row of -1."""
        codes = np.full((len(tokens), self.length), -1, dtype=np.int64)
        states = self.start(len(tokens))
        for column in tokens.T:
            old = states
            running = old != self.complete
            states = np.where(running, self.step(old, np.minimum(column, self.vocabulary - 1)), self.complete)
            states = np.where(running & (column >= self.vocabulary), DEAD, states)
            position, node = np.divmod(old, self.nodes)
            # A word is known to be over when the next one begins, or with the text.
            over = running & (states != DEAD) & (self.code_of[node] >= 0)
            over &= (states == self.complete) | (states // self.nodes != position)
            codes[over, position[over]] = self.code_of[node[over]]
            if self.end is None:
                ended = running & (states == self.complete)
                at = position + over  # the word that ends the text is the next one, or the first
                codes[ended, at[ended]] = self.code_of[self._child[np.where(over, 0, node)[ended], column[ended]]]
        if self.last is not None:
            codes[codes == -1] = self.last
        codes[states != self.complete] = -1
        return codes


class LegalCodes(LogitsProcessor):
    """Keeps a text model to what the automaton allows; fits `generate` of any Hugging Face model.

    Args:
        automaton: which tokens may follow.
        start: number of tokens of the prompt, which are not looked at.
    """

    def __init__(self, automaton: CodeAutomaton, start: int = 0) -> None:
        self.automaton, self.start = automaton, start

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """`n x vocabulary` scores with minus infinity where a token may not follow the `n x t` tokens of `input_ids`.

        Raises:
            NothingLegal: for one text, no token may follow.
        """
        automaton = self.automaton
        states = automaton.start(len(input_ids))
        for column in input_ids[:, self.start :].cpu().numpy().T:
            # `generate` fills up texts that are complete with the end token while others go on.
            padded = (states == automaton.complete) & (column == automaton.end)
            states = np.where(padded, automaton.complete, automaton.step(states, column))
        allowed = automaton.allowed(states)
        if automaton.end is not None:
            allowed[states == automaton.complete, automaton.end] = True
        if not allowed.any(1).all():
            row = int(np.flatnonzero(~allowed.any(1))[0])
            state = "is complete" if states[row] == automaton.complete else "is not legal"
            raise NothingLegal(f"no token may follow text {row} of the batch, which {state}")
        return scores.masked_fill(~torch.from_numpy(allowed).to(scores.device), float("-inf"))
