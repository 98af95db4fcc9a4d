"""Every prior keeps the contract; and descriptions and weights of another prior are refused."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.prior.text.tiny import tiny_model

from archllm.errors import InvalidInput, RunFolderError
from archllm.prior import Prior, PriorConfig, build_prior, load_prior
from archllm.testing import ConditionalPriorContract, PriorContract
from archllm.testing.prior import BINS, LENGTH, SIZE, trained_by, uneven
from archllm.training.loop import Schedule


@cache
def text(family: str, written: str, tuning: str) -> PriorConfig:
    config = PriorConfig(kind="text", base=tiny_model(family), batch=16, learning_rate=2e-2, rank=4, bins=BINS)
    return replace(config, format=written, tuning=tuning)


class TestMarginal(PriorContract):
    learned = False
    files = ("prior.json", "marginal.safetensors")

    def build(self, size: int, length: int, conditions: Sequence[str] = (), brief: bool = False) -> Prior:
        return build_prior(PriorConfig(kind="marginal"), size, length, conditions)

    def test_conditions_and_fine_tuning_are_refused(self, trained: Prior) -> None:
        with pytest.raises(InvalidInput, match="marginals"):
            self.build(SIZE, LENGTH, ["params"])
        with pytest.raises(InvalidInput, match="marginals"):
            trained.with_conditions(("first",), BINS)
        with pytest.raises(InvalidInput, match="go on learning"):
            trained.learn(uneven(20), np.zeros((20, 0), dtype=np.int64), Schedule(1, 4, 1e-3, 0.0), 0)


class Language(ConditionalPriorContract):
    def config(self) -> PriorConfig:
        raise NotImplementedError

    def build(self, size: int, length: int, conditions: Sequence[str] = (), brief: bool = False) -> Prior:
        steps = 5 if brief else 150 if conditions else 40
        return build_prior(replace(self.config(), steps=steps), size, length, conditions, "space")


class TestCodes(Language):
    def config(self) -> PriorConfig:
        return PriorConfig(kind="code", width=16, layers=1, heads=2, batch=16, bins=BINS)


class TestCodesFromTheMarginals(TestCodes):
    def config(self) -> PriorConfig:
        return replace(super().config(), unigram_init=True)


class TestLlamaNumbersLoRA(Language):
    drift = 0.0  # a prompt stays as it is; a small transformer has one more, unknown token before the codes
    files = ("prior.json", "adapter.safetensors")

    def config(self) -> PriorConfig:
        return text("llama", "numbers", "lora")


class TestGPT2TokensLoRA(TestLlamaNumbersLoRA):
    def config(self) -> PriorConfig:
        return text("gpt2", "tokens", "lora")


class TestT5NumbersFull(Language):
    drift = 0.0

    def config(self) -> PriorConfig:
        return text("t5", "numbers", "full")


class TestGPT2NumbersFull(TestT5NumbersFull):
    def config(self) -> PriorConfig:
        return text("gpt2", "numbers", "full")


# --- files of another prior ----------------------------------------------------------------------------------------

KINDS: dict[str, type[PriorContract]] = {
    "code": TestCodes,
    "marginal": TestMarginal,
    "llama": TestLlamaNumbersLoRA,
    "t5": TestT5NumbersFull,
}


@pytest.fixture(params=KINDS)
def prior(request: pytest.FixtureRequest) -> Prior:
    return trained_by(KINDS[request.param])


def weights(prior: Prior) -> str:
    """The file of what was learned."""
    if prior.config.kind == "text":
        return "adapter.safetensors" if prior.config.tuning == "lora" else "model.safetensors"
    return {"code": "model.safetensors", "marginal": "marginal.safetensors"}[prior.config.kind]


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
