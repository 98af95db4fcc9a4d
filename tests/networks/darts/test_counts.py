"""Parameters and multiply-accumulates of DARTS: published numbers, laws, and the layers of built networks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from tests.networks import sizes

from archllm.errors import InvalidInput
from archllm.networks.counting import count_macs, count_params
from archllm.spaces import SearchSpace

V1 = (
    "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), ('sep_conv_3x3', 1), "
    "('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)], normal_concat=range(2, 6), "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0), "
    "('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('avg_pool_3x3', 0)], reduce_concat=range(2, 6))"
)
V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=range(2, 6), "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), "
    "('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=range(2, 6))"
)
IMAGENET = {"stem": "imagenet", "channels": 48, "layers": 14, "num_classes": 1000, "image_size": 224}


@pytest.mark.parametrize(("text", "params", "millions"), [(V1, 3_169_414, 501), (V2, 3_349_342, 528)])
def test_cifar_networks_have_the_published_size_and_cost(
    darts: SearchSpace, text: str, params: int, millions: int
) -> None:
    arch = darts.parse(text)
    assert arch.params == params
    assert round(arch.macs / 1e6) == millions


def test_the_imagenet_network_has_the_published_size(darts: SearchSpace) -> None:
    found = sizes.params(darts, darts.parse(V2).graph, **IMAGENET)[0]
    assert found == 4_718_752  # the paper rounds to 4.7 million


@pytest.mark.parametrize("layers", range(1, 10))
@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_counts_are_those_of_the_built_network_at_every_depth(darts: SearchSpace, stem: str, layers: int) -> None:
    options = {"layers": layers, "stem": stem, "channels": 3, "image_size": 64}
    graphs = darts.sample(1, np.random.default_rng([layers, len(stem)]))
    with torch.device("meta"):
        network = darts.architectures(graphs)[0].build(**options)
    assert int(sizes.params(darts, graphs, **options)[0]) == count_params(network)
    assert int(sizes.macs(darts, graphs, **options)[0]) == count_macs(network, (3, 64, 64))


def test_counts_of_a_batch_are_those_of_its_members(darts: SearchSpace) -> None:
    graphs = darts.sample(50, np.random.default_rng(0))
    one_by_one = [arch.params for arch in darts.architectures(graphs)], [a.macs for a in darts.architectures(graphs)]
    assert (darts.networks.params(graphs).tolist(), darts.networks.macs(graphs).tolist()) == one_by_one


def test_larger_operations_take_more_parameters(darts: SearchSpace) -> None:
    ops = ["max_pool_3x3", "skip_connect", "dil_conv_3x3", "dil_conv_5x5", "sep_conv_3x3", "sep_conv_5x5"]
    params = []
    for op in ops:
        pairs = [(op, source) for source in (0, 1, 0, 1, 0, 1, 0, 1)]
        text = f"Genotype(normal={pairs}, normal_concat=range(2, 6), reduce={pairs}, reduce_concat=range(2, 6))"
        params.append(darts.parse(text).params)
    assert all(less < more for less, more in itertools.pairwise(params))


@pytest.mark.parametrize("options", [{}, {"stem": "imagenet", "image_size": 64}])
def test_a_larger_image_takes_more_work_and_no_more_parameters(darts: SearchSpace, options: dict[str, object]) -> None:
    graphs = darts.sample(20, np.random.default_rng(4))
    small = {"image_size": 32} | options
    twice, thrice = ({**small, "image_size": k * int(str(small["image_size"]))} for k in (2, 3))
    assert (sizes.params(darts, graphs, **small) == sizes.params(darts, graphs, **twice)).all()
    # the classifier apart, work goes with the area: 4 - 1 and 9 - 1 areas are added
    one, four, nine = (sizes.macs(darts, graphs, **options) for options in (small, twice, thrice))
    assert ((four - one) * 8 == (nine - one) * 3).all()


def test_what_only_training_uses_costs_no_inference(darts: SearchSpace) -> None:
    graphs = darts.sample(20, np.random.default_rng(6))
    assert (sizes.macs(darts, graphs, auxiliary=True, drop_path=0.2) == darts.networks.macs(graphs)).all()
    assert (sizes.params(darts, graphs, drop_path=0.2) == darts.networks.params(graphs)).all()
    assert len(set((sizes.params(darts, graphs, auxiliary=True) - darts.networks.params(graphs)).tolist())) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"channels": 20_000, "image_size": 10_000},
        {"channels": 100_000, "image_size": 100_000},
        {"channels": 1, "in_channels": 100_000, "image_size": 100_000, "layers": 9_000},
    ],
)
def test_counts_that_do_not_fit_are_refused_and_never_wrong(darts: SearchSpace, options: dict[str, int]) -> None:
    graphs = darts.sample(2, np.random.default_rng(0))
    for count in (sizes.params, sizes.macs):
        try:
            assert (count(darts, graphs, **options) > 0).all()
        except InvalidInput as error:
            assert "too large to count" in str(error)


def test_a_network_of_absurd_size_is_refused(darts: SearchSpace) -> None:
    with pytest.raises(InvalidInput, match=r"channels 20000, layers 20, .* image_size 10000 is too large"):
        sizes.macs(darts, darts.sample(1, np.random.default_rng(0)), channels=20_000, image_size=10_000)
