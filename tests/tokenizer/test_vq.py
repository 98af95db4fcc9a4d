from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from archllm.data.split import split_cells
from archllm.generation.recommended import recommended
from archllm.spaces import SearchSpace
from archllm.tokenizer import TokenizerConfig
from archllm.tokenizer.hints import code_layout
from archllm.tokenizer.model import VQVAE, CodePredictor, Shape
from archllm.tokenizer.vq import VQTokenizer

NODES, LABELS = 7, 4
ALONE = tuple((node,) for node in range(NODES))  # one code per node
PAIRS = ((0, 1, -1), (2, 3, 4), (5, 6, -1))
SMALL = TokenizerConfig(width=16, layers=2, code_width=8, codebook_size=32)


def model(context: str, groups: tuple[tuple[int, ...], ...] = ALONE, **settings: float) -> VQVAE:
    """An autoencoder with random weights throughout, those that start at zero included."""
    torch.manual_seed(0)
    made = VQVAE(Shape(LABELS, NODES, groups), replace(SMALL, context=context, **settings))  # type: ignore[arg-type]
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    made.quantizer.start(torch.randn(100, SMALL.code_width))
    return made.eval()


def batch(n: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, LABELS + 1, (n, NODES), generator=generator)
    return labels, (torch.rand(n, NODES, NODES, generator=generator) < 0.5).float()


def changed(context: str, node: int) -> list[bool]:
    """Which latent vectors change when one node gets another label and other in-edges."""
    encoder = model(context).encoder
    labels, edges = batch()
    other_labels, other_edges = labels.clone(), edges.clone()
    other_labels[:, node] = (labels[:, node] + 1) % (LABELS + 1)
    other_edges[:, :, node] = 1 - edges[:, :, node]
    with torch.no_grad():
        difference = (encoder(labels, edges) - encoder(other_labels, other_edges)).abs().amax((0, 2))
    return (difference > 1e-5).tolist()


# --- what a code may depend on -------------------------------------------------------------------------------------


@pytest.mark.parametrize("node", range(NODES))
def test_without_context_a_code_depends_on_its_own_node_only(node: int) -> None:
    assert changed("none", node) == [each == node for each in range(NODES)]


@pytest.mark.parametrize("node", range(NODES))
def test_with_causal_context_a_code_does_not_depend_on_later_nodes(node: int) -> None:
    assert changed("causal", node) == [each >= node for each in range(NODES)]


@pytest.mark.parametrize("node", range(NODES))
def test_with_full_context_every_code_depends_on_every_node(node: int) -> None:
    assert all(changed("full", node))


@pytest.mark.parametrize(
    ("context", "reach"), [("none", [2, 3, 4]), ("causal", [2, 3, 4, 5, 6]), ("full", [*range(7)])]
)
def test_the_decoder_sees_of_the_codes_what_the_context_allows(context: str, reach: list[int]) -> None:
    decoder = model(context, PAIRS).decoder
    x = torch.randn(4, 3, SMALL.code_width)
    other = x.clone()
    other[:, 1] += 1
    with torch.no_grad():
        (labels, edges), (other_labels, other_edges) = decoder(x), decoder(other)
    assert labels.shape == (4, NODES, LABELS + 1) and edges.shape == (4, NODES, NODES)
    for difference in ((labels - other_labels).abs().amax((0, 2)), (edges - other_edges).abs().amax((0, 1))):
        assert torch.nonzero(difference > 1e-6).flatten().tolist() == reach


def test_any_label_and_any_edge_may_be_predicted() -> None:
    labels, edges = model("none").decoder(10 * torch.randn(500, NODES, SMALL.code_width))
    assert (edges > 0).any(0).all() and (edges < 0).any(0).all()  # loops and edges backwards too
    assert len(labels.argmax(-1).unique()) == LABELS + 1


# --- the loss ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quantize", [True, False])
def test_a_decoder_that_knows_nothing_pays_for_each_label_and_each_edge(quantize: bool) -> None:
    made = model("none")
    for layer in (made.decoder.label, made.decoder.sources):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    figures = made(*batch(), quantize=quantize)[1]
    assert figures["loss"] == pytest.approx(NODES * math.log(LABELS + 1) + NODES**2 * math.log(2), rel=1e-5)


@pytest.mark.parametrize("quantizer", ["ema", "fsq", "simvq"])
@pytest.mark.parametrize("context", ["none", "causal", "full"])
def test_the_loss_reaches_every_weight_of_encoder_and_decoder(quantizer: str, context: str) -> None:
    size = 64 if quantizer == "fsq" else 32
    made = model(context, PAIRS, quantizer=quantizer, codebook_size=size).train()  # type: ignore[arg-type]
    made(*batch())[0].backward()
    for name, parameter in made.named_parameters():
        if name.startswith("decoder") and name.endswith("edge_bias"):
            continue  # a decoder has no edges to look at
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_codes_that_nobody_can_foresee_surprise_by_the_logarithm_of_their_number() -> None:
    predictor = CodePredictor(SMALL, 32)
    torch.nn.init.zeros_(predictor.head.weight)
    torch.nn.init.zeros_(predictor.head.bias)
    latent, codebook = torch.randn(4, 6, 8), torch.randn(32, 8)
    assert predictor(latent, latent, codebook).item() == pytest.approx(math.log(32), rel=1e-5)


def test_the_weight_of_predictability_adds_a_loss_that_the_encoder_feels() -> None:
    plain, foreseen = model("none"), model("none", predictability=1.0)
    foreseen.load_state_dict(plain.state_dict(), strict=False)
    losses = [made(*batch())[0] for made in (plain.train(), foreseen.train())]
    assert losses[1] > losses[0]
    gradients = [
        torch.autograd.grad(value, made.encoder.project.weight)[0]
        for value, made in zip(losses, (plain, foreseen), strict=True)
    ]
    assert not torch.allclose(*gradients)


# --- training ------------------------------------------------------------------------------------------------------


def test_the_recommended_tokenizer_gives_every_cell_back_after_a_few_steps(nasbench201: SearchSpace) -> None:
    cells = split_cells(nasbench201, 0.9, 1, 0)
    tokenizer = VQTokenizer(nasbench201, replace(recommended(nasbench201).tokenizer, steps=150, batch=256))
    tokenizer.fit(cells.train, 0)
    assert tokenizer.length == code_layout(nasbench201).length
    assert tokenizer.reconstruction(cells.held_out) == tokenizer.reconstruction(cells.train) == 1.0


@pytest.fixture(scope="module", params=["ema", "fsq", "simvq"])
def tokenizer(request: pytest.FixtureRequest, nasbench201: SearchSpace) -> VQTokenizer:
    config = TokenizerConfig(quantizer=request.param, codebook_size=128, width=16, layers=1, steps=20, batch=64)
    made = VQTokenizer(nasbench201, config)
    made.fit(nasbench201.enumerate()[:2000], 0)
    return made


def test_the_codes_are_those_that_occur_in_training(tokenizer: VQTokenizer, nasbench201: SearchSpace) -> None:
    codes = tokenizer.encode(nasbench201.enumerate()[:2000])
    assert np.unique(codes).tolist() == list(range(tokenizer.codebook_size))
    assert tokenizer.codebook().shape == (tokenizer.codebook_size, tokenizer.config.code_width)


def test_an_index_that_does_not_occur_becomes_the_nearest_code(tokenizer: VQTokenizer) -> None:
    assert tokenizer.model is not None
    vectors = tokenizer.codebook_of(np.arange(tokenizer.model.quantizer.size))
    codebook = tokenizer.codebook()
    for index, code in enumerate(tokenizer.code_of):
        distances = np.linalg.norm(codebook - vectors[index], axis=1)
        assert distances[code] == pytest.approx(distances.min(), abs=1e-3)
        if index in tokenizer.used:
            assert tokenizer.used[code] == index


def test_features_are_the_vectors_before_quantization(tokenizer: VQTokenizer, nasbench201: SearchSpace) -> None:
    cells = nasbench201.enumerate()[:50]
    features = tokenizer.embed(cells).reshape(50, tokenizer.length, tokenizer.config.code_width)
    assert tokenizer.model is not None
    indices = tokenizer.model.quantizer(torch.from_numpy(features))[1].numpy()
    assert (tokenizer.code_of[indices] == tokenizer.encode(cells)).all()


def test_a_codebook_starts_with_a_code_for_each_node_however_rare(
    nasbench201: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archllm.tokenizer.vq.START_SAMPLE", 10)
    cells = nasbench201.enumerate()
    rare = cells.ops[:, 6] == cells.ops[0, 6]  # the only edge from its node
    some = np.append(np.flatnonzero(~rare)[:3000], np.flatnonzero(rare)[:1])
    config = TokenizerConfig(code_length=6, codebook_size=64, steps=1, learning_rate=1e-9, width=16, layers=1)
    made = VQTokenizer(nasbench201, config)
    made.fit(cells[some], 0)
    codes = made.encode(cells[some])
    assert len(np.unique(codes, axis=0)) == 3001
    assert np.allclose(made.codebook()[codes].reshape(3001, -1), made.embed(cells[some]), atol=1e-3)


def test_parameters_are_counted_without_the_moving_averages_of_the_codebook(nasbench201: SearchSpace) -> None:
    counts = []
    for size in (32, 64):
        made = VQTokenizer(nasbench201, TokenizerConfig(codebook_size=size, width=16, layers=1, steps=1))
        made.fit(nasbench201.enumerate()[:100], 0)
        counts.append(made.parameters())
    assert counts[0] == counts[1] > 0
