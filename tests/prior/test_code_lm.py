from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, LlamaForCausalLM

from archllm.errors import RunFolderError
from archllm.prior import PriorConfig, load_prior
from archllm.prior.code_lm import CodeLM
from archllm.prior.trie import CodeTrie
from archllm.training.loop import Loop
from archllm.training.progress import Event, Listener

SIZE, LENGTH = 4, 3
ALL = np.array(list(product(range(SIZE), repeat=LENGTH)))
SMALL = PriorConfig(width=16, layers=2, heads=2, steps=30, batch=16)
BIASED = replace(SMALL, unigram_init=True)


def some(n: int, seed: int = 0) -> NDArray[np.int64]:
    """Sequences of which few are likely."""
    return ALL[np.random.default_rng(seed).zipf(1.3, n) % len(ALL)]


def fitted(
    config: PriorConfig = SMALL, seed: int = 0, listener: Listener | None = None, checkpoint: Path | None = None
) -> CodeLM:
    prior = CodeLM(config, SIZE, LENGTH)
    prior.fit(some(200), some(50, 1), seed, listener, checkpoint)
    return prior


@pytest.fixture(scope="module", params=[SMALL, BIASED], ids=["plain", "biased"])
def prior(request: pytest.FixtureRequest) -> CodeLM:
    return fitted(request.param)


def plainly_drawn(prior: CodeLM, n: int, temperature: float, generator: torch.Generator) -> NDArray[np.int64]:
    """A sampler without cache and without shared prefixes, that runs the whole model once per draw and code."""
    tokens = torch.full((n, 1), prior.start)
    for _ in range(prior.length):
        uniform = torch.rand(n, 1, generator=generator, dtype=torch.float64)
        drawn = []
        for row, u in zip(tokens, uniform, strict=True):
            with torch.no_grad():
                logits = prior.model(row[None]).logits[0, -1, : prior.codebook_size]
            shares = torch.softmax(logits.double() / temperature, -1)
            drawn.append(int((shares.cumsum(0) <= u).sum()))
        tokens = torch.cat([tokens, torch.tensor(drawn)[:, None]], 1)
    return tokens[:, 1:].numpy()


@pytest.mark.parametrize(("temperature", "chunk"), [(1.0, 8192), (0.3, 40), (2.0, 40)])
def test_sharing_prefixes_and_caches_changes_no_draw(
    prior: CodeLM, temperature: float, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archllm.prior.code_lm.CHUNK", chunk)
    shared = prior.sample(100, temperature, generator=torch.Generator().manual_seed(7))
    generator = torch.Generator().manual_seed(7)
    sizes = [min(chunk, 100 - at) for at in range(0, 100, chunk)]
    assert (shared == np.concatenate([plainly_drawn(prior, n, temperature, generator) for n in sizes])).all()


def test_likelihoods_do_not_depend_on_how_many_are_asked_for_at_once(
    prior: CodeLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = prior.log_prob(ALL)
    monkeypatch.setattr("archllm.prior.code_lm.CHUNK", 7)
    assert np.allclose(prior.log_prob(ALL), whole, atol=1e-5)


def test_an_untrained_model_with_dropout_gives_one_likelihood() -> None:
    prior = CodeLM(replace(SMALL, dropout=0.5), SIZE, LENGTH)
    assert np.array_equal(prior.log_prob(ALL), prior.log_prob(ALL))


def test_soft_targets_give_the_gradient_of_all_single_targets_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the whole training set both losses are the same function, so their first steps are the same."""
    gradients: dict[bool, dict[str, torch.Tensor]] = {}
    losses: dict[bool, float] = {}

    def first_step(loop: Loop) -> None:
        assert loop.choose is not None
        loss, metrics = loop.loss(0, loop.choose(torch.arange(loop.rows)))
        loss.backward()
        soft = len(gradients) == 0
        gradients[soft] = {name: p.grad.clone() for name, p in loop.module.named_parameters() if p.grad is not None}
        losses[soft] = metrics["loss"]

    monkeypatch.setattr(Loop, "run", first_step)
    for soft in (True, False):
        fitted(replace(SMALL, soft_targets=soft))
    assert losses[True] == pytest.approx(losses[False], rel=1e-5)
    assert gradients[True].keys() == gradients[False].keys() and len(gradients[True]) > 10
    for name, gradient in gradients[True].items():
        assert torch.allclose(gradient, gradients[False][name], atol=1e-6), name
        assert gradient.abs().sum() > 0, name


def test_no_model_is_better_on_the_training_set_than_its_own_shares() -> None:
    codes = some(200)
    targets = CodeTrie(codes, SIZE).targets(torch.arange(200))
    entropy = -torch.special.xlogy(targets, targets).sum((1, 2)).mean().item()
    prior = CodeLM(replace(SMALL, width=32, steps=200, learning_rate=1e-2, patience=12), SIZE, LENGTH)
    prior.fit(codes, codes, 0)
    assert entropy < -prior.log_prob(codes).mean() < entropy + 0.1


def test_weights_that_are_about_the_best_in_validation_are_kept() -> None:
    heard: list[float] = []
    errors: list[float] = []

    def listener(event: Event) -> None:
        if "validation_loss" in event.metrics:
            heard.append(event.metrics["validation_loss"])
            errors.append(event.metrics["validation_error"])

    config = replace(SMALL, width=32, learning_rate=3e-2, steps=60, patience=12)
    prior = CodeLM(config, SIZE, LENGTH)
    prior.fit(some(20), some(50, 1), 0, listener)
    assert len(heard) == 12 and heard[-1] > min(heard) + max(errors)  # learned by heart in the end
    kept = -prior.log_prob(some(50, 1)).mean()
    assert min(abs(kept - loss) for loss in heard) < 1e-5 and kept <= min(heard) + max(errors)


def test_training_stops_when_validation_has_not_improved_for_a_while() -> None:
    steps: list[int] = []
    config = replace(SMALL, width=32, learning_rate=3e-2, steps=600, patience=2)
    prior = CodeLM(config, SIZE, LENGTH)
    prior.fit(some(20), some(50, 1), 0, lambda event: steps.append(event.step))
    assert steps == list(range(1, len(steps) + 1)) and len(steps) < 600 and len(steps) % 50 == 0


def marginals(codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """`LENGTH x SIZE` shares, plainly counted."""
    return np.array([[(codes[:, position] == code).mean() for code in range(SIZE)] for position in range(LENGTH)])


def untrained(monkeypatch: pytest.MonkeyPatch, codes: NDArray[np.int64], conditions: tuple[str, ...] = ()) -> CodeLM:
    """A biased model before its first step."""
    monkeypatch.setattr(Loop, "run", lambda _: None)
    prior = CodeLM(BIASED, SIZE, LENGTH, conditions)
    prior.fit(codes, codes, 0)
    return prior


@pytest.mark.parametrize("conditions", [(), ("params", "macs")])
def test_a_biased_model_starts_from_the_marginals(monkeypatch: pytest.MonkeyPatch, conditions: tuple[str, ...]) -> None:
    codes = some(200)
    expected = marginals(codes)[np.arange(LENGTH), ALL].prod(1)
    shares = np.exp(untrained(monkeypatch, codes, conditions).log_prob(ALL))
    assert np.abs(shares - expected).max() < 1e-4 and shares.max() > 3 / len(ALL)


def test_what_was_never_seen_at_a_position_stays_possible_but_costs_hardly_a_draw(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codes = some(200) % np.array([SIZE, 2, 3])
    unseen = (ALL[:, 1] > 1) | (ALL[:, 2] > 2)
    log_probs = untrained(monkeypatch, codes).log_prob(ALL)
    assert np.isfinite(log_probs).all() and 0 < np.exp(log_probs[unseen]).sum() < 1e-4


def test_a_biased_model_learns_what_the_marginals_leave_out() -> None:
    codes = np.repeat(np.random.default_rng(0).integers(SIZE, size=(200, 1)), LENGTH, axis=1)  # one code, thrice
    prior = CodeLM(replace(BIASED, width=32, steps=200, learning_rate=1e-2), SIZE, LENGTH)
    prior.fit(codes, codes, 0)
    assert -prior.log_prob(codes).mean() < np.log(SIZE) + 0.05


def test_weight_decay_pulls_towards_the_marginals() -> None:
    codes = np.minimum(np.random.default_rng(0).geometric(0.7, size=(400, LENGTH)) - 1, SIZE - 1)
    entropy = -np.log(marginals(codes)[np.arange(LENGTH), codes]).sum(1).mean()
    uniform = LENGTH * np.log(SIZE)
    prior = CodeLM(replace(BIASED, steps=60, learning_rate=0.1, weight_decay=0.9), SIZE, LENGTH)
    prior.fit(codes, codes, 0)
    assert abs(-prior.log_prob(codes).mean() - entropy) < 0.05 * (uniform - entropy)


def test_only_codes_are_written_by_the_generation_of_the_library(tmp_path: Path) -> None:
    fitted(BIASED).save(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path, local_files_only=True).eval()
    torch.manual_seed(0)
    start = torch.full((500, 1), SIZE)
    drawn = model.generate(start, attention_mask=torch.ones_like(start), max_new_tokens=LENGTH, do_sample=True, top_k=0)
    codes = drawn[:, 1:].numpy()
    assert codes.shape == (500, LENGTH) and codes.max() < SIZE
    assert abs((codes[:, 0] == 0).mean() - np.exp(fitted(BIASED).log_prob(ALL))[ALL[:, 0] == 0].sum()) < 0.1


class Stop(Exception):
    """What interrupts a training in a test."""


@pytest.mark.parametrize("stop", [1, 3, 30])
@pytest.mark.parametrize("config", [replace(SMALL, dropout=0.5), BIASED], ids=["dropout", "biased"])
def test_an_interrupted_training_ends_as_an_uninterrupted_one(
    stop: int, config: PriorConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archllm.training.loop.CHECKPOINT_SECONDS", -1.0)
    heard: list[int] = []

    def stopping(event: Event) -> None:
        if event.step == stop:
            raise Stop

    with pytest.raises(Stop):
        fitted(config, 3, stopping, tmp_path / "point")
    resumed = fitted(config, 3, lambda event: heard.append(event.step), tmp_path / "point")
    assert heard == list(range(stop, 31))
    assert np.array_equal(resumed.log_prob(ALL), fitted(config, 3).log_prob(ALL))


def test_another_program_can_load_the_model(prior: CodeLM, tmp_path: Path) -> None:
    prior.save(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path, local_files_only=True).eval()
    assert model.config.bos_token_id == SIZE
    tokens = torch.from_numpy(np.insert(ALL, 0, SIZE, axis=1))
    with torch.no_grad():
        steps = torch.log_softmax(model(tokens).logits[:, :-1, :SIZE], -1)
    found = steps.gather(2, tokens[:, 1:, None]).sum((1, 2)).numpy()
    assert np.allclose(found, prior.log_prob(ALL), atol=1e-5)


@pytest.mark.parametrize("change", [{"width": 32}, {"layers": 3}, {"layers": 1}])
def test_weights_of_another_shape_are_refused(prior: CodeLM, tmp_path: Path, change: dict[str, int]) -> None:
    prior.save(tmp_path)
    path = tmp_path / "prior.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps(about | {"config": about["config"] | change}))
    with pytest.raises(RunFolderError, match=r"model\.safetensors does not hold the weights"):
        load_prior(tmp_path, SIZE, LENGTH)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("No space left on device")])
def test_a_full_disk_is_checked_bins(
    prior: CodeLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(LlamaForCausalLM, "save_pretrained", fail)
    with pytest.raises(RunFolderError, match=r"can't write .*No space left"):
        prior.save(tmp_path)
