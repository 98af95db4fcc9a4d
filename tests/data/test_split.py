"""The split of a space into training and held-out cells."""

from __future__ import annotations

import math

import numpy as np
import pytest

from archllm.data.split import check_seed, known, split_cells, with_permutations
from archllm.errors import InvalidInput
from archllm.graphs import equal
from archllm.spaces import SearchSpace
from archllm.spaces.definition import ChoicesDefinition
from archllm.spaces.registry import space_of


@pytest.mark.parametrize(("split", "train"), [(0.9, 14_062), (0.5, 7_812), (0.001, 16)])
def test_every_member_is_on_one_side_of_the_split(nasbench201: SearchSpace, split: float, train: int) -> None:
    cells = split_cells(nasbench201, split, 0, 3)
    assert len(cells.train) == train
    keys = np.concatenate([nasbench201.keys(cells.train), nasbench201.keys(cells.held_out)])
    assert sorted(keys.tolist()) == list(range(15_625))


def test_a_space_too_large_to_list_is_sampled(darts: SearchSpace) -> None:
    cells = split_cells(darts, 0.8, 400, 0)
    assert (len(cells.train), len(cells.held_out)) == (400, 100)
    assert len({*darts.keys(cells.train).tolist(), *darts.keys(cells.held_out).tolist()}) == 500


def test_no_sampled_cell_stands_on_both_sides_of_the_split() -> None:
    space = space_of(ChoicesDefinition(name="wide", slots={f"width{k}": tuple(range(8)) for k in range(8)}))
    assert not space.enumerable  # 8^8 members: 6,000 draws hold about one repeat
    for seed in range(3):
        cells = split_cells(space, 0.5, 3_000, seed)
        keys = np.concatenate([space.keys(cells.train), space.keys(cells.held_out)])
        assert len(set(keys.tolist())) == len(keys) > 5_980
    assert any(
        len(set(space.keys(space.sample(6_000, np.random.default_rng(seed))).tolist())) < 6_000 for seed in range(5)
    )


def test_cells_that_memory_should_not_hold_are_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    space = space_of(ChoicesDefinition(name="wide", slots={f"width{k}": tuple(range(8)) for k in range(8)}))
    monkeypatch.setattr("archllm.data.split.KEPT_BYTES", 110 * 1_000)  # 10 nodes
    monkeypatch.setattr("archllm.data.split.CHUNK", 512)
    cells = split_cells(space, 0.5, 3_000, 4)
    assert abs(len(cells.train) - 1_000) + abs(len(cells.held_out) - 1_000) < 5 and cells.further is not None
    chunks = list(cells.further)
    assert len(chunks) == 4 and max(map(len, chunks)) <= 512 and 1_990 < sum(map(len, chunks)) <= 2_000
    keys = np.concatenate([space.keys(part) for part in (cells.train, cells.held_out, *chunks)])
    assert len(set(keys.tolist())) == len(keys)
    for chunk, again in zip(chunks, cells.further, strict=True):
        assert equal(chunk, again).all() and equal(space.normalise(chunk), chunk).all()
    assert split_cells(space, 0.5, 3_000, 4, streamed=False).further is None
    assert split_cells(space, 0.5, 900, 4).further is None


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201", "darts"])
def test_one_seed_gives_one_split_of_normalised_cells(name: str, request: pytest.FixtureRequest) -> None:
    space: SearchSpace = request.getfixturevalue(name)
    first, again, other = (split_cells(space, 0.5, 200, seed) for seed in (1, 1, 2))
    for side in ("train", "held_out"):
        cells, same, different = (getattr(split, side)[:200] for split in (first, again, other))
        assert equal(cells, same).all() and not equal(cells, different).all()
        assert equal(space.normalise(cells), cells).all()


def test_the_largest_seed_is_a_seed(nasbench201: SearchSpace) -> None:
    split_cells(nasbench201, 0.5, 1, 2**63 - 1)


@pytest.mark.parametrize("split", [0.0, 1.0, -0.5, 1.5, math.nan, 1e-9, 0.99999])
def test_a_split_that_leaves_a_side_empty_is_refused(nasbench201: SearchSpace, split: float) -> None:
    with pytest.raises(InvalidInput, match="split"):
        split_cells(nasbench201, split, 1, 0)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_not_every_generator_takes_is_refused(nasbench201: SearchSpace, seed: int) -> None:
    for ask in (lambda: check_seed(seed), lambda: split_cells(nasbench201, 0.5, 1, seed)):
        with pytest.raises(InvalidInput, match="seed"):
            ask()


def test_cells_in_one_order_stay_as_they_stand(nasbench101: SearchSpace) -> None:
    cells = nasbench101.sample(50, np.random.default_rng(0))
    assert with_permutations(nasbench101, cells, 1, 0) is cells


def test_cells_in_several_orders_are_the_same_cells_written_anew(nasbench101: SearchSpace) -> None:
    cells = nasbench101.sample(100, np.random.default_rng(0))
    written = with_permutations(nasbench101, cells, 3, 5)
    assert len(written) == 300
    assert (nasbench101.keys(written) == np.tile(nasbench101.keys(cells), 3)).all()
    assert not equal(written[:100], written[100:200]).all()
    assert equal(with_permutations(nasbench101, cells, 3, 5), written).all()
    assert not equal(with_permutations(nasbench101, cells, 3, 6), written).all()


@pytest.mark.parametrize("permutations", [0, -1])
def test_no_order_is_refused(nasbench101: SearchSpace, permutations: int) -> None:
    with pytest.raises(InvalidInput, match=f"permutations must be at least 1, got {permutations}"):
        with_permutations(nasbench101, nasbench101.sample(2, np.random.default_rng(0)), permutations, 0)


def test_known_keys_are_sorted_and_each_once(nasbench201: SearchSpace) -> None:
    cells = nasbench201.enumerate()[[9, 3, 3, 12_000, 9]]
    assert known(nasbench201, cells).tolist() == [3, 9, 12_000]  # keys are the official indices, which order the list
