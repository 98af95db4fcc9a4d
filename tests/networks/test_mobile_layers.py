"""Layers of mobile networks and the networks of spaces made of them, against torch's own counts and published ones."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.networks import sizes

from archllm.baselines.small_networks import ResidualBlock
from archllm.networks.blueprint import Call
from archllm.networks.choices.sizes import Size, layer_size
from archllm.networks.counting import count_params, trace
from archllm.networks.mobile_layers import (
    BasicResidual,
    Classifier,
    ConvNormAct,
    FusedResidual,
    InvertedResidual,
    SqueezeExcitation,
)
from archllm.spaces import load_space

WIDTHS = st.sampled_from([4, 8, 12, 20])


@st.composite
def layers(draw: st.DrawFn) -> Call:
    c_in, hidden, c_out = draw(WIDTHS), draw(WIDTHS), draw(WIDTHS)
    conv = (("kernel", draw(st.sampled_from([1, 3, 5]))), ("stride", draw(st.sampled_from([1, 2]))))
    squeeze = ("squeeze", draw(st.sampled_from([0, 4])))
    return draw(
        st.sampled_from(
            [
                Call(ConvNormAct, (c_in, c_out), (*conv, ("groups", 4))),
                Call(SqueezeExcitation, (c_in, hidden)),
                Call(InvertedResidual, (c_in, hidden, c_out), (*conv, squeeze)),
                Call(FusedResidual, (c_in, hidden, c_out), (*conv, squeeze)),
                Call(BasicResidual, (c_in, c_out), (conv[1], squeeze)),
                Call(Classifier, (c_in, 3), (("hidden", draw(st.sampled_from([0, hidden]))),)),
            ]
        )
    )


@examples(max_examples=60)
@given(call=layers(), height=st.integers(1, 9), width=st.integers(1, 9))
def test_formulas_give_what_torch_counts(call: Call, height: int, width: int) -> None:
    shape = (call.args[0], height, width)
    layer = call.make()
    assert layer_size(call, shape) == Size(count_params(layer), *trace(layer, shape))
    output = layer.eval()(torch.zeros(2, *shape))
    found = layer_size(call, shape)
    assert found is not None and output.shape == (2, *found.shape)


def test_residual_blocks_add_their_input_where_the_shape_stays() -> None:
    x = torch.randn(2, 8, 5, 5)
    for block, added in (
        (InvertedResidual(8, 16, 8), True),
        (FusedResidual(8, 16, 8), True),
        (InvertedResidual(8, 16, 12), False),
        (FusedResidual(8, 16, 8, stride=2), False),
    ):
        torch.nn.init.zeros_(block.project[0].weight)  # type: ignore[index,arg-type]
        out = block.eval()(x)
        assert torch.equal(out, x) if added else not out.any()


def test_a_basic_block_adds_its_input_or_a_projection_of_it() -> None:
    x = torch.randn(2, 8, 5, 5)
    for block in (BasicResidual(8, 8), BasicResidual(8, 12, 2)):
        torch.nn.init.zeros_(block.project[0].weight)  # type: ignore[arg-type]
        out = block.eval()(x)
        assert torch.equal(out, block.shortcut(x).relu()) and out.any()
    assert count_params(BasicResidual(16, 16)) == count_params(ResidualBlock(16, 16, 1))
    assert count_params(BasicResidual(16, 32, 2)) == count_params(ResidualBlock(16, 32, 2))


def test_the_layers_make_mobilenetv3_large_with_its_published_parameters() -> None:
    blocks = [  # input, hidden and output channels, kernel, squeeze and excitation (Howard et al., 2019, table 1)
        *((16, 16, 16, 3, False), (16, 64, 24, 3, False), (24, 72, 24, 3, False)),
        *((24, 72, 40, 5, True), (40, 120, 40, 5, True), (40, 120, 40, 5, True)),
        *((40, 240, 80, 3, False), (80, 200, 80, 3, False), (80, 184, 80, 3, False), (80, 184, 80, 3, False)),
        *((80, 480, 112, 3, True), (112, 672, 112, 3, True)),
        *((112, 672, 160, 5, True), (160, 960, 160, 5, True), (160, 960, 160, 5, True)),
    ]
    narrow = {72: 24, 120: 32, 480: 120, 672: 168, 960: 240}  # a quarter, rounded to multiples of 8
    total = count_params(ConvNormAct(3, 16, stride=2)) + count_params(ConvNormAct(160, 960, 1))
    for c_in, hidden, c_out, kernel, squeezes in blocks:
        squeeze = narrow[hidden] if squeezes else 0
        total += count_params(InvertedResidual(c_in, hidden, c_out, kernel=kernel, squeeze=squeeze))
    hidden_bias = 1280  # which Once-for-All leaves out
    assert total + count_params(Classifier(960, 1000, hidden=1280)) + hidden_bias == 5_483_032


@pytest.mark.parametrize(
    ("digits", "params", "flops"),  # of the benchmark's file
    [("00000000", 387_882, 7_713_280), ("02012100", 890_666, 47_327_744), ("11111221", 2_181_386, 65_012_224)],
)
def test_nasbench_macro_networks_have_the_benchmarks_sizes(digits: str, params: int, flops: int) -> None:
    space = load_space("nasbench-macro")
    ops = ("identity", "mb3_k3", "mb6_k5")
    arch = space.parse(f"[{' '.join(f'layer{k + 1}={ops[int(op)]}' for k, op in enumerate(digits))}]")
    assert (arch.params, arch.macs) == (params, flops + 10)  # the benchmark leaves out the biases of 10 classes


def test_all_nasbench_macro_networks_have_the_benchmarks_sizes(data_dir: Path) -> None:
    file = data_dir / "nasbench_macro.csv.gz"
    if not file.exists():
        pytest.skip("the benchmark's table is not there")
    with gzip.open(file, "rt") as text:
        rows = list(csv.DictReader(text))
    space = load_space("nasbench-macro")
    graphs = space.parse_batch([row["arch"] for row in rows])
    assert len(rows) == space.size
    assert (sizes.params(space, graphs) == [int(row["params"]) for row in rows]).all()
    assert (sizes.macs(space, graphs) - 10 == [int(row["flops"]) for row in rows]).all()


def test_mobilenetv3_has_the_stages_of_once_for_all() -> None:
    space = load_space("mobilenetv3")
    arch = space.architectures(space.sample(1, np.random.default_rng(0)))[0]
    shapes = {}
    for size in (224, 32):
        notes = space.require_networks().blueprint(arch.graph, space.require_networks().setting(image_size=size)).notes
        shapes[size] = list(dict.fromkeys(note.partition("gives ")[2].partition(",")[0] for note in notes))
    assert shapes[224] == [
        *("16 x 112 x 112", "24 x 56 x 56", "40 x 28 x 28", "80 x 14 x 14", "112 x 14 x 14", "160 x 7 x 7"),
        *("960 x 7 x 7", "10"),
    ]
    assert shapes[32] == [
        *("16 x 32 x 32", "24 x 32 x 32", "40 x 16 x 16", "80 x 8 x 8", "112 x 8 x 8", "160 x 4 x 4"),
        *("960 x 4 x 4", "10"),
    ]
    wide = space.require_networks().blueprint(arch.graph, space.require_networks().setting(width_multiplier=1.2))
    assert wide.layers[-1].args[0] == 1152 and wide.layers[0].args[1] == 24


def test_networks_of_once_for_all_are_mobilenetv3s_with_one_more_expansion() -> None:
    ofa, narrow = load_space("ofa-mobilenetv3"), load_space("mobilenetv3")
    setting = {"ks": [5] * 20, "e": [6] * 20, "d": [3] * 5}
    assert ofa.parse(str(setting)).params == narrow.parse(str(setting)).params
    assert ofa.parse(str(setting | {"e": [4] * 20})).params < ofa.parse(str(setting)).params


@pytest.mark.parametrize("image_size", [8, 28, 32, 48, 64, 96, 224])
@pytest.mark.parametrize("in_channels", [1, 3])
def test_mobile_networks_take_images_of_any_size(image_size: int, in_channels: int) -> None:
    space = load_space("mobile")
    networks = space.require_networks()
    setting = networks.setting(image_size=image_size, in_channels=in_channels, num_classes=4)
    arch = space.architectures(space.sample(1, np.random.default_rng(image_size)))[0]
    blueprint = networks.blueprint(arch.graph, setting)
    assert blueprint.build().eval()(torch.zeros(2, *setting.image)).shape == (2, 4)
    last = next(note for note in reversed(blueprint.notes) if "Residual" in note)
    pixels = int(last.partition(" x ")[2].partition(" ")[0])
    assert pixels <= 12 if image_size >= 28 else pixels <= 2


def test_mobile_networks_have_some_ten_thousand_to_three_million_parameters() -> None:
    space = load_space("mobile")
    counts = sizes.params(space, space.sample(500, np.random.default_rng(0)))
    assert 5_000 < counts.min() < 20_000 and 1_500_000 < counts.max() < 4_000_000
    small, large = sizes.params(space, space.sample(50, np.random.default_rng(1)), channels=8), counts
    assert np.median(small) < np.median(large) / 3


def test_different_mobile_members_are_different_networks() -> None:
    space = load_space("mobile")
    networks = space.require_networks()
    arch = space.architectures(space.sample(1, np.random.default_rng(5)))[0]
    near = space.neighbours(arch)
    layers = {networks.blueprint(other.graph).layers for other in (arch, *near)}
    assert len(layers) == len(near) + 1 > 20
