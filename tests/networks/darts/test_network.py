"""Networks of DARTS: what they compute, what training adds, what is refused."""

from __future__ import annotations

import ast

import numpy as np
import pytest
import torch
from tests.networks import sizes

from archllm.errors import InvalidInput
from archllm.networks.counting import count_macs, count_params
from archllm.spaces import SearchSpace

Edges = list[tuple[str, int]]

SEP, SKIP, MAX, AVG, DIL = "sep_conv_3x3", "skip_connect", "max_pool_3x3", "avg_pool_3x3", "dil_conv_3x3"
V1 = (
    [(SEP, 1), (SEP, 0), (SKIP, 0), (SEP, 1), (SKIP, 0), (SEP, 1), (SEP, 0), (SKIP, 2)],
    [(MAX, 0), (MAX, 1), (SKIP, 2), (MAX, 0), (MAX, 0), (SKIP, 2), (SKIP, 2), (AVG, 0)],
)
V2 = (
    [(SEP, 0), (SEP, 1), (SEP, 0), (SEP, 1), (SEP, 1), (SKIP, 0), (SKIP, 0), (DIL, 2)],
    [(MAX, 0), (MAX, 1), (SKIP, 2), (MAX, 1), (MAX, 0), (SKIP, 2), (SKIP, 2), (MAX, 1)],
)


def text(normal: Edges, reduce: Edges) -> str:
    return f"Genotype(normal={normal}, normal_concat=range(2, 6), reduce={reduce}, reduce_concat=range(2, 6))"


@pytest.mark.parametrize(("genotype", "params"), [(V1, 3_169_414), (V2, 3_349_342)])
def test_the_published_sizes(darts: SearchSpace, genotype: tuple[Edges, Edges], params: int) -> None:
    arch = darts.parse(text(*genotype))
    assert arch.params == count_params(arch.build()) == params


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"layers": 1, "channels": 5},
        {"layers": 2, "image_size": 8, "in_channels": 1, "num_classes": 3},
        {"layers": 8, "auxiliary": True, "channels": 6},
        {"layers": 5, "stem": "imagenet", "image_size": 64, "channels": 7},
        {"layers": 6, "stem": "imagenet", "image_size": 224, "num_classes": 1000, "channels": 12, "auxiliary": True},
    ],
)
def test_counts_are_those_of_the_built_network(darts: SearchSpace, options: dict[str, object]) -> None:
    genotypes = darts.sample(2, np.random.default_rng(1))
    params, macs = sizes.params(darts, genotypes, **options), sizes.macs(darts, genotypes, **options)
    image = darts.networks.setting(**options).image
    for arch, expected in zip(darts.architectures(genotypes), zip(params, macs, strict=True), strict=True):
        with torch.device("meta"):
            network = arch.build(**options)
        assert (count_params(network), count_macs(network, image)) == expected


def test_isomorphic_genotypes_are_of_one_size(darts: SearchSpace) -> None:
    rng = np.random.default_rng(5)
    genotypes = darts.sample(200, rng)
    assert (darts.networks.params(darts.permute(genotypes, rng)) == darts.networks.params(genotypes)).all()


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"image_size": 8, "in_channels": 1}, (1, 8, 8)),
        ({"image_size": 28}, (3, 28, 28)),
        ({"stem": "imagenet", "image_size": 64}, (3, 64, 64)),
    ],
)
def test_logits_for_every_image(darts: SearchSpace, options: dict[str, object], shape: tuple[int, int, int]) -> None:
    network = darts.parse(text(*V2)).build(num_classes=6, channels=4, layers=4, **options)
    assert network(torch.zeros(2, *shape)).shape == (2, 6)


def test_every_parameter_learns(darts: SearchSpace) -> None:
    network = darts.parse(text(*V2)).build(channels=4, layers=4, auxiliary=True)
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    logits, aside = network(images)
    (logits.square().sum() + aside.square().sum()).backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


def test_only_training_uses_the_auxiliary_head(darts: SearchSpace) -> None:
    network = darts.parse(text(*V1)).build(num_classes=7, channels=4, layers=4, auxiliary=True)
    images = torch.zeros(2, 3, 32, 32)
    logits, aside = network.train()(images)
    assert logits.shape == aside.shape == (2, 7)
    assert network.eval()(images).shape == (2, 7)
    plain = darts.parse(text(*V1)).build(num_classes=7, channels=4, layers=4)
    assert count_params(network) > count_params(plain)


def test_drop_path_acts_in_training_only_and_can_be_changed(darts: SearchSpace) -> None:
    network = darts.parse(text(*V2)).build(channels=4, layers=3, drop_path=0.5)
    images = torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(0))

    def twice() -> bool:
        return torch.equal(network(images), network(images))

    with torch.no_grad():
        assert not twice()
        network.set_drop_path(0.0)
        assert twice()
        network.set_drop_path(0.5)
        assert not twice()
        network.eval()
        assert twice()


def test_drop_path_keeps_the_mean_and_drops_whole_images(darts: SearchSpace) -> None:
    from archllm.networks.darts.modules import drop_path

    with torch.random.fork_rng():
        torch.manual_seed(0)
        dropped = drop_path(torch.ones(20_000, 2, 1, 1), 0.3)
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.02)
    assert (dropped[:, 0] == dropped[:, 1]).all()
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"stem": "mnist"}, "stem must be .cifar. or .imagenet."),
        ({"auxiliary": 1}, "auxiliary must be true or false"),
        ({"drop_path": 1.0}, "drop_path must be a number of at least 0 and below 1"),
        ({"drop_path": "0.2"}, "drop_path"),
        ({"image_size": 30}, "multiple of 4"),
        ({"stem": "imagenet", "image_size": 100}, "multiple of 32"),
        ({"auxiliary": True, "image_size": 64}, "image_size of 32 to 40"),
        ({"auxiliary": True, "layers": 1}, "at least 2 layers"),
        ({"layers": 0}, "layers"),
        ({"stem": "imagenet", "image_size": 64, "channels": 1}, "channels must be at least 2"),
        ({"stem": ["cifar"]}, "stem must be"),
        ({"drop_path": float("nan")}, "drop_path"),
        ({"drop_path": -0.1}, "drop_path"),
        ({"drop_path": True}, "drop_path"),
    ],
)
def test_options_that_can_not_be_used_are_refused(darts: SearchSpace, options: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        darts.networks.setting(**options)


@pytest.mark.parametrize(("stem", "sizes"), [("cifar", (32, 36, 40)), ("imagenet", (224, 256))])
def test_the_auxiliary_head_fits_every_size_that_is_allowed(
    darts: SearchSpace, stem: str, sizes: tuple[int, ...]
) -> None:
    for size in sizes:
        network = darts.parse(text(*V1)).build(channels=2, layers=2, stem=stem, image_size=size, auxiliary=True)
        logits, aside = network(torch.zeros(2, 3, size, size))
        assert logits.shape == aside.shape


def all_skips(sources: list[int]) -> Edges:
    return [(SKIP, source) for source in sources]


def test_a_cell_adds_up_and_joins_its_nodes() -> None:
    from archllm.networks.darts.modules import Cell

    cell = Cell(all_skips([0, 1, 1, 2, 2, 3, 3, 4]), 6, 5, channels=2, reduction=False, after_reduction=False).eval()
    generator = torch.Generator().manual_seed(0)
    older, newer = torch.randn(3, 6, 4, 4, generator=generator), torch.randn(3, 5, 4, 4, generator=generator)
    with torch.no_grad():
        first, second = cell.preprocess0(older), cell.preprocess1(newer)
        parts = cell(older, newer).split(2, dim=1)
    # every node is the sum of the two before it: Fibonacci numbers of both inputs
    for part, a, b in zip(parts, (1, 1, 2, 3), (1, 2, 3, 5), strict=True):
        torch.testing.assert_close(part, a * first + b * second)


def test_only_operations_on_the_inputs_of_a_reduction_cell_stride() -> None:
    from archllm.networks.darts.modules import OPERATIONS, Cell

    older, newer = torch.zeros(2, 4, 16, 16), torch.zeros(2, 4, 8, 8)
    for op in OPERATIONS:
        edges = [(op, source) for source in (0, 1, 0, 2, 1, 3, 4, 2)]
        assert Cell(edges, 4, 4, 6, reduction=True, after_reduction=True)(older, newer).shape == (2, 24, 4, 4)
        assert Cell(edges, 4, 4, 6, reduction=False, after_reduction=True)(older, newer).shape == (2, 24, 8, 8)


def test_averages_leave_the_border_out() -> None:
    from archllm.networks.darts.modules import OPERATIONS

    ones = torch.ones(1, 2, 6, 6)
    for stride in (1, 2):
        assert (OPERATIONS["avg_pool_3x3"](2, stride)(ones) == 1).all()


@pytest.mark.parametrize(
    ("op", "reduction", "drops"), [(SKIP, False, False), (SKIP, True, True), (MAX, False, True), (AVG, True, True)]
)
def test_all_operations_are_dropped_but_plain_skips(op: str, reduction: bool, drops: bool) -> None:
    from archllm.networks.darts.modules import Cell

    cell = Cell([(op, source) for source in [0, 1] * 4], 4, 4, 4, reduction, after_reduction=False)
    images = torch.randn(8, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        whole = cell(images, images)
        cell.drop_path = 0.9
        assert torch.equal(cell(images, images), whole) != drops


@pytest.mark.parametrize("probability", [-0.1, 1.0, float("nan")])
def test_a_probability_that_drops_everything_or_makes_no_sense_is_refused(
    darts: SearchSpace, probability: float
) -> None:
    network = darts.parse(text(*V1)).build(channels=2, layers=1)
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        network.set_drop_path(probability)


def test_a_stem_that_does_not_exist_is_refused() -> None:
    from archllm.networks.darts.modules import Network

    with pytest.raises(ValueError, match="cifar or imagenet"):
        Network(*V1, stem="CIFAR")


def test_images_of_the_wrong_shape_are_refused(darts: SearchSpace) -> None:
    network = darts.parse(text(*V1)).build(channels=2, layers=3)
    for shape in ((2, 1, 32, 32), (2, 3, 30, 32), (3, 32, 32)):
        with pytest.raises(ValueError, match="n x 3 x h x w, h and w multiples of 4"):
            network(torch.zeros(*shape))


def test_every_parameter_of_any_genotype_gets_a_gradient_with_the_imagenet_stem(darts: SearchSpace) -> None:
    for arch in darts.architectures(darts.sample(3, np.random.default_rng(2))):
        network = arch.build(channels=4, layers=3, stem="imagenet", image_size=64)
        network(torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))).square().sum().backward()
        assert all(parameter.grad is not None for parameter in network.parameters())


def test_an_exported_program_takes_batches_of_any_size(darts: SearchSpace) -> None:
    network = darts.parse(text(*V2)).build(channels=2, layers=3, drop_path=0.2).eval()
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(network, (torch.zeros(3, 3, 8, 8),), dynamic_shapes=({0: batch},)).module()
    for n in (1, 4):
        images = torch.randn(n, 3, 8, 8, generator=torch.Generator().manual_seed(n))
        torch.testing.assert_close(program(images), network(images))


def test_a_blueprint_says_what_each_node_adds_up(darts: SearchSpace) -> None:
    blueprint = darts.networks.blueprint(darts.parse(text(*V2)).graph, darts.networks.setting(layers=3, channels=2))
    assert "normal node 2 = sep_conv_3x3(c_{k-2}) + sep_conv_3x3(c_{k-1})" in blueprint.notes
    assert "normal node 5 = skip_connect(c_{k-2}) + dil_conv_3x3(node 2)" in blueprint.notes
    assert "reduce node 5 = max_pool_3x3(c_{k-1}) + skip_connect(node 2)" in blueprint.notes
    assert sorted(blueprint.operations) == sorted({SEP, SKIP, DIL, MAX})
    assert ast.literal_eval(repr(blueprint.arguments)) == blueprint.arguments
