"""Every tokenizer keeps the contract; and descriptions and weights of another tokenizer are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from archllm.errors import RunFolderError
from archllm.spaces import SearchSpace, load_space
from archllm.testing import LearnedTokenizerContract, TokenizerContract
from archllm.testing.tokenizer import random_codes
from archllm.tokenizer import Tokenizer, TokenizerConfig, build_tokenizer, load_tokenizer

SPACE = load_space("nasbench201")

EMA = TokenizerConfig(
    code_length=6, codebook_size=64, width=16, layers=1, batch=32, steps=150, learning_rate=1e-2, warm_up=0.3
)


class TestPlain(TokenizerContract):
    config: ClassVar[TokenizerConfig] = TokenizerConfig(kind="plain")
    faithful = 1.0

    def build(self, space: SearchSpace, brief: bool = False) -> Tokenizer:
        return build_tokenizer(space, self.config)


class TestMerges(TestPlain):
    config = TokenizerConfig(kind="merges", merges=24)


class Learned(LearnedTokenizerContract):
    config: ClassVar[TokenizerConfig]

    def build(self, space: SearchSpace, brief: bool = False) -> Tokenizer:
        return build_tokenizer(space, replace(self.config, steps=20) if brief else self.config)

    def test_an_untrained_decoder_draws_edges_that_no_member_has(self) -> None:
        tokenizer = build_tokenizer(SPACE, replace(self.config, steps=1))
        tokenizer.fit(self.few, 0)
        assert tokenizer.reconstruction(self.cells.held_out) < 0.01
        graphs = tokenizer.decode(random_codes(tokenizer, 500))
        assert np.tril(graphs.adjacency).any() and not SPACE.validate(graphs).all()


class TestEMA(Learned):
    config = EMA
    faithful = 1.0

    @pytest.mark.parametrize("stop", [1, 6, 7, 20])  # the codebook is put in after 6 of the 20 steps
    def test_a_training_resumes_at_any_step(self, stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.check_resuming(stop, tmp_path, monkeypatch)

    @pytest.mark.parametrize("warm_up", [0.0, 0.5, 1.0])
    def test_a_codebook_put_in_at_any_time_comes_from_the_seed(self, warm_up: float) -> None:
        codes = []
        for number in (1, 2):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(number)
                tokenizer = build_tokenizer(SPACE, replace(EMA, codebook_size=8, steps=6, warm_up=warm_up))
                tokenizer.fit(self.few, 0)
            codes.append(tokenizer.encode(self.few))
        assert (codes[0] == codes[1]).all()


class TestFSQ(Learned):
    config = replace(EMA, quantizer="fsq", steps=300)


class TestSimVQ(Learned):
    config = replace(EMA, quantizer="simvq", code_width=4, steps=300)


class TestCausal(Learned):
    config = replace(EMA, context="causal", steps=300)


class TestFull(Learned):
    config = replace(EMA, context="full")
    faithful = 0.9


# --- files of another tokenizer ------------------------------------------------------------------------------------


@cache
def trained(name: str) -> Tokenizer:
    """A tokenizer that has learned next to nothing."""
    tokenizer = build_tokenizer(SPACE, {"plain": TestPlain.config, "ema": replace(EMA, steps=1)}[name])
    tokenizer.fit(SPACE.sample(300, np.random.default_rng(0)), 0)
    return tokenizer


@pytest.mark.parametrize(
    "change",
    [
        {"groups": None},
        {"groups": []},
        {"groups": {"a": 1}},
        {"groups": list(range(8))},
        {"groups": [[0, 1, 2], [3, 4, 5], [6, 6, 7]]},
        {"groups": [[0, 1, 2], [3], [4], [5], [6], [8]]},
        {"groups": [[0, 1], [2, 3], [4, 5], [6, 7]]},
        {"config": {"width": 1.5}},
        {"config": {"width": 32}},
        {"config": {"width": "wide"}},
        {"config": {"layers": 2}},
        {"config": {"codebook_size": 32}},
        {"config": {"quantizer": "fsq"}},
        {"config": {"context": "full"}},
        {"config": {"kind": "plain"}},
        {"config": {"nonsense": 1}},
        {"config": 3},
    ],
    ids=str,
)
def test_a_description_of_another_tokenizer_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    trained("ema").save(tmp_path)
    path = tmp_path / "tokenizer.json"
    about = json.loads(path.read_text())
    if isinstance(change.get("config"), dict):
        change = {"config": about["config"] | change["config"]}
    path.write_text(json.dumps(about | change))
    with pytest.raises(RunFolderError, match=r"tokenizer\.json"):
        load_tokenizer(tmp_path, SPACE)


CHANGES = {
    "learned": {
        "used": [None, *map(torch.tensor, (64, [64], [-1], [0.5], [[1]], [2, 1], [1, 1], []))],
        "encoder.project.weight": [None, torch.zeros(3)],
        "other": [torch.zeros(1)],
    },
    "plain": {
        "words": [None, torch.zeros(3), torch.zeros(2, 2, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)],
        "varying": [None, torch.zeros(8), torch.zeros(3, dtype=torch.bool), torch.zeros(8, dtype=torch.bool)],
        "fixed": [None, torch.zeros(8), torch.zeros(3, dtype=torch.int64)],
    },
}


@pytest.mark.parametrize(
    ("name", "tensor", "value"),
    [
        pytest.param("plain" if kind == "plain" else "ema", tensor, value, id=f"{kind}-{tensor}-{at}")
        for kind, tensors in CHANGES.items()
        for tensor, values in tensors.items()
        for at, value in enumerate(values)
    ],
)
def test_weights_of_another_tokenizer_are_refused(
    name: str, tensor: str, value: torch.Tensor | None, tmp_path: Path
) -> None:
    trained(name).save(tmp_path)
    path = tmp_path / "tokenizer.safetensors"
    tensors = load_file(path) | ({} if value is None else {tensor: value})
    if value is None:
        del tensors[tensor]
    save_file(tensors, path)
    with pytest.raises(RunFolderError, match=r"tokenizer\.safetensors"):
        load_tokenizer(tmp_path, SPACE)
