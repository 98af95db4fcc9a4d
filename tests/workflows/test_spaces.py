from __future__ import annotations

import math

import pytest

from archllm.cli import main
from archllm.errors import DefinitionError, InvalidInput
from archllm.spaces import space_names
from archllm.workflows.spaces import check_space_file, spaces


def test_all_spaces_are_listed_with_exact_sizes():
    sizes = {facts.name: facts.size for facts in spaces()}
    assert list(sizes) == space_names()
    known = {"nasbench101": 423_624, "nasbench201": 15_625, "darts": (1 * 3 * 6 * 10 * 7**8) ** 2, "nats-size": 32_768}
    assert known.items() <= sizes.items()
    assert all(facts.exact for facts in spaces())


def test_one_space_tells_its_classes_and_ideal():
    (facts,) = spaces("nasbench201")
    assert facts.classes == 6_466
    assert facts.ideal_nats == pytest.approx(math.log(15_625))


def test_an_unknown_space_is_refused():
    with pytest.raises(InvalidInput, match="did you mean 'darts'"):
        spaces("dart")


def test_a_space_beyond_64_bits_tells_how_sure_its_keys_are():
    (exact,), (huge,) = spaces("nasbench201"), spaces("fbnet")
    assert exact.exact_keys and exact.collision_chance == 0
    assert huge.size == 9**22 and not huge.exact_keys
    assert huge.collision_chance == pytest.approx(1e14 / 2**65, rel=1e-5)


GRAMMAR = """kind = "grammar"
[blocks]
conv = "archllm.networks.operations:conv3x3"
mine = "modules_that_nobody_has:Mine"
[downsampling]
down = "archllm.networks.blocks:ResidualReduction"
[rules]
network = "sequence(block, down, block)"
block = ["conv", "mine"]
"""
PRODUCT = """kind = "product"
[parts.cell]
kind = "edge_dag"
nodes = 3
[parts.cell.ops]
skip = "archllm.networks.operations:skip"
conv = "archllm.networks.operations:conv3x3"
[parts.scale]
kind = "choices"
[parts.scale.slots]
width = [8, 16]
[network]
cell = "cell"
channels = "scale.width"
"""


@pytest.mark.parametrize(
    ("text", "right", "wrong", "told"),
    [
        (GRAMMAR, "conv3x3", "conv3x4", r"line 3: blocks\.conv: there is no conv3x4 in archllm\.networks\.operations"),
        (GRAMMAR, "ResidualReduction", "Reduction", r"line 6: downsampling\.down: there is no Reduction in"),
        (GRAMMAR, "networks.blocks", "networks.bloks", r"line 6: downsampling\.down: .*archllm\.networks\.bloks"),
        (PRODUCT, "conv3x3", "conv3x4", r"line 7: parts\.cell\.ops\.conv: there is no conv3x4"),
    ],
)
def test_a_block_that_archllm_does_not_have_is_told_with_its_line(tmp_path, text, right, wrong, told):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    assert check_space_file(file).facts.networks
    file.write_text(text.replace(right, wrong))
    with pytest.raises(DefinitionError, match=told):
        check_space_file(file)


def test_networks_of_blocks_that_are_not_found_are_not_said_to_be_buildable(tmp_path, capsys):
    (tmp_path / "mine.toml").write_text(GRAMMAR)
    assert main(["spaces", "check", str(tmp_path / "mine.toml")]) == 0
    assert "can be built where Python finds modules_that_nobody_has; --modules DIR" in capsys.readouterr().out
