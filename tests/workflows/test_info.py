from __future__ import annotations

import numpy as np
import pytest

from archllm.errors import InvalidInput
from archllm.spaces import load_space, space_names
from archllm.workflows.info import info
from archllm.workflows.show import show


@pytest.mark.parametrize("name", space_names())
def test_info_of_an_architecture_is_that_of_its_text(name):
    space = load_space(name)
    for arch in space.architectures(space.sample(5, np.random.default_rng(0))):
        assert info(arch) == info(arch.text, name) == info(f" {arch.text}\n", space)


def test_a_nasbench101_cell_has_its_official_hash_and_no_foreign_names():
    found = info(
        '{"matrix": [[0, 1, 1], [0, 0, 1], [0, 0, 0]], "ops": ["input", "maxpool3x3", "output"]}', "nasbench101"
    )
    assert len(found.hash or "") == 32
    assert (found.vertices, found.edges) == (3, 3)
    assert set(found.to_json()) == {"space", "text", "key", "hash", "vertices", "edges", "params", "macs"}


def test_cells_that_compute_the_same_share_their_class():
    space = load_space("nasbench201")
    cell = "|skip_connect~0|+|{}~0|{}~1|+|none~0|none~1|skip_connect~2|"
    one, other = (info(cell.format(*ops), space) for ops in (("none", "nor_conv_3x3"), ("nor_conv_3x3", "none")))
    assert one.key != other.key
    assert one.class_key == other.class_key


def test_a_text_needs_its_space():
    with pytest.raises(InvalidInput, match="needs its space"):
        info("0")


def test_show_draws_svg_or_dot():
    assert show("0", "nasbench201").startswith("<svg")
    assert show("0", "nasbench201", "dot").startswith("digraph")
