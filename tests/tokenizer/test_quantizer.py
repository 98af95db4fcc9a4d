from __future__ import annotations

import pytest
import torch

from archllm.errors import InvalidInput
from archllm.tokenizer import TokenizerConfig
from archllm.tokenizer.quantizer import Quantizer

KINDS = ("ema", "fsq", "simvq")
WIDTH = 8


def latents(n: int, length: int = 6, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, length, WIDTH, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=KINDS)
def quantizer(request: pytest.FixtureRequest) -> Quantizer:
    return ready(request.param)


def ready(kind: str, size: int = 64) -> Quantizer:
    torch.manual_seed(0)
    quantizer = Quantizer(TokenizerConfig(quantizer=kind, codebook_size=size, code_width=WIDTH))  # type: ignore[arg-type]
    quantizer.start(latents(200).flatten(0, 1))
    return quantizer.eval()


def test_a_quantized_vector_is_the_vector_of_its_index(quantizer: Quantizer) -> None:
    x = latents(50, seed=1)
    quantized, indices, loss = quantizer(x)
    assert quantized.shape == x.shape and indices.shape == x.shape[:2] and loss.shape == ()
    assert torch.allclose(quantizer.vectors(indices), quantized, atol=1e-5)
    assert 0 <= indices.min() <= indices.max() < quantizer.size
    assert len(indices.unique()) > 10


def test_the_codebook_lists_different_vectors_in_the_order_of_their_indices(quantizer: Quantizer) -> None:
    codebook = quantizer.codebook()
    assert codebook.shape == (64, WIDTH)
    assert len(torch.unique(codebook, dim=0)) == 64
    for index in (0, 17, 63):
        assert torch.allclose(quantizer.vectors(torch.tensor([[index]]))[0, 0], codebook[index], atol=1e-6)


@pytest.mark.parametrize("kind", ["ema", "simvq"])
def test_the_index_is_that_of_the_nearest_vector(kind: str) -> None:
    quantizer, x = ready(kind), latents(20, seed=2)
    distance = (x[:, :, None] - quantizer.codebook()).square().sum(-1)
    assert torch.equal(quantizer(x)[1], distance.argmin(-1))


@pytest.mark.parametrize("kind", ["ema", "simvq"])
def test_gradients_pass_straight_through(kind: str) -> None:
    quantizer = ready(kind).train()
    x = latents(5, seed=3).requires_grad_()
    weight = latents(5, seed=4)
    (quantizer(x)[0] * weight).sum().backward()
    assert x.grad is not None and torch.allclose(x.grad, weight, atol=1e-5)


def test_every_quantizer_lets_the_encoder_learn(quantizer: Quantizer) -> None:
    x = latents(5, seed=3).requires_grad_()
    quantized, _, loss = quantizer.train()(x)
    (quantized.square().sum() + loss).backward()
    assert x.grad is not None and torch.isfinite(x.grad).all()
    assert (x.grad.abs().sum((1, 2)) > 0).all()


def test_each_of_few_different_vectors_gets_a_code_of_its_own() -> None:
    quantizer = Quantizer(TokenizerConfig(codebook_size=32, code_width=WIDTH))
    different = latents(1, 20)[0]
    quantizer.start(different.repeat(7, 1))
    quantized, indices, _ = quantizer.eval()(different[None])
    assert len(indices.unique()) == 20
    assert torch.allclose(quantized[0], different, atol=1e-4)


def test_vectors_more_than_codes_are_gathered_around_centres() -> None:
    centres = 10 * latents(1, 8)[0]
    noise = 0.1 * latents(100, 8, seed=1)
    points = (centres + noise).flatten(0, 1)
    torch.manual_seed(0)
    quantizer = Quantizer(TokenizerConfig(codebook_size=16, code_width=WIDTH))
    quantizer.start(points)
    quantized = quantizer.eval()(points[None])[0][0]
    assert (quantized - points).square().mean() < 0.05 * points.var()


def test_only_the_ema_codebook_needs_a_start() -> None:
    for kind in ("fsq", "simvq"):
        quantizer = ready(kind)
        before = quantizer.codebook()
        quantizer.start(latents(10, seed=9).flatten(0, 1))
        assert torch.equal(quantizer.codebook(), before)


@pytest.mark.parametrize("size", [64, 128, 256, 512, 1024, 2048, 4096])
def test_finite_scalars_are_close_to_the_size_asked_for(size: int) -> None:
    found = Quantizer(TokenizerConfig(quantizer="fsq", codebook_size=size, code_width=WIDTH)).size
    assert 0.9 * size < found < 1.1 * size


@pytest.mark.parametrize("size", [1, 63, 100, 8192])
def test_finite_scalars_of_another_size_are_refused_with_the_sizes_there_are(size: int) -> None:
    with pytest.raises(InvalidInput, match=rf"tokenizer\.codebook_size.*64, 128.*got {size}"):
        Quantizer(TokenizerConfig(quantizer="fsq", codebook_size=size))
