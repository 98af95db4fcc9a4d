"""Sequences of different lengths: what stands behind the end is neither learned, nor drawn, nor paid for."""

from __future__ import annotations

import math
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.prior.text.tiny import tiny_model

from archllm.errors import RunFolderError
from archllm.prior import Prior, PriorConfig, build_prior, load_prior
from archllm.prior.base import counted, resumes
from archllm.testing.prior import surprise
from archllm.training.loop import Schedule

pytestmark = pytest.mark.slow

SIZE, LENGTH, END = 3, 3, 1
ALL = np.array(list(product(range(SIZE), repeat=LENGTH)))
LEGAL = np.array([END not in row or set(row[list(row).index(END) :]) == {END} for row in ALL.tolist()])


def text(family: str, written: str) -> PriorConfig:
    return PriorConfig(
        kind="text", base=tiny_model(family), batch=16, learning_rate=2e-2, rank=4, bins=4, format=written, steps=40
    )


SMALL = PriorConfig(width=16, layers=1, heads=2, batch=16, steps=60, bins=4)
KINDS = {
    "marginal": lambda: PriorConfig(kind="marginal"),
    "code": lambda: SMALL,
    "hard": lambda: PriorConfig(**{**vars(SMALL), "soft_targets": False}),
    "unigram": lambda: PriorConfig(**{**vars(SMALL), "unigram_init": True}),
    "numbers": lambda: text("llama", "numbers"),
    "tokens": lambda: text("t5", "tokens"),
}


def words(n: int, seed: int) -> NDArray[np.int64]:
    """A first code that tells how long the sequence is: 0 is never alone, 2 hardly ever goes on."""
    rng = np.random.default_rng(seed)
    codes = rng.choice([0, 2], (n, LENGTH))
    codes[:, 1] = np.where((codes[:, 0] == 2) & (rng.random(n) < 0.9), END, codes[:, 1])
    codes[:, 2] = np.where((codes[:, 1] == END) | (rng.random(n) < 0.5), END, codes[:, 2])
    return codes


@cache
def trained(kind: str) -> Prior:
    prior = build_prior(KINDS[kind](), SIZE, LENGTH, (), "space", end=END)
    prior.fit(words(300, 0), words(50, 1), 0)
    return prior


@pytest.mark.parametrize("kind", KINDS)
def test_the_sequences_that_end_once_have_all_the_probability(kind: str) -> None:
    for prior in (build_prior(KINDS[kind](), SIZE, LENGTH, (), "space", end=END), trained(kind)):
        nats = prior.log_prob(ALL)
        assert np.isneginf(nats[~LEGAL]).all() and np.isfinite(nats[LEGAL]).all()
        assert np.exp(nats).sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_lengths_are_learned(kind: str) -> None:
    fresh = words(500, 2)
    assert -trained(kind).log_prob(fresh).mean() < math.log(LEGAL.sum()) - 0.15


@pytest.mark.parametrize("kind", KINDS)
def test_draws_end_once_and_are_as_frequent_as_they_are_likely(kind: str) -> None:
    prior = trained(kind)
    draws = prior.sample(4_000, generator=torch.Generator().manual_seed(0))
    found = np.bincount(draws @ SIZE ** np.arange(LENGTH)[::-1], minlength=len(ALL))
    assert found[~LEGAL].sum() == 0
    assert surprise(found[LEGAL], np.exp(prior.log_prob(ALL[LEGAL]))) < 4


@pytest.mark.parametrize("kind", KINDS)
def test_states_are_finite_and_do_not_depend_on_the_company(kind: str) -> None:
    states = trained(kind).embed(ALL[LEGAL])
    assert np.isfinite(states).all()
    alone = np.concatenate([trained(kind).embed(row[None]) for row in ALL[LEGAL]])
    assert np.allclose(alone, states, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_prior_knows_its_end(kind: str, tmp_path: Path) -> None:
    prior = trained(kind)
    prior.save(tmp_path / "prior")
    back = load_prior(tmp_path / "prior", SIZE, LENGTH, END)
    assert back.end == END
    assert np.allclose(back.log_prob(ALL[LEGAL]), prior.log_prob(ALL[LEGAL]), atol=1e-5)
    for other in (None, 0):
        with pytest.raises(RunFolderError, match=r"prior\.json"):
            load_prior(tmp_path / "prior", SIZE, LENGTH, other)


def test_a_copy_with_conditions_learns_what_lengths_they_mean() -> None:
    prior, codes = trained("code").with_conditions(("long",), 2), words(300, 3)
    assert prior.end == END
    long = (codes[:, 1] != END).astype(np.int64)[:, None]
    prior.learn(codes, long, Schedule(60, 32, 1e-2, 0.0, warmup=5), 0)
    asked = np.repeat([[0], [1]], 500, axis=0)
    draws = prior.sample(1000, generator=torch.Generator().manual_seed(0), conditions=asked)
    ended = draws[:, 1] == END
    assert ended[:500].mean() > ended[500:].mean() + 0.5


def test_what_counts_is_up_to_the_first_end_and_nothing_else_may_follow_it() -> None:
    codes = torch.tensor([[0, 2, 0], [0, 1, 1], [1, 1, 1], [1, 2, 0]])
    assert counted(codes, END).sum(1).tolist() == [3, 2, 1, 1]
    assert resumes(codes, END).tolist() == [False, False, False, True]
    assert counted(codes, None).all() and not resumes(codes, None).any()
