"""DARTS: its size, its neighbours, its uniform draw."""

from __future__ import annotations

import numpy as np
import pytest

from archllm.errors import NotEnumerable
from archllm.spaces import SearchSpace

OPS = ("max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5")


def test_the_size_is_the_published_one(darts: SearchSpace) -> None:
    assert darts.size == 1_076_746_950_455_072_400 == (1 * 3 * 6 * 10 * 7**8) ** 2


def test_the_space_is_too_large_to_list(darts: SearchSpace) -> None:
    assert not darts.enumerable
    with pytest.raises(NotEnumerable, match="1,076,746,950"):
        darts.enumerate()


def test_operations_are_the_published_seven(darts: SearchSpace) -> None:
    assert darts.op_names[2:-1] == OPS


def chain(ops: tuple[str, ...]) -> str:
    """Each inner node reads the one before it, so that there is only one order of the nodes."""
    sources = [(0, 1), (0, 2), (0, 3), (0, 4)]
    pairs = [(op, source) for op, source in zip(ops, sum(sources, ()), strict=True)]
    return f"Genotype(normal={pairs}, normal_concat=range(2, 6), reduce={pairs}, reduce_concat=range(2, 6))"


def test_a_chain_has_120_neighbours(darts: SearchSpace) -> None:
    # 2 cells x 8 slots x 6 other operations, and 2 cells x 2 slots x (0 + 1 + 2 + 3) other earlier sources
    assert len(darts.neighbours(darts.parse(chain((*OPS, OPS[0]))))) == 2 * 8 * 6 + 2 * 2 * 6 == 120


def test_a_node_may_also_read_one_that_can_be_computed_before_it(darts: SearchSpace) -> None:
    # all four nodes read the two cell inputs only, each with operations of its own: each of the 8 slots of a cell can
    # read any of 3 other nodes instead, and 6 other operations are possible
    pairs = [(op, at % 2) for at, op in enumerate((*OPS, OPS[0]))]
    text = f"Genotype(normal={pairs}, normal_concat=range(2, 6), reduce={pairs}, reduce_concat=range(2, 6))"
    assert len(darts.neighbours(darts.parse(text))) == 2 * 8 * (3 + 6)


def test_a_neighbour_differs_in_one_slot_of_one_cell(darts: SearchSpace) -> None:
    own = darts.parse(chain((*OPS, OPS[0])))
    for other in darts.neighbours(own):
        cells = [text.split(", normal_concat")[0] for text in (own.text, other.text)]
        ours, theirs = (text.split("reduce=")[1] for text in (own.text, other.text))
        assert (cells[0] == cells[1]) != (ours == theirs)


def test_a_sample_uses_every_operation_and_every_wiring_alike(darts: SearchSpace) -> None:
    drawn = darts.sample(20_000, np.random.default_rng(0))
    labels = drawn.ops[:, [2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 18, 19, 20]]
    shares = np.bincount(labels.ravel(), minlength=9)[2:9] / labels.size
    assert shares == pytest.approx([1 / 7] * 7, abs=0.005)
    last = drawn.adjacency[:, [0, 1], :][:, :, [8, 9]]  # which cell inputs the last node of the normal cell reads
    assert last.any(2).all(1).mean() == pytest.approx(1 / 10, abs=0.015)  # both: one pair of the ten


def test_the_two_cells_have_different_parts_to_play(darts: SearchSpace) -> None:
    text = darts.format(darts.sample(1, np.random.default_rng(0)))[0] or ""
    swapped = text.replace("normal", "?").replace("reduce", "normal").replace("?", "reduce")
    assert darts.parse(swapped) != darts.parse(text)


def test_the_order_of_a_nodes_two_inputs_does_not_matter(darts: SearchSpace) -> None:
    text = chain((*OPS, OPS[0]))
    swapped = text.replace("('max_pool_3x3', 0), ('avg_pool_3x3', 1)", "('avg_pool_3x3', 1), ('max_pool_3x3', 0)")
    assert swapped != text and darts.parse(swapped) == darts.parse(text)
