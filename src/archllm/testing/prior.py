"""Contract of a prior: a normalised distribution over code sequences that is sampled exactly, conditioned and saved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from archllm.errors import InvalidInput, RunFolderError
from archllm.prior.base import Prior
from archllm.prior.registry import load_prior
from archllm.testing.common import damaged, once_per_suite
from archllm.training.loop import Schedule

SIZE, LENGTH, BINS = 3, 3, 4
"""Codes in the codebook and codes per sequence in these tests; bins of each condition."""

ALL = np.array(list(product(range(SIZE), repeat=LENGTH)))
"""All 27 sequences of 3 codes out of 3, as `27 x 3`."""


def uneven(n: int, seed: int = 0) -> NDArray[np.int64]:
    """Sequences far from uniform whose codes depend on those before."""
    rng = np.random.default_rng(seed)
    first = rng.choice(SIZE, n, p=[0.6, 0.3, 0.1])
    second = np.where(rng.random(n) < 0.8, first, rng.integers(SIZE, size=n))
    return np.stack([first, second, np.where(rng.random(n) < 0.7, (first + second) % SIZE, 0)], axis=1)


def seed(number: int) -> torch.Generator:
    """A source of randomness."""
    return torch.Generator().manual_seed(number)


def tempered(prior: Prior, temperature: float) -> NDArray[np.float64]:
    """Probability of each of `ALL` when every step's distribution is raised to `1 / temperature`."""
    joint = np.exp(prior.log_prob(ALL)).reshape((SIZE,) * LENGTH)
    result = np.ones_like(joint)
    for position in range(LENGTH):
        prefix = joint.sum(axis=tuple(range(position + 1, LENGTH)), keepdims=True)
        step = (prefix / prefix.sum(axis=position, keepdims=True)) ** (1 / temperature)
        result = result * step / step.sum(axis=position, keepdims=True)
    return result.ravel()


def counts(draws: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each of `ALL` was drawn."""
    return np.bincount(draws @ SIZE ** np.arange(LENGTH)[::-1], minlength=len(ALL))


def surprise(found: NDArray[np.int64], expected: NDArray[np.float64]) -> float:
    """Pearson's chi-square, in standard deviations above its mean."""
    total = found.sum() * expected
    keep = total > 1
    freedom = keep.sum() - 1
    return float((((found - total) ** 2 / total)[keep].sum() - freedom) / math.sqrt(2 * freedom))


@once_per_suite
def trained_by(suite: type[PriorContract]) -> Prior:
    """The prior of a suite, trained once."""
    prior = suite().build(SIZE, LENGTH)
    prior.fit(uneven(200), uneven(50, 1), 0)
    return prior


class PriorContract:
    """What every prior keeps.

    Set `prior`, or override `build` where the class takes more than the size of the codebook, the length and the
    names of conditions. Build it so that it trains for seconds.

    Example:
        >>> class TestMarginals(PriorContract):
        ...     learned = False
        ...     def build(self, size: int, length: int, conditions: Sequence[str] = (), brief: bool = False) -> Prior:
        ...         return build_prior(PriorConfig(kind="marginal"), size, length, conditions)
    """

    prior: ClassVar[type[Any]]
    """The class to test; called with the size of the codebook, the codes per sequence, and names of conditions."""

    learned: ClassVar[bool] = True
    """Whether two seeds of training give two priors."""

    files: ClassVar[Sequence[str]] = ("prior.json", "model.safetensors")
    """Files of a saved prior that are refused by name when they are damaged."""

    def build(self, size: int, length: int, conditions: Sequence[str] = (), brief: bool = False) -> Prior:
        """An untrained prior.

        Args:
            size: codes in the codebook.
            length: codes per sequence.
            conditions: names of conditions, of 4 bins each.
            brief: whether a few steps of training will do.
        """
        prior: Prior = self.prior(size, length, conditions)
        return prior

    def load(self, folder: Path, size: int, length: int) -> Prior:
        """The prior that was saved in a folder."""
        return load_prior(folder, size, length)

    @pytest.fixture
    def trained(self) -> Prior:
        """A trained prior, shared by the tests of the class."""
        return trained_by(type(self))

    # --- likelihood --------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("training", [False, True])
    def test_probabilities_of_all_sequences_sum_to_one(self, training: bool) -> None:
        prior = trained_by(type(self)) if training else self.build(SIZE, LENGTH)
        assert np.exp(prior.log_prob(ALL)).sum() == pytest.approx(1, abs=1e-5)

    def test_training_makes_what_was_seen_likelier_than_chance(self, trained: Prior) -> None:
        other = uneven(500, 2)
        assert -trained.log_prob(other).mean() < math.log(len(ALL)) - 0.3
        assert trained.log_prob(np.array([[0, 0, 0]])) > trained.log_prob(np.array([[2, 1, 2]])) + 1

    def test_a_likelihood_does_not_depend_on_the_company(self, trained: Prior) -> None:
        alone = np.concatenate([trained.log_prob(row[None]) for row in ALL])
        assert np.allclose(alone, trained.log_prob(ALL), atol=1e-5)

    @pytest.mark.parametrize(
        "codes",
        [ALL[:0], ALL[:, :2], ALL[0], ALL - 1, ALL + 1, ALL + 0.5],
        ids=["none", "short", "flat", "negative", "large", "fraction"],
    )
    def test_codes_of_another_shape_or_range_are_refused(self, trained: Prior, codes: NDArray[np.int64]) -> None:
        with pytest.raises(InvalidInput, match="codes must be"):
            trained.log_prob(codes)
        with pytest.raises(InvalidInput, match="codes must be"):
            trained.embed(codes)
        with pytest.raises(InvalidInput, match="codes must be"):
            self.build(SIZE, LENGTH).fit(codes, ALL, 0)

    # --- hidden states -----------------------------------------------------------------------------------------------

    def test_hidden_states_tell_apart_all_sequences(self, trained: Prior) -> None:
        states = trained.embed(ALL)
        assert states.shape[0] == len(ALL) and states.ndim == 2 and states.dtype == np.float32
        assert np.isfinite(states).all()
        assert len(np.unique(states.round(4), axis=0)) == len(ALL)

    def test_hidden_states_do_not_depend_on_the_company(self, trained: Prior) -> None:
        alone = np.concatenate([trained.embed(row[None]) for row in ALL])
        assert np.allclose(alone, trained.embed(ALL), atol=1e-5)

    def test_the_state_of_a_position_depends_on_the_codes_up_to_it_alone(self, trained: Prior) -> None:
        states = trained.embed(ALL).reshape(len(ALL), LENGTH, -1)
        first, second = np.nonzero((ALL[:, None, :2] == ALL[None, :, :2]).all(2))
        assert np.allclose(states[first, :2], states[second, :2], atol=1e-5)

    # --- samples -----------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("n", [1, 2, 777])
    def test_a_sample_is_so_many_sequences_in_range(self, trained: Prior, n: int) -> None:
        draws = trained.sample(n, generator=seed(0))
        assert draws.shape == (n, LENGTH) and draws.dtype == np.int64
        assert 0 <= draws.min() <= draws.max() < SIZE

    def test_one_seed_gives_one_sample_and_a_used_generator_another(self, trained: Prior) -> None:
        generator = seed(5)
        first, second = trained.sample(300, generator=generator), trained.sample(300, generator=generator)
        assert (trained.sample(300, generator=seed(5)) == first).all()
        assert (first != second).any() and (trained.sample(300, generator=seed(6)) != first).any()

    def test_a_sample_needs_no_global_random_state(self, trained: Prior) -> None:
        before = torch.random.get_rng_state()
        first = trained.sample(50, generator=seed(0))
        assert torch.equal(torch.random.get_rng_state(), before)
        torch.manual_seed(123)
        assert (trained.sample(50, generator=seed(0)) == first).all()

    @pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0, 1e6])
    def test_sequences_are_drawn_as_often_as_they_are_likely(self, trained: Prior, temperature: float) -> None:
        found = counts(trained.sample(8_000, temperature, generator=seed(1)))
        assert surprise(found, tempered(trained, temperature)) < 4
        other = tempered(trained, 1.0 if temperature != 1.0 else 0.5)
        assert surprise(found, other) > 20  # the test can tell

    def test_at_temperature_one_the_likelihood_itself_is_drawn_from(self, trained: Prior) -> None:
        assert np.allclose(tempered(trained, 1.0), np.exp(trained.log_prob(ALL)), atol=1e-5)

    @pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1e-45, 1e-300, 5e-324])
    def test_a_temperature_near_zero_draws_the_likeliest_code_each_time(
        self, trained: Prior, temperature: float
    ) -> None:
        draws = trained.sample(50, temperature, generator=seed(2))
        greedy = ALL[tempered(trained, 0.005).argmax()]
        assert (draws == greedy).all()

    @pytest.mark.parametrize("temperature", [0.0, -1.0, math.inf, -math.inf, math.nan])
    def test_a_temperature_that_is_not_positive_and_finite_is_refused(self, trained: Prior, temperature: float) -> None:
        with pytest.raises(InvalidInput, match="temperature"):
            trained.sample(3, temperature, generator=seed(0))

    @pytest.mark.parametrize("n", [0, -1])
    def test_a_sample_of_nothing_is_refused(self, trained: Prior, n: int) -> None:
        with pytest.raises(InvalidInput, match=f"n must be a whole number of at least 1, got {n}"):
            trained.sample(n, generator=seed(0))

    @pytest.mark.parametrize("strength", [0.0, -1.0, math.nan, math.inf])
    def test_guidance_that_is_not_positive_and_finite_is_refused(self, trained: Prior, strength: float) -> None:
        with pytest.raises(InvalidInput, match="guidance"):
            trained.sample(1, generator=seed(0), guidance=strength)

    @pytest.mark.parametrize(("size", "length"), [(1, 1), (1, 4), (5, 1)])
    def test_the_smallest_vocabularies_and_lengths_work_too(self, size: int, length: int) -> None:
        prior = self.build(size, length, brief=True)
        codes = np.random.default_rng(0).integers(size, size=(40, length))
        prior.fit(codes, codes, 0)
        draws = prior.sample(20, generator=seed(0))
        assert draws.shape == (20, length) and draws.max() < size
        every = np.array(list(product(range(size), repeat=length)))
        assert np.exp(prior.log_prob(every)).sum() == pytest.approx(1, abs=1e-5)

    # --- training ----------------------------------------------------------------------------------------------------

    def test_training_is_a_function_of_its_seed_alone(self) -> None:
        before = torch.random.get_rng_state()
        first, again, other = (self.build(SIZE, LENGTH, brief=True) for _ in range(3))
        for prior, number in ((first, 0), (again, 0), (other, 1)):
            prior.fit(uneven(100), uneven(20, 1), number)
        assert torch.equal(torch.random.get_rng_state(), before)
        assert np.array_equal(again.log_prob(ALL), first.log_prob(ALL))
        assert not self.learned or not np.array_equal(other.log_prob(ALL), first.log_prob(ALL))

    def test_parameters_are_counted(self, trained: Prior) -> None:
        larger = self.build(2 * SIZE, LENGTH)
        assert 0 < trained.parameters() < larger.parameters()

    # --- files -------------------------------------------------------------------------------------------------------

    def test_a_saved_prior_comes_back_the_same(self, trained: Prior, tmp_path: Path) -> None:
        trained.save(tmp_path / "prior")
        back = self.load(tmp_path / "prior", SIZE, LENGTH)
        assert back.config == trained.config and back.parameters() == trained.parameters()
        assert np.allclose(back.log_prob(ALL), trained.log_prob(ALL), atol=1e-5)
        assert np.allclose(back.embed(ALL), trained.embed(ALL), atol=1e-4)
        assert (back.sample(100, generator=seed(3)) == trained.sample(100, generator=seed(3))).all()

    def test_no_pickle_is_written(self, trained: Prior, tmp_path: Path) -> None:
        trained.save(tmp_path)
        assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".json", ".safetensors"}

    @pytest.mark.parametrize("damage", ["missing", "empty", "half", "noise", "json", "deep"])
    def test_a_damaged_file_is_refused_by_name(self, trained: Prior, tmp_path: Path, damage: str) -> None:
        for file in self.files:
            folder = tmp_path / file.replace(".", "-")
            trained.save(folder)
            path = folder / file
            content = path.read_bytes()
            path.unlink()
            if damage != "missing":
                path.write_bytes(damaged(content)[damage])
            with pytest.raises(RunFolderError) as caught:
                self.load(folder, SIZE, LENGTH)
            assert str(path) in str(caught.value)

    @pytest.mark.parametrize(("size", "length"), [(SIZE + 1, LENGTH), (SIZE, LENGTH + 1)])
    def test_a_prior_over_other_codes_is_refused(self, trained: Prior, tmp_path: Path, size: int, length: int) -> None:
        trained.save(tmp_path)
        with pytest.raises(RunFolderError, match=rf"prior\.json.* {LENGTH} codes of {SIZE}.* {length} of {size}"):
            self.load(tmp_path, size, length)

    def test_a_prior_can_not_be_written_where_a_file_stands(self, trained: Prior, tmp_path: Path) -> None:
        (tmp_path / "prior").write_text("")
        with pytest.raises(RunFolderError, match="prior"):
            trained.save(tmp_path / "prior")


def bins_of(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """A bin that tells the first code, and one that tells nothing of it; some of each are unknown."""
    other = (codes.sum(1) * 7) % 4
    return np.stack([np.where(other == 3, -1, codes[:, 0]), np.where(codes[:, 2] == 2, -1, other % 2)], axis=1)


@once_per_suite
def conditional_by(suite: type[ConditionalPriorContract]) -> Prior:
    """The conditional prior of a suite, trained once."""
    prior = suite().build(SIZE, LENGTH, ["first", "other"])
    codes, validation = uneven(300), uneven(50, 1)
    prior.fit(codes, validation, 0, conditions=bins_of(codes), validation_conditions=bins_of(validation))
    return prior


@once_per_suite
def taught_by(suite: type[ConditionalPriorContract]) -> Prior:
    """The unconditional prior of a suite, fine-tuned to be conditioned on the first code."""
    prior, codes = trained_by(suite).with_conditions(("first",), BINS), uneven(300)
    prior.learn(codes, codes[:, :1], Schedule(60, 32, 1e-2, 0.0, warmup=5), 0)
    return prior


def share_of_first(prior: Prior, code: int, bin_: int) -> float:
    """Probability that the first code is `code` given that bin."""
    shares = np.exp(prior.log_prob(ALL, np.tile([[bin_, -1]], (len(ALL), 1))))
    return float(shares[ALL[:, 0] == code].sum())


class ConditionalPriorContract(PriorContract):
    """What a prior keeps that can be conditioned on bins of properties, and fine-tuned.

    Example:
        >>> class TestSmallModel(ConditionalPriorContract):
        ...     def build(self, size: int, length: int, conditions: Sequence[str] = (), brief: bool = False) -> Prior:
        ...         config = PriorConfig(steps=10 if brief else 300, width=32, layers=1)
        ...         return build_prior(config, size, length, conditions)
    """

    drift: ClassVar[float] = 0.5
    """How far new conditions may move the distribution before fine-tuning, as a share of its distance from uniform."""

    # --- conditions --------------------------------------------------------------------------------------------------

    def test_a_requested_bin_is_followed(self) -> None:
        prior = conditional_by(type(self))
        shares = np.array([[share_of_first(prior, code, bin_) for bin_ in range(SIZE)] for code in range(SIZE)])
        own, others = np.diag(shares), (shares.sum(1) - np.diag(shares)) / (SIZE - 1)
        assert (own > others).all() and (own - others).sum() > 0.6  # 3 would be perfect

    def test_guidance_makes_the_requested_bin_more_certain(self) -> None:
        asked, prior = np.tile([[0, -1]], (2_000, 1)), conditional_by(type(self))
        shares = [
            (prior.sample(2_000, generator=seed(0), conditions=asked, guidance=strength)[:, 0] == 0).mean()
            for strength in (0.3, 1.0, 3.0)
        ]
        assert shares[0] < shares[1] - 0.03 and shares[1] < shares[2]
        assert abs(shares[1] - share_of_first(prior, 0, 0)) < 0.05

    def test_under_any_conditions_probabilities_sum_to_one_and_are_drawn_from(self) -> None:
        prior = conditional_by(type(self))
        for row in ([0, 1], [1, -1], [-1, 3], [-1, -1]):
            shares = np.exp(prior.log_prob(ALL, np.tile([row], (len(ALL), 1))))
            assert shares.sum() == pytest.approx(1, abs=1e-5)
            draws = prior.sample(2_000, generator=seed(4), conditions=np.tile([row], (2_000, 1)))
            assert surprise(counts(draws), shares) < 4

    def test_without_conditions_the_unconditional_likelihood_is_given(self) -> None:
        prior = conditional_by(type(self))
        assert np.array_equal(prior.log_prob(ALL), prior.log_prob(ALL, np.full((len(ALL), 2), -1)))
        assert not np.allclose(prior.log_prob(ALL), prior.log_prob(ALL, np.full((len(ALL), 2), 0)), atol=0.1)

    def test_rows_with_different_conditions_do_not_disturb_each_other(self) -> None:
        prior = conditional_by(type(self))
        rows = np.array([[0, 1], [1, -1], [-1, 3], [-1, -1], [2, 0]])
        mixed = prior.log_prob(ALL[:5], rows)
        alone = [prior.log_prob(ALL[i : i + 1], rows[i : i + 1])[0] for i in range(5)]
        assert np.allclose(mixed, alone, atol=1e-5)

    @pytest.mark.parametrize("rows", [[[0]], [[0, 4]], [[-2, 0]], [[0.0, 1.0]], [[0, 1], [0, 1]]], ids=str)
    def test_conditions_that_do_not_fit_are_refused(self, rows: list[list[float]]) -> None:
        with pytest.raises(InvalidInput, match="conditions must be"):
            conditional_by(type(self)).sample(1, generator=seed(0), conditions=np.array(rows))

    def test_a_saved_prior_remembers_its_conditions(self, tmp_path: Path) -> None:
        prior = conditional_by(type(self))
        prior.save(tmp_path)
        back = self.load(tmp_path, SIZE, LENGTH)
        assert back.conditions == ("first", "other")
        rows = np.tile([[1, 0]], (len(ALL), 1))
        assert np.allclose(back.log_prob(ALL, rows), prior.log_prob(ALL, rows), atol=1e-5)

    # --- learning more -----------------------------------------------------------------------------------------------

    def test_a_copy_with_more_conditions_samples_as_before_until_it_learns(self) -> None:
        copy = trained_by(type(self)).with_conditions(("first",), 4)
        assert copy.conditions == ("first",) and copy.config.bins == 4
        here, there = (np.exp(prior.log_prob(ALL)) for prior in (copy, trained_by(type(self))))
        uniform = 1 / len(ALL)
        assert np.abs(here - there).sum() < self.drift * np.abs(there - uniform).sum() + 1e-3

    def test_training_can_begin_with_the_weights_that_are_there(self, tmp_path: Path) -> None:
        """After a few steps on more of the same, it is far ahead of what learns the same from nothing."""
        trained_by(type(self)).save(tmp_path)
        more, known = uneven(100, 3), uneven(500, 2)
        again, new = self.load(tmp_path, SIZE, LENGTH), self.build(SIZE, LENGTH, brief=True)
        again.config = new.config
        again.fit(more, more[:20], 0, fresh=False)
        new.fit(more, more[:20], 0)
        assert again.log_prob(known).mean() > new.log_prob(known).mean() + 0.2

    def test_fine_tuning_a_copy_leaves_the_first_one_as_it_was(self) -> None:
        before = trained_by(type(self)).log_prob(ALL)
        given = [np.exp(taught_by(type(self)).log_prob(ALL, np.full((len(ALL), 1), bin_))) for bin_ in range(SIZE)]
        assert np.sum(given, axis=1) == pytest.approx(np.ones(SIZE), abs=1e-5)
        # What was learned shows between bins: beside the unconditional shares it would also measure how far the
        # few steps of the first training got, which differs from processor to processor.
        shares = np.array([[given[bin_][ALL[:, 0] == code].sum() for bin_ in range(SIZE)] for code in range(SIZE)])
        own, others = np.diag(shares), (shares.sum(1) - np.diag(shares)) / (SIZE - 1)
        assert (own > others).all() and (own - others).sum() > 0.6  # 3 would be perfect
        assert np.array_equal(trained_by(type(self)).log_prob(ALL), before)
