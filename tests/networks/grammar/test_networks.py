"""Networks of grammars: what is counted is what is built, and what is exported computes the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from archllm.errors import DefinitionError, InvalidInput
from archllm.networks.counting import count_macs, count_params
from archllm.spaces import load_space
from archllm.spaces.registry import space_of_text

SMALL = {
    "conv-grammar": {"channels": 4, "image_size": 16},
    "interleaving": {"channels": 8, "image_size": 16},
    "hierarchical-nasbench201": {"channels": 2, "image_size": 8},
}


@pytest.mark.parametrize("name", SMALL)
def test_networks_run_and_have_the_counted_size(name: str) -> None:
    space = load_space(name)
    networks, setting = space.require_networks(), space.require_networks().setting(**SMALL[name])
    graphs = space.sample(4 if name != "hierarchical-nasbench201" else 1, np.random.default_rng(0))
    params, macs = networks.params(graphs, setting), networks.macs(graphs, setting)
    for number, arch in enumerate(space.architectures(graphs)):
        network = arch.build(**SMALL[name]).eval()
        logits = network(torch.randn(2, *setting.image))
        assert logits.shape == (2, 10) and torch.isfinite(logits).all()
        assert params[number] == count_params(network) and macs[number] == count_macs(network, setting.image)


@pytest.mark.parametrize("name", ["conv-grammar", "interleaving"])
def test_exported_python_gives_the_same_outputs(name: str, tmp_path: Path) -> None:
    space = load_space(name)
    arch = space.architecture(space.sample(1, np.random.default_rng(1)))
    arch.export(tmp_path / "network.py", to="python", **SMALL[name])
    done = subprocess.run([sys.executable, "network.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]
    assert "archllm" not in [
        line.split()[1] for line in (tmp_path / "network.py").read_text().splitlines() if "import" in line[:7]
    ]


def test_branches_of_a_state_space_block_see_nothing_of_the_other_side() -> None:
    from archllm.networks.sequence_blocks import GatedStateSpace

    x = torch.randn(1, 6, 8)
    changed = x.clone()
    changed[0, 3] += 1.0
    for reverse, same in ((False, slice(0, 3)), (True, slice(4, 6))):
        block = GatedStateSpace(8, reverse=reverse).eval()
        assert torch.allclose(block(x)[:, same], block(changed)[:, same]) and not torch.allclose(
            block(x), block(changed)
        )


def test_a_state_space_block_is_its_recurrence() -> None:
    from archllm.networks.sequence_blocks import GatedStateSpace

    block, x = GatedStateSpace(4).eval(), torch.randn(2, 5, 4)
    value, gate = block.wide(block.norm(x)).chunk(2, dim=-1)
    decay, state, states = torch.sigmoid(block.decay), torch.zeros(2, 4), []
    for token in range(5):
        state = decay * state + (1 - decay) * value[:, token]
        states.append(state)
    expected = x + block.out(torch.stack(states, 1) * torch.nn.functional.silu(gate))
    assert torch.allclose(block(x), expected, atol=1e-6)


def test_images_that_can_not_be_halved_so_often_are_refused() -> None:
    with pytest.raises(InvalidInput, match="multiple of 4"):
        load_space("conv-grammar").require_networks().setting(image_size=30)


def test_a_block_that_changes_the_shape_is_told_with_its_line() -> None:
    text = 'kind = "grammar"\n[blocks]\na = "archllm.networks.blocks:ResidualReduction"\n[rules]\nnet = "a"\n'
    space = space_of_text(text, "mine.toml")
    with pytest.raises(DefinitionError, match=r"mine\.toml, line 3"):
        space.require_networks().params(space.enumerate())
