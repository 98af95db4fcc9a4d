from __future__ import annotations

import numpy as np
import pytest

from archllm.data.split import split_cells
from archllm.graphs import ABSENT, equal
from archllm.spaces import SearchSpace
from archllm.tokenizer import TokenizerConfig
from archllm.tokenizer.plain import PlainTokenizer

PLAIN = TokenizerConfig(kind="plain")


def fitted(space: SearchSpace, seed: int = 0) -> PlainTokenizer:
    tokenizer = PlainTokenizer(space, PLAIN)
    tokenizer.fit(split_cells(space, 0.9, 2000, seed).train[:5000], seed)
    return tokenizer


def test_five_operations_after_three_different_nodes_are_fifteen_words_and_an_unknown_one(
    nasbench201: SearchSpace,
) -> None:
    tokenizer = fitted(nasbench201)
    assert (tokenizer.length, tokenizer.codebook_size, tokenizer.parameters()) == (6, 16, 0)
    codes = tokenizer.encode(nasbench201.enumerate())
    assert len(np.unique(codes, axis=0)) == 15_625 and codes.min() == 1


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201", "darts"])
def test_nearly_all_members_come_back_and_the_others_hold_a_word_never_seen(
    name: str, request: pytest.FixtureRequest
) -> None:
    space: SearchSpace = request.getfixturevalue(name)
    tokenizer = fitted(space)
    cells = split_cells(space, 0.9, 2000, 0).held_out[:500]
    codes = tokenizer.encode(cells)
    known = (codes > 0).all(1) | (tokenizer.end == 0)
    assert known.mean() > 0.98
    assert (equal(tokenizer.decode(codes), cells) == known).all()
    assert tokenizer.reconstruction(cells) == known.mean()


def test_a_word_never_seen_is_code_0_and_comes_back_as_no_node(nasbench201: SearchSpace) -> None:
    cells = nasbench201.enumerate()
    absent = cells.ops[:, 6] == cells.ops[0, 6]  # the only edge from its node: no other place has these words
    tokenizer = PlainTokenizer(nasbench201, PLAIN)
    tokenizer.fit(cells[~absent], 0)
    codes = tokenizer.encode(cells[absent])
    assert (codes == 0).sum(0).tolist() == [0, 0, 0, 0, 0, 3125]
    back = tokenizer.decode(codes)
    assert (back.ops[:, 6] == ABSENT).all() and not back.adjacency[:, :, 6].any()
    assert not nasbench201.validate(back).any()


def test_features_are_equal_exactly_for_equal_cells(nasbench201: SearchSpace) -> None:
    features = fitted(nasbench201).embed(nasbench201.enumerate())
    assert len(np.unique(features, axis=0)) == 15_625
    assert set(np.unique(features)) == {0.0, 1.0}
