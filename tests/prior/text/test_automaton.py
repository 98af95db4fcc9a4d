"""The token automaton: legal texts, and nothing else."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.prior.text.tiny import tiny_model
from transformers import AutoModelForCausalLM

from archllm.errors import InvalidInput, NothingLegal
from archllm.prior.text.automaton import DEAD, CodeAutomaton, LegalCodes

# Token 0 is a space, 1 and 2 are digits, 3 ends a text, 4 is never used.
DIGITS = [(0, 1), (0, 2), (0, 1, 1), (0, 1, 2)]
NUMBERS = CodeAutomaton(DIGITS, length=2, vocabulary=5, end=3)
TOKENS = CodeAutomaton([(0,), (1,), (2,)], length=2, vocabulary=4, end=None)
ENDING_NUMBERS = CodeAutomaton(DIGITS, length=3, vocabulary=5, end=3, last=1)
ENDING_TOKENS = CodeAutomaton([(0,), (1,), (2,)], length=3, vocabulary=4, end=None, last=2)
AUTOMATA = {"numbers": NUMBERS, "tokens": TOKENS, "ending numbers": ENDING_NUMBERS, "ending tokens": ENDING_TOKENS}


def sequences(automaton: CodeAutomaton) -> list[tuple[int, ...]]:
    """All code sequences that have a text: behind the code that ends one stands nothing else."""
    every = product(range(len(automaton.words)), repeat=automaton.length)
    last = automaton.last
    return [codes for codes in every if last not in codes or set(codes[codes.index(last) :]) == {last}]


def legal_texts(automaton: CodeAutomaton) -> set[tuple[int, ...]]:
    """All legal texts, by writing each code sequence out."""
    end = () if automaton.end is None else (automaton.end,)
    texts = set()
    for codes in sequences(automaton):
        written = codes[: codes.index(automaton.last) + 1] if automaton.last in codes else codes
        texts.add(tuple(token for code in written for token in automaton.words[code]) + end)
    return texts


@pytest.mark.parametrize("name", AUTOMATA)
def test_exactly_the_legal_texts_are_complete(name: str) -> None:
    automaton = AUTOMATA[name]
    legal, tokens = legal_texts(automaton), automaton.vocabulary
    for size in range(1, automaton.longest + 1):
        texts = np.indices((tokens,) * size, dtype=np.int8).reshape(size, -1).T  # every one
        complete = automaton.states(texts.astype(np.int64)) == automaton.complete
        assert {*map(tuple, texts[complete].tolist())} == {text for text in legal if len(text) == size}


@pytest.mark.parametrize("name", AUTOMATA)
def test_a_token_is_allowed_exactly_where_some_legal_text_has_it(name: str) -> None:
    automaton = AUTOMATA[name]
    beginnings = {text[:i]: set() for text in legal_texts(automaton) for i in range(len(text))}
    for text in legal_texts(automaton):
        for i in range(len(text)):
            beginnings[text[:i]].add(text[i])
    for beginning, following in beginnings.items():
        states = automaton.states(np.array([beginning], dtype=np.int64).reshape(1, len(beginning)))
        assert set(np.flatnonzero(automaton.allowed(states)[0])) == following


@pytest.mark.parametrize("name", AUTOMATA)
def test_what_is_written_is_read_again(name: str) -> None:
    automaton = AUTOMATA[name]
    every = np.array(sequences(automaton))
    texts = automaton.write(every)
    assert len({tuple(text) for text in texts}) == len(every)
    assert np.array_equal(automaton.read(texts), every)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=7))
def test_what_is_no_text_is_read_as_none(text: list[int]) -> None:
    codes = NUMBERS.read(np.array([text]))[0]
    cut = text[: text.index(5)] if 5 in text else text  # what is behind the end is not looked at
    for size in range(1, len(cut) + 1):
        if tuple(cut[:size]) in legal_texts(NUMBERS):
            assert (codes >= 0).all()
            return
    assert (codes == -1).all()


def test_texts_go_on_from_any_state_independently() -> None:
    states = np.array([0, DEAD, NUMBERS.complete])
    assert NUMBERS.step(states, np.array([0, 0, 0])).tolist()[1:] == [DEAD, DEAD]
    assert not NUMBERS.allowed(states)[1:].any()


@pytest.mark.parametrize(
    ("words", "end", "why"),
    [
        ([(1,), (2,), (1, 2)], 3, "where code 0 ends"),
        ([(0, 1), (0, 1)], 3, "no word of its own"),
        ([(0, 1), ()], 3, "no word of its own"),
        ([(0, 1), (0, 1, 2)], None, "needs? a token that ends|need a token"),
        ([(0, 1), (0, 1, 3)], 3, "where code 0 ends"),
    ],
)
def test_words_that_could_be_read_in_two_ways_are_refused(words: list[tuple[int, ...]], end: int, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        CodeAutomaton(words, 2, 5, end)


def test_scores_of_what_may_not_follow_become_minus_infinity() -> None:
    scores = LegalCodes(NUMBERS, start=1)(torch.tensor([[9, 0], [9, 0]]), torch.zeros(2, 5))
    assert torch.isfinite(scores).tolist() == [[False, True, True, False, False]] * 2


def test_where_nothing_may_follow_the_processor_says_so() -> None:
    with pytest.raises(NothingLegal, match="text 1 of the batch, which is not legal"):
        LegalCodes(NUMBERS)(torch.tensor([[0, 1], [0, 0]]), torch.zeros(2, 5))
    with pytest.raises(NothingLegal, match="text 0 of the batch, which is complete"):
        LegalCodes(TOKENS)(torch.tensor([[0, 1], [0, 1]]), torch.zeros(2, 4))


def test_a_complete_text_may_only_be_filled_up_with_the_end_token() -> None:
    for text in ([0, 1, 0, 1, 3], [0, 1, 0, 1, 3, 3, 3]):
        scores = LegalCodes(NUMBERS)(torch.tensor([text]), torch.zeros(1, 5))
        assert torch.isfinite(scores).tolist() == [[False, False, False, True, False]]
    with pytest.raises(NothingLegal, match="not legal"):
        LegalCodes(NUMBERS)(torch.tensor([[0, 1, 0, 1, 3, 0]]), torch.zeros(1, 5))


def test_generation_of_the_library_is_kept_to_legal_texts() -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model("llama"))
    words = [(5, 6), (5, 7), (5, 6, 7)]
    automaton = CodeAutomaton(words, length=3, vocabulary=model.config.vocab_size, end=1)
    torch.manual_seed(0)
    texts = model.generate(
        torch.tensor([[0, 9, 9]] * 20),
        do_sample=True,
        max_new_tokens=automaton.longest,
        logits_processor=[LegalCodes(automaton, start=3)],
        eos_token_id=1,
        pad_token_id=1,
    )[:, 3:]
    assert (automaton.read(texts.numpy()) >= 0).all()
