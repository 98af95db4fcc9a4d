"""What a prior is conditioned on: batches with some of the conditions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from archllm.prior.conditioning import LabelledSequences, distinct_rows, guided

RNG = np.random.default_rng(0)
CODES = RNG.integers(3, size=(200, 2))
CONDITIONS = np.stack([(CODES[:, 0] > 0) * 1, np.where(RNG.random(200) < 0.3, -1, CODES[:, 1])], axis=1)
CONDITIONS[0, 0] = 3  # a rare bucket
SEQUENCES = LabelledSequences(CODES, CONDITIONS, 3)


def batch(mask: tuple[bool, bool], rows: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    torch.manual_seed(0)
    codes, conditions, shares = SEQUENCES.batch(SEQUENCES.choose(torch.arange(rows), mask), soft=True)
    assert shares is not None
    return codes.numpy(), conditions.numpy(), shares.numpy()


def test_unconditioned_every_sequence_has_its_turn() -> None:
    codes, conditions, _ = batch((False, False))
    assert (conditions == -1).all()
    assert np.array_equal(np.sort(codes @ [3, 1]), np.sort(CODES @ [3, 1]))


@pytest.mark.parametrize("mask", [(True, False), (False, True), (True, True)])
def test_only_what_is_known_is_conditioned_on(mask: tuple[bool, bool]) -> None:
    codes, conditions, _ = batch(mask)
    known = {(*code, *row) for code, row in zip(CODES.tolist(), np.where(mask, CONDITIONS, -1).tolist(), strict=True)}
    assert {(*code, *row) for code, row in zip(codes.tolist(), conditions.tolist(), strict=True)} <= known
    assert ((conditions != -1) == mask).all()


@pytest.mark.parametrize("mask", [(False, False), (True, False), (True, True)])
def test_shares_are_those_of_what_follows_under_the_same_conditions(mask: tuple[bool, bool]) -> None:
    codes, conditions, shares = batch(mask, 50)
    seen = np.where(mask, CONDITIONS, -1)
    counted = (CONDITIONS[:, mask] != -1).all(1)
    for code, row, share in zip(codes, conditions, shares, strict=True):
        same = counted & (seen == row).all(1)
        assert np.allclose(share[0], np.bincount(CODES[same, 0], minlength=3) / same.sum())
        same &= CODES[:, 0] == code[0]
        assert np.allclose(share[1], np.bincount(CODES[same, 1], minlength=3) / same.sum())


def test_rare_bins_are_drawn_more_often_than_they_occur() -> None:
    torch.manual_seed(0)
    chosen = SEQUENCES.choose(torch.randint(200, (4_000,)), (True, False))
    conditions = SEQUENCES.batch(chosen, soft=False)[1]
    assert (conditions[:, 0] == 3).float().mean() > 0.1 > 20 * (CONDITIONS[:, 0] == 3).mean() - 0.01


def test_all_choices_of_conditions_are_drawn_and_none_that_nobody_knows() -> None:
    torch.manual_seed(0)
    assert {SEQUENCES.draw_mask() for _ in range(200)} == {(a, b) for a in (True, False) for b in (True, False)}
    unknown = LabelledSequences(CODES, np.full((200, 1), -1), 3)
    assert {unknown.draw_mask() for _ in range(50)} == {(False,)}
    assert LabelledSequences(CODES, np.zeros((200, 0), dtype=np.int64), 3).draw_mask() == ()


def test_guidance_of_one_is_the_conditional_distribution() -> None:
    conditional, unconditional = torch.randn(4, 5, dtype=torch.float64), torch.randn(4, 5, dtype=torch.float64)
    assert torch.allclose(guided(conditional, unconditional, 1.0), torch.log_softmax(conditional, -1))
    ratio = torch.log_softmax(conditional, -1) - torch.log_softmax(unconditional, -1)
    assert torch.allclose(guided(conditional, unconditional, 2.0), torch.log_softmax(conditional, -1) + ratio)


def test_distinct_rows_give_the_rows_back() -> None:
    rows = torch.tensor([[1, 2], [0, 1], [1, 2]])
    distinct, which = distinct_rows(rows)
    assert len(distinct) == 2 and torch.equal(distinct[which], rows)
    nothing, which = distinct_rows(torch.zeros(3, 0))
    assert nothing.shape == (1, 0) and which.tolist() == [0, 0, 0]
