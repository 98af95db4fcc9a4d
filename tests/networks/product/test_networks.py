from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from archllm.errors import DefinitionError, InvalidInput
from archllm.networks.counting import count_macs, count_params
from archllm.spaces import SearchSpace, load_space
from archllm.spaces.registry import space_of_text

OPS = "archllm.networks.operations"
GENOTYPE = f"""[parts.cell]
kind = "genotype"
nodes = 2
concat = "loose"
[parts.cell.ops]
skip = "{OPS}:skip"
conv = "{OPS}:conv3x3"
"""
VERTICES = f"""[parts.cell]
kind = "node_dag"
max_vertices = 4
max_edges = 6
[parts.cell.ops]
conv = "{OPS}:conv3x3"
pool = "{OPS}:max_pool3x3"
"""
GRAMMAR = f"""[parts.cell]
kind = "grammar"
max_blocks = 3
[parts.cell.blocks]
conv = "{OPS}:conv3x3"
pool = "{OPS}:avg_pool3x3"
[parts.cell.rules]
net = ["block", "sequence(block, net)"]
block = ["conv", "pool"]
"""
SLOTS = {"width": [8, 16], "width2": [12, 20], "width3": [16, 24], "depth": [1, 2], "resolution": [8, 12]}


def made(cell: str, **network: str | list[str]) -> SearchSpace:
    """A product whose scale has the slots that are read."""
    named = [name for value in network.values() for name in ([value] if isinstance(value, str) else value)]
    slots = "\n".join(f"{slot} = {values}" for slot, values in SLOTS.items() if f"scale.{slot}" in named)
    sizes = "\n".join(f"{key} = {value!r}" for key, value in network.items())
    scale = f'[parts.scale]\nkind = "choices"\n[parts.scale.slots]\n{slots or "width = [8, 16]"}\n'
    return space_of_text(f'kind = "product"\n{cell}{scale}[network]\ncell = "cell"\n{sizes}', "mine.toml")


STAGES = ["scale.width", "scale.width2", "scale.width3"]
CASES = {
    "genotype": (GENOTYPE, {"channels": STAGES, "cells": "scale.depth", "resolution": "scale.resolution"}),
    "node_dag": (VERTICES, {"channels": "scale.width", "cells": ["scale.depth"] * 3}),
    "grammar": (GRAMMAR, {"channels": "scale.width"}),
    "nasbench101": ('[parts.cell]\nspace = "nasbench101"\n', {"channels": "scale.width", "cells": "scale.depth"}),
    "darts": ('[parts.cell]\nspace = "darts"\n', {"channels": "scale.width", "layers": "scale.depth"}),
}


@pytest.mark.parametrize("name", CASES)
def test_counts_are_exact_for_every_kind_of_cell(name):
    cell, network = CASES[name]
    space = made(cell, **network)
    networks = space.require_networks()
    options = {"num_classes": 3, "in_channels": 1, "image_size": 16}
    setting = networks.setting(**options)
    members = space.sample(6, np.random.default_rng(0))
    params, macs = networks.params(members, setting), networks.macs(members, setting)
    for arch, expected in zip(space.architectures(members), zip(params, macs, strict=True), strict=True):
        with torch.device("meta"):
            network = arch.build(**options)
        assert (count_params(network), count_macs(network, setting.image)) == expected
    assert networks.work(members, setting).shape[0] == 6


def test_what_is_chosen_is_what_the_network_has():
    space = load_space("scaled-cells")
    text = "cell: 0; scale: [width1=8 width2=24 width3=48 depth1=1 depth2=2 depth3=3 resolution=24]"
    network = space.parse(text).build(num_classes=3)
    assert [type(layer).__name__ for layer in network.layers] == [
        *["EdgeCell"],
        *["ResidualReduction", "EdgeCell", "EdgeCell"],
        *["ResidualReduction", "EdgeCell", "EdgeCell", "EdgeCell"],
    ]
    seen = []
    network.stem.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape))
    assert network.eval()(torch.zeros(2, 3, 32, 32)).shape == (2, 3) and seen == [(2, 3, 24, 24)]
    assert network.classifier.in_features == 48


def test_a_size_that_members_choose_is_no_option():
    networks = load_space("scaled-cells").require_networks()
    with pytest.raises(
        InvalidInput, match=r"cells of networks of scaled-cells is chosen by scale.depth1, scale.depth2"
    ):
        networks.setting(cells=2)
    assert networks.setting(cells=None, num_classes=3).num_classes == 3
    kept = networks.setting(num_classes=3)
    assert networks.setting(**vars(kept)) == kept
    assert networks.small == {}


@pytest.mark.parametrize(
    ("cell", "network", "said"),
    [
        (VERTICES, {}, r"network: no size is read from scale.width, so that architectures would differ"),
        (VERTICES, {"chanels": "scale.width"}, r"network.chanels: unknown size; did you mean 'channels'"),
        (VERTICES, {"channels": ["scale.width"] * 2}, "network.channels: must be read from one slot, or one for each"),
        (VERTICES, {"channels": "scale.widths"}, "network.channels: names a slot of a part of choices as 'PART.SLOT'"),
        (VERTICES, {"channels": "scale.width", "resolution": "scale.depth"}, "network.resolution: .*multiple of 4"),
        (GRAMMAR, {"channels": "scale.width", "resolution": "scale.resolution"}, "network.resolution: unknown size"),
        ('[parts.cell]\nspace = "fbnet"\n', {"channels": "scale.width"}, "network.cell: no network can be made of"),
        (VERTICES.replace("conv3x3", "conf3x3"), {"channels": "scale.width"}, "line 7: parts.cell.ops.conv: .*conf3x3"),
    ],
)
def test_what_makes_no_networks_is_refused_with_its_line(cell, network, said):
    with pytest.raises(DefinitionError, match=r"mine.toml, line \d+: ") as caught:
        space = made(cell, **network)
        space.require_networks().params(space.sample(20, np.random.default_rng(0)))
    assert re.search(said, str(caught.value))


def test_blocks_of_ones_own_are_recorded_at_every_scale(tmp_path, monkeypatch):
    (tmp_path / "scaled_blocks.py").write_text(
        "from torch import nn\ndef wide(c):\n    return nn.Conv2d(c, c, 5, padding=2)"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    cell = VERTICES.replace(f"{OPS}:conv3x3", "scaled_blocks:wide")
    space = made(cell, channels="scale.width", cells="scale.depth", resolution="scale.resolution")
    networks = space.require_networks()
    members = space.sample(40, np.random.default_rng(0))
    assert list(networks.imports()) == ["scaled_blocks"] and networks.counts_import()
    blocks = networks.record()
    assert space.file is not None
    kept = space_of_text(space.file, "kept.toml", "mine", blocks)
    assert not kept.require_networks().counts_import()
    assert (kept.require_networks().params(members) == networks.params(members)).all()
