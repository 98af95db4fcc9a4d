"""Zero-cost proxies: their formulas on networks that can be worked out by hand, and what goes with accuracy."""

from __future__ import annotations

import csv
import gzip
import math
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archllm.errors import EvaluationFailed, InvalidInput
from archllm.objectives import load_objective
from archllm.objectives.proxies import PROXIES, ProxyConfig, ProxyObjective
from archllm.objectives.proxies.activations import code_kernel
from archllm.spaces import SearchSpace, load_space

ALL_NONE = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
CHAIN = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|nor_conv_1x1~2|"
TINY = ProxyConfig(batch=6, network={"channels": 4, "image_size": 8})


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def score(name: str, network: nn.Module, images: Tensor, labels: Tensor | None = None, seed: int = 0) -> float:
    if labels is None:
        labels = torch.zeros(len(images), dtype=torch.int64)
    return PROXIES[name](network, images, labels, drawn(seed))


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=drawn(1))


def seeded(network: nn.Module) -> nn.Module:
    """Gives a network weights that don't depend on torch's global state."""
    generator = drawn(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.5, generator=generator)
    return network


def small_convnet() -> nn.Module:
    return seeded(
        nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 4, 1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 3),
        )
    )


# NASWOT


def test_the_kernel_counts_relu_outputs_on_which_two_images_agree() -> None:
    first, second = seeded(nn.Linear(5, 7)), seeded(nn.Linear(7, 6))
    images = noise(4, 5)
    hidden = first(images)
    codes = torch.cat([hidden > 0, second(hidden.clamp(min=0)) > 0], dim=1).tolist()
    by_hand = [[sum(a == b for a, b in zip(one, other, strict=True)) for other in codes] for one in codes]
    kernel = code_kernel(nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Linear(6, 2)), images)
    assert kernel.tolist() == by_hand
    assert [kernel[i, i] for i in range(4)] == [13] * 4


def test_naswot_is_the_logarithm_of_the_determinant() -> None:
    network = seeded(nn.Sequential(nn.Linear(5, 40), nn.ReLU(), nn.Linear(40, 2)))
    images = noise(4, 5)
    kernel = code_kernel(network, images)
    determinant = 0.0
    for order in permutations(range(4)):  # Leibniz' formula
        swaps = sum(order[i] > order[j] for i in range(4) for j in range(i + 1, 4))
        determinant += (-1) ** swaps * math.prod(kernel[i, order[i]] for i in range(4))
    assert score("naswot", network, images) == pytest.approx(math.log(determinant), rel=1e-9)


def test_naswot_has_no_score_where_two_images_are_alike() -> None:
    images = noise(4, 3, 8, 8)
    images[3] = images[0]
    with pytest.raises(EvaluationFailed, match="singular"):
        score("naswot", small_convnet(), images)


# SynFlow


def chain(depth: int, width: int) -> list[nn.Linear]:
    layers = [nn.Linear(width, width, bias=False) for _ in range(depth)]
    seeded(nn.ModuleList(layers))
    return layers


def test_synflow_of_a_linear_chain_is_the_product_of_absolute_weights_once_a_layer() -> None:
    layers = chain(3, 5)
    product = np.ones(5)
    for layer in layers:
        product = np.abs(layer.weight.detach().double().numpy()) @ product
    assert score("synflow", nn.Sequential(*layers), noise(2, 5)) == pytest.approx(math.log(3 * product.sum()))


def test_synflow_looks_at_neither_batch_norm_nor_relus_nor_images() -> None:
    layers = chain(2, 5)
    norm = nn.BatchNorm1d(5)
    norm.running_var = torch.full((5,), 7.0)
    with_more = nn.Sequential(layers[0], norm, nn.ReLU(), layers[1])
    plain = score("synflow", nn.Sequential(*layers), noise(2, 5))
    assert score("synflow", with_more, noise(3, 5)) == pytest.approx(plain, rel=1e-12)


def test_synflow_of_a_deep_network_stays_in_range() -> None:
    layers = chain(200, 32)
    flow, scale = np.ones(32), 0.0
    for layer in layers:
        flow = np.abs(layer.weight.detach().double().numpy()) @ flow
        scale += math.log(flow.sum())
        flow /= flow.sum()
    assert scale > 400  # beyond single precision, whose largest number is e^88
    assert score("synflow", nn.Sequential(*layers), noise(2, 32)) == pytest.approx(math.log(200) + scale)


# gradients of the loss


def softmax_gradient(layer: nn.Linear, images: Tensor, labels: Tensor) -> np.ndarray:
    """The textbook gradient of the cross-entropy of softmax regression."""
    x = images.double().numpy()
    scores = x @ layer.weight.detach().double().numpy().T + layer.bias.detach().double().numpy()
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return (probabilities - np.eye(3)[labels.numpy()]).T @ x / len(x)


def test_grad_norm_of_softmax_regression_is_that_of_its_closed_form() -> None:
    layer, images, labels = seeded(nn.Linear(5, 3)), noise(6, 5), torch.tensor([0, 1, 2, 2, 1, 0])
    assert isinstance(layer, nn.Linear)
    expected = float(np.sqrt((softmax_gradient(layer, images, labels) ** 2).sum()))
    assert score("grad_norm", nn.Sequential(layer), images, labels) == pytest.approx(expected, rel=1e-5)


def test_snip_of_softmax_regression_is_that_of_its_closed_form() -> None:
    layer, images, labels = seeded(nn.Linear(5, 3)), noise(6, 5), torch.tensor([0, 1, 2, 2, 1, 0])
    assert isinstance(layer, nn.Linear)
    products = layer.weight.detach().numpy() * softmax_gradient(layer, images, labels)
    assert score("snip", nn.Sequential(layer), images, labels) == pytest.approx(float(np.abs(products).sum()), rel=1e-5)


def test_both_gradient_proxies_add_up_convolutions_and_linear_layers_and_nothing_else() -> None:
    network, images, labels = small_convnet(), noise(6, 3, 8, 8), torch.tensor([0, 1, 2, 2, 1, 0])
    nn.functional.cross_entropy(network(images), labels).backward()
    own = [dict(network.named_parameters())[name] for name in ("0.weight", "3.weight", "7.weight")]
    norms = [(parameter.grad**2).sum().item() ** 0.5 for parameter in own if parameter.grad is not None]
    products = [(parameter * parameter.grad).abs().sum().item() for parameter in own if parameter.grad is not None]
    assert len(norms) == 3
    assert score("grad_norm", network, images, labels) == pytest.approx(sum(norms), rel=1e-5)
    assert score("snip", network, images, labels) == pytest.approx(sum(products), rel=1e-5)


# covariance of Jacobians


def jacobian_score_by_hand(network: nn.Module, images: Tensor) -> float:
    """One image at a time, correlations pair by pair."""
    rows = []
    for image in images:
        alone = image[None].clone().requires_grad_(True)
        network(alone).sum().backward()
        assert alone.grad is not None
        rows.append(alone.grad.flatten().double().numpy())
    n = len(rows)
    correlations = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            a, b = rows[i] - rows[i].mean(), rows[j] - rows[j].mean()
            correlations[i, j] = (a * b).sum() / math.sqrt((a * a).sum() * (b * b).sum())
    values = np.linalg.eigvals(correlations).real
    return -sum(math.log(value + 1e-5) + 1 / (value + 1e-5) for value in values)


def test_jacob_cov_is_that_of_one_image_at_a_time() -> None:
    network = seeded(nn.Sequential(nn.Linear(8, 30), nn.ReLU(), nn.Linear(30, 30), nn.ReLU(), nn.Linear(30, 3)))
    images = noise(5, 8)
    assert score("jacob_cov", network, images) == pytest.approx(jacobian_score_by_hand(network, images), rel=1e-4)


def test_jacob_cov_takes_batch_norm_for_an_affine_map_even_if_it_comes_last() -> None:
    before = seeded(nn.Sequential(nn.Linear(8, 30), nn.ReLU(), nn.Linear(30, 30)))
    after = seeded(nn.Linear(30, 3))
    images = noise(5, 8)
    with torch.no_grad():
        spread = torch.tensor([float(torch.var(column)) for column in before(images).T])
        mean = before(images).mean(0)

    class Affine(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x - mean) / torch.sqrt(spread + 1e-5)

    by_hand = jacobian_score_by_hand(nn.Sequential(before, Affine(), after), images)
    network = nn.Sequential(before, nn.BatchNorm1d(30), after)
    assert score("jacob_cov", network, images) == pytest.approx(by_hand, rel=1e-4)


def test_jacob_cov_has_no_score_where_outputs_depend_on_the_mean_pixel_only() -> None:
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), seeded(nn.Linear(1, 2)))
    with pytest.raises(EvaluationFailed, match="don't depend on the image, or on all of its pixels alike"):
        score("jacob_cov", network, noise(4, 1, 6, 6))


# Zen-Score


def conv_chain(depth: int, width: int, norm: bool = True, relu: bool = True) -> nn.Module:
    layers: list[nn.Module] = []
    for layer in range(depth):
        layers.append(nn.Conv2d(width if layer else 3, width, 3, padding=1, bias=False))
        layers += [nn.BatchNorm2d(width, eps=1e-12)] * norm + [nn.ReLU()] * relu
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 2))


def test_networks_of_grammars_have_a_zen_score() -> None:
    space = load_space("conv-grammar")
    proxy = ProxyObjective(space, "zen", ProxyConfig(batch=2))
    assert proxy.evaluate(space.parse("sequence(conv3x3, down, residual(conv3x3), down, conv1x1)")).failure is None


def test_zen_grows_with_depth_and_with_width() -> None:
    images = noise(8, 3, 8, 8)
    depths = [score("zen", conv_chain(depth, 8), images) for depth in (1, 2, 4, 8)]
    widths = [score("zen", conv_chain(3, width), images) for width in (2, 4, 8, 16)]
    assert depths == sorted(depths) and widths == sorted(widths)


def test_zen_gives_back_what_batch_norm_takes() -> None:
    images = noise(8, 3, 8, 8)
    without = score("zen", conv_chain(4, 1, norm=False, relu=False), images)
    assert score("zen", conv_chain(4, 1, relu=False), images) == pytest.approx(without, rel=1e-4)


def test_zen_does_not_look_at_the_weights_that_the_network_has() -> None:
    network, images = small_convnet(), noise(8, 3, 8, 8)
    before = score("zen", network, images)
    nn.init.zeros_(next(network.parameters()))
    assert score("zen", network, images) == before


def test_zen_needs_a_network_that_pools() -> None:
    with pytest.raises(EvaluationFailed, match="no global average pooling"):
        score("zen", nn.Sequential(nn.Flatten(), nn.Linear(3, 2)), noise(4, 3, 1, 1))


# all of them


@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy_leaves_the_network_and_torch_as_they_were(name: str) -> None:
    network = small_convnet().eval()
    network.requires_grad_(False)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    state = torch.random.get_rng_state()
    score(name, network, noise(6, 3, 8, 8))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert not any(module.training or module._forward_hooks for module in network.modules())
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("name", ["params", "macs", *PROXIES])
@pytest.mark.parametrize("space_name", ["nasbench101", "nasbench201", "darts"])
def test_every_space_gets_scores_of_every_proxy(name: str, space_name: str, request: pytest.FixtureRequest) -> None:
    space: SearchSpace = request.getfixturevalue(space_name)
    cells = space.architectures(space.sample(3, np.random.default_rng(6)))
    found = [ProxyObjective(space, name, TINY).evaluate(cell) for cell in cells]
    assert [each.failure for each in found] == [None] * 3
    assert len({each.value for each in found}) == 3
    assert all(each.value is not None and each.cost >= 0 for each in found)


@pytest.mark.parametrize("name", PROXIES)
def test_one_seed_gives_one_score_and_another_seed_another(name: str, nasbench201: SearchSpace) -> None:
    cell = nasbench201.parse(CHAIN)
    torch.manual_seed(123)
    state = torch.random.get_rng_state()
    first = ProxyObjective(nasbench201, name, TINY, seed=3)
    assert first.evaluate(cell).value == first.evaluate(cell).value
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(456)
    assert ProxyObjective(nasbench201, name, TINY, seed=3).evaluate(cell).value == first.evaluate(cell).value
    assert ProxyObjective(nasbench201, name, TINY, seed=4).evaluate(cell).value != first.evaluate(cell).value


def test_networks_that_draw_while_they_compute_have_one_score_as_well(darts: SearchSpace) -> None:
    config = ProxyConfig(batch=4, network={"image_size": 8, "drop_path": 0.5})
    cell = darts.architectures(darts.sample(1, np.random.default_rng(0)))[0]
    objective = ProxyObjective(darts, "grad_norm", config)
    assert objective.evaluate(cell).value == objective.evaluate(cell).value


def test_an_auxiliary_classifier_does_not_change_what_the_loss_is_taken_of(darts: SearchSpace) -> None:
    config = ProxyConfig(batch=2, network={"image_size": 32, "auxiliary": True})
    cell = darts.architectures(darts.sample(1, np.random.default_rng(0)))[0]
    assert ProxyObjective(darts, "snip", config).evaluate(cell).failure is None


def test_a_score_is_the_mean_over_draws_of_weights(nasbench201: SearchSpace) -> None:
    cell = nasbench201.parse(CHAIN)
    three = ProxyObjective(nasbench201, "synflow", ProxyConfig(batch=4, repeats=3, network={"channels": 4}))
    networks = [three.network(cell, repeat) for repeat in range(3)]
    scores = [score("synflow", network, *three.images) for network in networks]
    assert len(set(scores)) == 3
    assert three.evaluate(cell).value == pytest.approx(sum(scores) / 3)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("naswot", "no naswot: the kernel of activation codes is singular"),
        ("synflow", "no synflow: no path leads from the image to the outputs"),
        ("jacob_cov", "no jacob_cov: the outputs don't depend on the image"),
        ("zen", "no zen: the features before global pooling don't depend on the image"),
    ],
)
def test_a_cell_without_a_path_has_no_score_and_the_reason_says_so(
    name: str, reason: str, nasbench201: SearchSpace
) -> None:
    found = ProxyObjective(nasbench201, name, TINY).evaluate(nasbench201.parse(ALL_NONE))
    assert found.value is None and found.failure is not None
    assert found.failure.startswith(reason)


@pytest.mark.parametrize("name", ["grad_norm", "snip"])
def test_the_loss_of_a_cell_without_a_path_hangs_on_no_weight(name: str, nasbench201: SearchSpace) -> None:
    assert ProxyObjective(nasbench201, name, TINY).evaluate(nasbench201.parse(ALL_NONE)).value == 0


def test_kaiming_weights_have_he_s_spread(nasbench201: SearchSpace) -> None:
    config = ProxyConfig(init="kaiming", network={"channels": 32})
    network = ProxyObjective(nasbench201, "synflow", config).network(nasbench201.parse(CHAIN))
    wide = [module for module in network.modules() if isinstance(module, nn.Conv2d) and module.weight.numel() > 9_000]
    assert wide
    for module in wide:
        assert module.weight.var().item() * module.weight[0].numel() == pytest.approx(2, rel=0.1)


# size as a proxy


@pytest.mark.parametrize("name", ["params", "macs"])
def test_as_a_proxy_larger_is_better_and_as_an_objective_smaller(name: str, nasbench201: SearchSpace) -> None:
    proxy, objective = load_objective(f"proxy:{name}", nasbench201), load_objective(name, nasbench201)
    assert (proxy.direction, objective.direction) == ("maximise", "minimise")


def test_counts_are_those_of_the_network_that_is_scored(nasbench201: SearchSpace) -> None:
    cell = nasbench201.parse(CHAIN)
    paper = ProxyConfig(network={"channels": 16, "cells": 5})
    assert ProxyObjective(nasbench201, "params", paper).evaluate(cell).value == cell.params
    assert ProxyObjective(nasbench201, "macs", paper).evaluate(cell).value == cell.macs
    small = ProxyObjective(nasbench201, "params")
    assert small.evaluate(cell).value == sum(parameter.numel() for parameter in small.network(cell).parameters())


# images


def test_noise_is_standard_normal_and_the_same_for_all_cells_of_one_seed(nasbench201: SearchSpace) -> None:
    images, labels = ProxyObjective(nasbench201, "naswot", seed=1).images
    assert images.shape == (64, 3, 32, 32) and labels.shape == (64,)
    assert abs(images.mean().item()) < 0.01 and images.std().item() == pytest.approx(1, abs=0.01)
    assert set(labels.tolist()) <= set(range(10))
    assert torch.equal(images, ProxyObjective(nasbench201, "zen", seed=1).images[0])
    assert not torch.equal(images, ProxyObjective(nasbench201, "zen", seed=2).images[0])


def test_digits_are_enlarged_and_alike_in_all_channels(nasbench201: SearchSpace) -> None:
    pytest.importorskip("sklearn")
    images, labels = ProxyObjective(nasbench201, "snip", ProxyConfig(data="digits")).images
    assert images.shape == (64, 3, 32, 32)
    assert torch.equal(images[:, 0], images[:, 2])
    assert abs(images.mean().item()) < 0.1
    assert len(set(labels.tolist())) == 10


@pytest.mark.parametrize(("batch", "classes"), [(1_798, 10), (64, 9)])
def test_digits_are_refused_where_there_are_too_few(batch: int, classes: int, nasbench201: SearchSpace) -> None:
    pytest.importorskip("sklearn")
    config = ProxyConfig(data="digits", batch=batch, network={"num_classes": classes})
    with pytest.raises(InvalidInput, match="1,797 images of 10 classes"):
        ProxyObjective(nasbench201, "snip", config)


# what users get wrong


@pytest.mark.parametrize(("name", "near"), [("nas-wot", "naswot"), ("sinflow", "synflow"), ("param", "params")])
def test_an_unknown_proxy_is_refused_with_the_list_and_a_near_one(
    name: str, near: str, nasbench201: SearchSpace
) -> None:
    with pytest.raises(InvalidInput, match=f"did you mean '{near}'.*Known: params, macs, naswot, synflow, "):
        load_objective(f"proxy:{name}", nasbench201)


@pytest.mark.parametrize(
    "wrong",
    [{"batch": 1}, {"batch": 2.0}, {"batch": True}, {"repeats": 0}, {"data": "cifar"}, {"init": "zeros"}],
)
def test_a_wrong_setting_is_refused_by_name(wrong: dict) -> None:
    with pytest.raises(InvalidInput, match=f"^{next(iter(wrong))} must be "):
        ProxyConfig(**wrong)


def test_wrong_network_options_and_seeds_are_refused_at_once(nasbench201: SearchSpace) -> None:
    with pytest.raises(InvalidInput, match="did you mean 'channels'"):
        ProxyObjective(nasbench201, "naswot", ProxyConfig(network={"chanels": 4}))
    with pytest.raises(InvalidInput, match="seed must be a whole number from 0"):
        ProxyObjective(nasbench201, "naswot", seed=-1)


# what they are good for


def test_scores_go_with_accuracy(nasbench201: SearchSpace, data_dir: Path) -> None:
    with gzip.open(data_dir / "nasbench201.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    chosen = [rows[i] for i in np.random.default_rng(7).choice(len(rows), 30, replace=False)]
    accuracy = [float(row["cifar10_valid"]) for row in chosen]
    cells = [nasbench201.parse(row["arch"]) for row in chosen]
    config = ProxyConfig(batch=16, network={"channels": 4, "image_size": 8})
    for name in ("params", "macs", "naswot", "synflow", "jacob_cov", "zen"):
        objective = ProxyObjective(nasbench201, name, config)
        values = [objective.evaluate(cell).value for cell in cells]
        scores = [-math.inf if value is None else value for value in values]
        agreeing = sum(
            np.sign(accuracy[i] - accuracy[j]) * (1 if scores[i] > scores[j] else -1 if scores[i] < scores[j] else 0)
            for i in range(30)
            for j in range(i)
        )
        assert agreeing > 0, name
