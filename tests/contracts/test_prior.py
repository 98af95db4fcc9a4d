"""The promises of a prior, kept by every kind."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from tests.prior.text.tiny import tiny_model

from archllm.errors import InvalidInput, RunFolderError
from archllm.prior import Prior, PriorConfig, build_prior, load_prior
from archllm.training.loop import Schedule

CODE = ("code", "code-marginals")
TEXT = ("llama-numbers-lora", "gpt2-tokens-lora", "t5-numbers-full", "gpt2-numbers-full")
KINDS = (*CODE, "marginal", *TEXT)
"""Kinds of priors. `code-marginals` starts from the marginals; those of text by the family of the model, the way codes
are written, and what is trained."""

TOLD = tuple(kind for kind in KINDS if kind != "marginal")
"""Those that can be told conditions."""

SIZE, LENGTH = 3, 3
ALL = np.array(list(product(range(SIZE), repeat=LENGTH)))
"""All 27 sequences of 3 codes out of 3."""


@cache
def config(kind: str) -> PriorConfig:
    if kind == "marginal":
        return PriorConfig(kind="marginal")
    if kind in CODE:
        small = PriorConfig(kind="code", width=16, layers=1, heads=2, steps=40, batch=16, buckets=4)
        return replace(small, marginals=kind == "code-marginals")
    family, written, tuning = kind.split("-")
    return replace(
        PriorConfig(kind="text", base=tiny_model(family), steps=40, batch=16, learning_rate=2e-2, rank=4, buckets=4),
        format=written,
        tuning=tuning,
    )


def uneven(n: int, seed: int = 0) -> NDArray[np.int64]:
    """Sequences far from uniform whose codes depend on those before."""
    rng = np.random.default_rng(seed)
    first = rng.choice(SIZE, n, p=[0.6, 0.3, 0.1])
    second = np.where(rng.random(n) < 0.8, first, rng.integers(SIZE, size=n))
    return np.stack([first, second, np.where(rng.random(n) < 0.7, (first + second) % SIZE, 0)], axis=1)


@cache
def trained(kind: str) -> Prior:
    prior = build_prior(config(kind), SIZE, LENGTH)
    prior.fit(uneven(200), uneven(50, 1), 0)
    return prior


@pytest.fixture(params=KINDS)
def prior(request: pytest.FixtureRequest) -> Prior:
    return trained(request.param)


def seed(number: int) -> torch.Generator:
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
    return np.bincount(draws @ SIZE ** np.arange(LENGTH)[::-1], minlength=len(ALL))


def surprise(found: NDArray[np.int64], expected: NDArray[np.float64]) -> float:
    """Pearson's chi-square, in standard deviations above its mean."""
    total = found.sum() * expected
    keep = total > 1
    freedom = keep.sum() - 1
    return float((((found - total) ** 2 / total)[keep].sum() - freedom) / math.sqrt(2 * freedom))


# --- likelihood ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [False, True])
def test_probabilities_of_all_sequences_sum_to_one(kind: str, training: bool) -> None:
    prior = trained(kind) if training else build_prior(config(kind), SIZE, LENGTH)
    assert np.exp(prior.log_prob(ALL)).sum() == pytest.approx(1, abs=1e-5)


def test_training_makes_what_was_seen_likelier_than_chance(prior: Prior) -> None:
    other = uneven(500, 2)
    assert -prior.log_prob(other).mean() < math.log(len(ALL)) - 0.3
    assert prior.log_prob(np.array([[0, 0, 0]])) > prior.log_prob(np.array([[2, 1, 2]])) + 1


def test_a_likelihood_does_not_depend_on_the_company(prior: Prior) -> None:
    alone = np.concatenate([prior.log_prob(row[None]) for row in ALL])
    assert np.allclose(alone, prior.log_prob(ALL), atol=1e-5)


@pytest.mark.parametrize(
    "codes",
    [ALL[:0], ALL[:, :2], ALL[0], ALL - 1, ALL + 1, ALL + 0.5],
    ids=["none", "short", "flat", "negative", "large", "fraction"],
)
def test_what_are_no_codes_is_refused(prior: Prior, codes: NDArray[np.int64]) -> None:
    with pytest.raises(InvalidInput, match="codes must be"):
        prior.log_prob(codes)
    with pytest.raises(InvalidInput, match="codes must be"):
        prior.embed(codes)
    with pytest.raises(InvalidInput, match="codes must be"):
        build_prior(prior.config, SIZE, LENGTH).fit(codes, ALL, 0)


# --- hidden states ------------------------------------------------------------------------------------------------


def test_hidden_states_tell_apart_all_sequences(prior: Prior) -> None:
    states = prior.embed(ALL)
    assert states.shape[0] == len(ALL) and states.ndim == 2 and states.dtype == np.float32
    assert np.isfinite(states).all()
    assert len(np.unique(states.round(4), axis=0)) == len(ALL)


def test_hidden_states_do_not_depend_on_the_company(prior: Prior) -> None:
    alone = np.concatenate([prior.embed(row[None]) for row in ALL])
    assert np.allclose(alone, prior.embed(ALL), atol=1e-5)


def test_the_state_of_a_position_depends_on_the_codes_up_to_it_alone(prior: Prior) -> None:
    states = prior.embed(ALL).reshape(len(ALL), LENGTH, -1)
    first, second = np.nonzero((ALL[:, None, :2] == ALL[None, :, :2]).all(2))
    assert np.allclose(states[first, :2], states[second, :2], atol=1e-5)


# --- draws ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 777])
def test_a_sample_is_so_many_sequences_in_range(prior: Prior, n: int) -> None:
    draws = prior.sample(n, generator=seed(0))
    assert draws.shape == (n, LENGTH) and draws.dtype == np.int64
    assert 0 <= draws.min() <= draws.max() < SIZE


def test_one_seed_gives_one_sample_and_a_used_generator_another(prior: Prior) -> None:
    generator = seed(5)
    first, second = prior.sample(300, generator=generator), prior.sample(300, generator=generator)
    assert (prior.sample(300, generator=seed(5)) == first).all()
    assert (first != second).any() and (prior.sample(300, generator=seed(6)) != first).any()


def test_a_sample_needs_no_global_random_state(prior: Prior) -> None:
    before = torch.random.get_rng_state()
    first = prior.sample(50, generator=seed(0))
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(123)
    assert (prior.sample(50, generator=seed(0)) == first).all()


@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0, 1e6])
def test_sequences_are_drawn_as_often_as_they_are_likely(prior: Prior, temperature: float) -> None:
    found = counts(prior.sample(8_000, temperature, generator=seed(1)))
    assert surprise(found, tempered(prior, temperature)) < 4
    other = tempered(prior, 1.0 if temperature != 1.0 else 0.5)
    assert surprise(found, other) > 20  # the test can tell


def test_at_temperature_one_the_likelihood_itself_is_drawn_from(prior: Prior) -> None:
    assert np.allclose(tempered(prior, 1.0), np.exp(prior.log_prob(ALL)), atol=1e-5)


@pytest.mark.parametrize("temperature", [1e-3, 1e-30, 1e-45, 1e-300, 5e-324])
def test_a_temperature_near_zero_draws_the_likeliest_code_each_time(prior: Prior, temperature: float) -> None:
    draws = prior.sample(50, temperature, generator=seed(2))
    greedy = ALL[tempered(prior, 0.005).argmax()]
    assert (draws == greedy).all()


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.inf, -math.inf, math.nan])
def test_a_temperature_that_is_not_positive_and_finite_is_refused(prior: Prior, temperature: float) -> None:
    with pytest.raises(InvalidInput, match="temperature"):
        prior.sample(3, temperature, generator=seed(0))


@pytest.mark.parametrize("n", [0, -1])
def test_a_sample_of_nothing_is_refused(prior: Prior, n: int) -> None:
    with pytest.raises(InvalidInput, match=f"n must be at least 1, got {n}"):
        prior.sample(n, generator=seed(0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "length"), [(1, 1), (1, 4), (5, 1)])
def test_the_smallest_languages_are_spoken_too(kind: str, size: int, length: int) -> None:
    prior = build_prior(replace(config(kind), steps=4), size, length)
    codes = np.random.default_rng(0).integers(size, size=(40, length))
    prior.fit(codes, codes, 0)
    draws = prior.sample(20, generator=seed(0))
    assert draws.shape == (20, length) and draws.max() < size
    every = np.array(list(product(range(size), repeat=length)))
    assert np.exp(prior.log_prob(every)).sum() == pytest.approx(1, abs=1e-5)


# --- conditions ----------------------------------------------------------------------------------------------------


def told(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """A bucket that says the first code, and one that says nothing of it; some of each are not known."""
    other = (codes.sum(1) * 7) % 4
    return np.stack([np.where(other == 3, -1, codes[:, 0]), np.where(codes[:, 2] == 2, -1, other % 2)], axis=1)


@cache
def conditional(kind: str) -> Prior:
    prior = build_prior(replace(config(kind), steps=150), SIZE, LENGTH, ["first", "other"], "space")
    codes, validation = uneven(300), uneven(50, 1)
    prior.fit(codes, validation, 0, conditions=told(codes), validation_conditions=told(validation))
    return prior


def share_of_first(prior: Prior, code: int, bucket: int) -> float:
    """How likely the first code is `code` when `bucket` is asked for."""
    shares = np.exp(prior.log_prob(ALL, np.tile([[bucket, -1]], (len(ALL), 1))))
    return float(shares[ALL[:, 0] == code].sum())


@pytest.mark.parametrize("kind", TOLD)
def test_a_bucket_that_is_asked_for_is_heeded(kind: str) -> None:
    buckets = range(SIZE)
    shares = np.array([[share_of_first(conditional(kind), code, bucket) for bucket in buckets] for code in range(SIZE)])
    own, others = np.diag(shares), (shares.sum(1) - np.diag(shares)) / (SIZE - 1)
    assert (own > others).all() and (own - others).sum() > 0.6  # 3 would be perfect


@pytest.mark.parametrize("kind", TOLD)
def test_guidance_makes_what_is_asked_for_more_certain(kind: str) -> None:
    asked, prior = np.tile([[0, -1]], (2_000, 1)), conditional(kind)
    shares = [
        (prior.sample(2_000, generator=seed(0), conditions=asked, guidance=strength)[:, 0] == 0).mean()
        for strength in (0.3, 1.0, 3.0)
    ]
    assert shares[0] < shares[1] - 0.03 and shares[1] < shares[2]
    assert abs(shares[1] - share_of_first(prior, 0, 0)) < 0.05


@pytest.mark.parametrize("kind", TOLD)
def test_under_any_conditions_probabilities_sum_to_one_and_are_drawn_from(kind: str) -> None:
    prior = conditional(kind)
    for row in ([0, 1], [1, -1], [-1, 3], [-1, -1]):
        shares = np.exp(prior.log_prob(ALL, np.tile([row], (len(ALL), 1))))
        assert shares.sum() == pytest.approx(1, abs=1e-5)
        draws = prior.sample(2_000, generator=seed(4), conditions=np.tile([row], (2_000, 1)))
        assert surprise(counts(draws), shares) < 4


@pytest.mark.parametrize("kind", TOLD)
def test_without_conditions_the_unconditional_likelihood_is_given(kind: str) -> None:
    prior = conditional(kind)
    assert np.array_equal(prior.log_prob(ALL), prior.log_prob(ALL, np.full((len(ALL), 2), -1)))
    assert not np.allclose(prior.log_prob(ALL), prior.log_prob(ALL, np.full((len(ALL), 2), 0)), atol=0.1)


@pytest.mark.parametrize("kind", TOLD)
def test_rows_with_different_conditions_do_not_disturb_each_other(kind: str) -> None:
    prior = conditional(kind)
    rows = np.array([[0, 1], [1, -1], [-1, 3], [-1, -1], [2, 0]])
    mixed = prior.log_prob(ALL[:5], rows)
    alone = [prior.log_prob(ALL[i : i + 1], rows[i : i + 1])[0] for i in range(5)]
    assert np.allclose(mixed, alone, atol=1e-5)


@pytest.mark.parametrize("kind", TOLD)
@pytest.mark.parametrize("rows", [[[0]], [[0, 4]], [[-2, 0]], [[0.0, 1.0]], [[0, 1], [0, 1]]], ids=str)
def test_conditions_that_do_not_fit_are_refused(kind: str, rows: list[list[float]]) -> None:
    with pytest.raises(InvalidInput, match="conditions must be"):
        conditional(kind).sample(1, generator=seed(0), conditions=np.array(rows))


@pytest.mark.parametrize("strength", [0.0, -1.0, math.nan, math.inf])
def test_guidance_that_is_not_positive_and_finite_is_refused(prior: Prior, strength: float) -> None:
    with pytest.raises(InvalidInput, match="guidance"):
        prior.sample(1, generator=seed(0), guidance=strength)


@pytest.mark.parametrize("kind", TOLD)
def test_a_saved_prior_remembers_its_conditions(kind: str, tmp_path: Path) -> None:
    prior = conditional(kind)
    prior.save(tmp_path)
    back = load_prior(tmp_path, SIZE, LENGTH)
    assert back.conditions == ("first", "other")
    rows = np.tile([[1, 0]], (len(ALL), 1))
    assert np.allclose(back.log_prob(ALL, rows), prior.log_prob(ALL, rows), atol=1e-5)


def test_marginals_refuse_conditions() -> None:
    with pytest.raises(InvalidInput, match="marginals"):
        build_prior(config("marginal"), SIZE, LENGTH, ["params"])


# --- learning more -------------------------------------------------------------------------------------------------


@cache
def taught(kind: str) -> Prior:
    """A trained prior that was told afterwards what the first code is."""
    prior, codes = trained(kind).with_conditions(("first",), 4), uneven(300)
    prior.learn(codes, codes[:, :1], Schedule(60, 32, 1e-2, 0.0, warmup=5), 0)
    return prior


@pytest.mark.parametrize("kind", TOLD)
def test_a_copy_that_can_be_told_more_speaks_as_before_until_it_learns(kind: str) -> None:
    copy = trained(kind).with_conditions(("first",), 4)
    assert copy.conditions == ("first",) and copy.config.buckets == 4
    here, there = (np.exp(prior.log_prob(ALL)) for prior in (copy, trained(kind)))
    uniform = 1 / len(ALL)
    # A small transformer from scratch has one more, unknown token before the codes; a prompt stays as it is.
    assert np.abs(here - there).sum() < (0.5 * np.abs(there - uniform).sum() if kind in CODE else 1e-3)


@pytest.mark.parametrize("kind", TOLD)
def test_what_is_learned_afterwards_is_heeded_and_leaves_the_first_one_as_it_was(kind: str) -> None:
    before = trained(kind).log_prob(ALL)
    for code in range(SIZE):
        shares = np.exp(taught(kind).log_prob(ALL, np.full((len(ALL), 1), code)))
        assert shares.sum() == pytest.approx(1, abs=1e-5)
        assert shares[ALL[:, 0] == code].sum() > np.exp(before)[ALL[:, 0] == code].sum() + 0.05
    assert np.array_equal(trained(kind).log_prob(ALL), before)


def test_marginals_do_not_go_on_learning() -> None:
    prior = trained("marginal")
    with pytest.raises(InvalidInput, match="marginals"):
        prior.with_conditions(("first",), 4)
    with pytest.raises(InvalidInput, match="go on learning"):
        prior.learn(uneven(20), np.zeros((20, 0), dtype=np.int64), Schedule(1, 4, 1e-3, 0.0), 0)


# --- training ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_training_is_a_function_of_its_seed_alone(kind: str) -> None:
    before = torch.random.get_rng_state()
    first, again, other = (build_prior(replace(config(kind), steps=5), SIZE, LENGTH) for _ in range(3))
    for prior, number in ((first, 0), (again, 0), (other, 1)):
        prior.fit(uneven(100), uneven(20, 1), number)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.array_equal(again.log_prob(ALL), first.log_prob(ALL))
    assert kind == "marginal" or not np.array_equal(other.log_prob(ALL), first.log_prob(ALL))


def test_parameters_are_counted(prior: Prior) -> None:
    larger = build_prior(prior.config, 2 * SIZE, LENGTH)
    assert 0 < prior.parameters() < larger.parameters()


# --- files ---------------------------------------------------------------------------------------------------------


def test_a_saved_prior_comes_back_the_same(prior: Prior, tmp_path: Path) -> None:
    prior.save(tmp_path / "prior")
    back = load_prior(tmp_path / "prior", SIZE, LENGTH)
    assert back.config == prior.config and back.parameters() == prior.parameters()
    assert np.allclose(back.log_prob(ALL), prior.log_prob(ALL), atol=1e-5)
    assert np.allclose(back.embed(ALL), prior.embed(ALL), atol=1e-4)
    assert (back.sample(100, generator=seed(3)) == prior.sample(100, generator=seed(3))).all()


def test_no_pickle_is_written(prior: Prior, tmp_path: Path) -> None:
    prior.save(tmp_path)
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".json", ".safetensors"}


def weights(prior: Prior) -> str:
    """The file of what was learned."""
    if prior.config.kind == "text":
        return "adapter.safetensors" if prior.config.tuning == "lora" else "model.safetensors"
    return {"code": "model.safetensors", "marginal": "marginal.safetensors"}[prior.config.kind]


@pytest.mark.parametrize("damage", ["missing", "empty", "half", "noise", "json", "deep"])
def test_a_damaged_file_is_refused_by_name(prior: Prior, tmp_path: Path, damage: str) -> None:
    for file in ("prior.json", weights(prior)):
        folder = tmp_path / file.replace(".", "-")
        prior.save(folder)
        path = folder / file
        content = path.read_bytes()
        path.unlink()
        if damage != "missing":
            other = {"empty": b"", "half": content[: len(content) // 2], "noise": bytes(range(256)) * 9}
            path.write_bytes((other | {"json": b'{"a": [1]}', "deep": b"[" * 100_000})[damage])
        with pytest.raises(RunFolderError) as caught:
            load_prior(folder, SIZE, LENGTH)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize(("size", "length"), [(SIZE + 1, LENGTH), (SIZE, LENGTH + 1)])
def test_a_prior_over_other_codes_is_refused(prior: Prior, tmp_path: Path, size: int, length: int) -> None:
    prior.save(tmp_path)
    with pytest.raises(RunFolderError, match=rf"prior\.json.* {LENGTH} codes of {SIZE}.* {length} of {size}"):
        load_prior(tmp_path, size, length)


@pytest.mark.parametrize(
    "change",
    [{"kind": "other"}, {"kind": None}, {"width": "wide"}, {"width": 0}, {"nonsense": 1}, {"learning_rate": math.nan}],
    ids=str,
)
def test_a_description_of_no_prior_is_refused(prior: Prior, tmp_path: Path, change: dict[str, object]) -> None:
    prior.save(tmp_path)
    path = tmp_path / "prior.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps(about | {"config": about["config"] | change}))
    with pytest.raises(RunFolderError, match=r"prior\.json"):
        load_prior(tmp_path, SIZE, LENGTH)


@pytest.mark.parametrize("change", ["lost", "renamed", "reshaped", "added", "emptied"])
def test_weights_of_another_prior_are_refused(prior: Prior, tmp_path: Path, change: str) -> None:
    prior.save(tmp_path)
    path = tmp_path / weights(prior)
    tensors = load_file(path)
    name = "log_shares" if prior.config.kind == "marginal" else "lm_head.weight"
    if change == "added" and prior.config.kind == "marginal":
        pytest.skip("one tensor is all that is read")
    value = tensors.pop(name)
    tensors |= {"lost": {}, "renamed": {"x." + name: value}, "reshaped": {name: value[:, :-1].contiguous()}}.get(
        change, {name: value, "other": torch.zeros(2)}
    )
    save_file({} if change == "emptied" else tensors, path, metadata={"format": "pt"})
    with pytest.raises(RunFolderError) as caught:
        load_prior(tmp_path, SIZE, LENGTH)
    assert str(path) in str(caught.value)


def test_a_prior_can_not_be_written_where_a_file_stands(prior: Prior, tmp_path: Path) -> None:
    (tmp_path / "prior").write_text("")
    with pytest.raises(RunFolderError, match="prior"):
        prior.save(tmp_path / "prior")
