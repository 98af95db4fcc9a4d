from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from archllm.prior.trie import CodeTrie


@st.composite
def tables(draw: st.DrawFn) -> tuple[NDArray[np.int64], int]:
    """A few sequences, with repeats and shared prefixes, and the size of their codebook."""
    size, length = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    row = st.lists(st.integers(0, size - 1), min_size=length, max_size=length)
    return np.array(draw(st.lists(row, min_size=1, max_size=25))), size


@given(tables())
def test_every_sequence_is_kept_as_often_as_it_came(table: tuple[NDArray[np.int64], int]) -> None:
    codes, size = table
    assert sorted(CodeTrie(codes, size).codes.tolist()) == sorted(codes.tolist())


@given(tables())
def test_targets_are_the_shares_of_what_follows_each_prefix(table: tuple[NDArray[np.int64], int]) -> None:
    codes, size = table
    trie = CodeTrie(codes, size)
    assert len(trie) == len(codes)
    targets = trie.targets(torch.arange(len(trie)))
    assert targets.shape == (*codes.shape, size)
    rows = codes.tolist()
    for sequence, found in zip(trie.codes.tolist(), targets.tolist(), strict=True):
        for position in range(codes.shape[1]):
            followers = [row[position] for row in rows if row[:position] == sequence[:position]]
            expected = [followers.count(code) / len(followers) for code in range(size)]
            assert np.allclose(found[position], expected, atol=1e-6)


@given(tables(), st.randoms(use_true_random=False))
def test_targets_of_any_batch_are_those_of_its_rows(
    table: tuple[NDArray[np.int64], int], random: st.DataObject
) -> None:
    codes, size = table
    trie = CodeTrie(codes, size)
    rows = torch.tensor([random.randrange(len(codes)) for _ in range(10)])  # type: ignore[attr-defined]
    targets = trie.targets(rows)
    assert torch.equal(targets, trie.targets(torch.arange(len(trie)))[rows])
    assert torch.allclose(targets.sum(-1), torch.ones(10, codes.shape[1]))
