"""Merged neighbours: shorter sequences of more codes, the same graphs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from archllm.errors import RunFolderError
from archllm.graphs import Graphs, equal
from archllm.spaces import SearchSpace, load_space
from archllm.tokenizer import TokenizerConfig, load_tokenizer
from archllm.tokenizer.merges import MergesTokenizer


def members(space: SearchSpace, n: int, seed: int = 0) -> Graphs:
    return space.normalise(space.sample(n, np.random.default_rng(seed)))


def fitted(name: str, merges: int = 40, n: int = 1500) -> MergesTokenizer:
    space = load_space(name)
    tokenizer = MergesTokenizer(space, TokenizerConfig(kind="merges", merges=merges))
    tokenizer.fit(members(space, n), seed=0)
    return tokenizer


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201", "darts"])
def test_members_that_were_not_learned_from_come_back_from_fewer_codes(name: str) -> None:
    tokenizer = fitted(name)
    others = members(tokenizer.space, 300, 1)
    codes, tokens = tokenizer.encode(others), tokenizer.plain.encode(others)
    assert equal(tokenizer.decode(codes), others).mean() > 0.95
    assert tokenizer.codebook_size > tokenizer.plain.codebook_size
    assert tokenizer.lengths(codes).mean() < 0.95 * tokenizer.plain.lengths(tokens).mean()


def test_the_most_frequent_neighbours_are_joined_first() -> None:
    tokenizer = fitted("nasbench201", merges=1, n=3000)
    tokens = tokenizer.plain.encode(members(tokenizer.space, 3000))
    size = tokenizer.plain.codebook_size
    pairs = np.bincount((tokens[:, :-1] * size + tokens[:, 1:]).ravel(), minlength=size * size)
    assert tokenizer.pairs is not None
    left, right = tokenizer.pairs[0]
    assert pairs[left * size + right] == pairs.max()


def test_too_many_or_too_few_tokens_are_no_member() -> None:
    tokenizer = fitted("nasbench201")  # six tokens each
    codes = tokenizer.encode(members(tokenizer.space, 200))
    lengths = tokenizer.lengths(codes)
    assert tokenizer.space.validate(tokenizer.decode(codes)).all()
    short = codes[lengths > 1]
    short[np.arange(len(short)), tokenizer.lengths(short) - 1] = tokenizer.end
    assert not tokenizer.space.validate(tokenizer.decode(short)).any()
    long = codes[lengths < tokenizer.length]
    long[np.arange(len(long)), tokenizer.lengths(long)] = 1
    assert not tokenizer.space.validate(tokenizer.decode(long)).any()


def test_no_merges_are_the_plain_tokens() -> None:
    tokenizer = fitted("nasbench101", merges=0)
    cells = members(tokenizer.space, 50)
    codes, tokens = tokenizer.encode(cells), tokenizer.plain.encode(cells)
    assert tokenizer.codebook_size == tokenizer.plain.codebook_size
    assert (codes == tokens[:, : tokenizer.length]).all()


@pytest.mark.parametrize("wrong", ["later", "negative", "flat", "fractions", "none", "long", "most"])
def test_pairs_of_codes_that_do_not_exist_are_refused(wrong: str, tmp_path: Path) -> None:
    tokenizer = fitted("nasbench201", n=300)
    tokenizer.save(tmp_path)
    path = tmp_path / "tokenizer.safetensors"
    tensors = load_file(path)
    pairs = tensors["pairs"]
    first = tokenizer.codebook_size - len(pairs)
    if wrong == "none":
        del tensors["pairs"]
    elif wrong == "most":
        tensors["most"] = torch.tensor([10**9])
    elif wrong == "long":  # codes that double 60 times
        tensors["pairs"] = torch.tensor([[1, 1]] + [[first + at, first + at] for at in range(60)])
    else:
        tensors["pairs"] = {
            "later": torch.cat([pairs[:1] * 0 + tokenizer.codebook_size, pairs[1:]]),
            "negative": pairs - 100,
            "flat": pairs.flatten(),
            "fractions": pairs.double(),
        }[wrong]
    save_file(tensors, path)
    with pytest.raises(RunFolderError, match=r"tokenizer\.safetensors"):
        load_tokenizer(tmp_path, tokenizer.space)
