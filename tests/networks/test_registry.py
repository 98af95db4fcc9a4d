"""Which networks a space has."""

from __future__ import annotations

import pickle

import pytest

from archllm.errors import InvalidInput
from archllm.networks.darts.setting import DARTSSetting
from archllm.networks.nasbench201 import NASBench201Networks, NASBench201Setting
from archllm.spaces import load_space
from archllm.spaces.definition import EdgeDagDefinition, GenotypeDefinition
from archllm.spaces.kinds.genotype import Genotype
from archllm.spaces.registry import space_of, space_of_text, space_text


def test_a_definition_that_only_shares_the_name_of_a_benchmark_has_no_networks_of_it() -> None:
    other = Genotype(GenotypeDefinition(name="darts", ops=("a", "b"), nodes=2))
    assert other.networks is None and load_space("darts").networks is not None


def test_a_copy_of_nasbench201_under_another_name_has_the_same_networks_but_for_the_default_depth() -> None:
    benchmark = load_space("nasbench201")
    copy = space_of_text(space_text("nasbench201").replace('"nasbench201"', '"own"', 1), "own.toml")
    text = "|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|none~0|avg_pool_3x3~1|nor_conv_3x3~2|"
    ours, theirs = benchmark.parse(text), copy.parse(text)
    assert ours.params != theirs.params
    names = [list(arch.build(channels=4, cells=2).state_dict()) for arch in (ours, theirs)]
    assert names[0] == names[1] and "layers.0.edges.0.1.weight" in names[0]


def test_a_space_without_blocks_has_none_and_says_what_it_takes() -> None:
    space = space_of(EdgeDagDefinition(name="bare", ops=("a", "b"), nodes=3))
    assert space.networks is None
    with pytest.raises(InvalidInput, match=r"no network can be made of architectures of bare.*\[ops\]"):
        space.require_networks()


def test_networks_are_made_once_and_pickled_as_those_of_their_space() -> None:
    networks = load_space("nasbench201").networks
    assert isinstance(networks, NASBench201Networks) and load_space("nasbench201").networks is networks
    assert pickle.loads(pickle.dumps(networks)) is networks  # noqa: S301 - our own


def test_equal_settings_have_equal_hashes_and_make_the_same_counts() -> None:
    networks = load_space("nasbench201").require_networks()
    one, other = networks.setting(channels=8), networks.setting(channels=8, cells=None)
    assert one == other and hash(one) == hash(other) and one != networks.setting()
    graphs = load_space("nasbench201").parse("1").graph
    assert networks.params(graphs, one) == networks.params(graphs, other)


def test_a_setting_of_another_space_is_refused() -> None:
    space = load_space("nasbench201")
    assert isinstance(space.require_networks().setting(), NASBench201Setting)
    with pytest.raises(InvalidInput, match=r"nasbench201 need a NASBench201Setting.*got a DARTSSetting"):
        space.require_networks().params(space.parse("1").graph, DARTSSetting())
