"""Conditions: values in buckets, and what is asked of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from archllm.conditional.bins import Conditions
from archllm.conditional.requirements import parse_all
from archllm.errors import InvalidInput, RunFolderError
from archllm.prior.config import UNCONDITIONED

RNG = np.random.default_rng(0)
FEW = np.array([1.0, 2.0, 4.0])[RNG.integers(3, size=300)]
MANY = RNG.normal(size=300)
MANY[:50] = np.nan
BOTH = Conditions.of(["few", "many"], np.stack([FEW, MANY], axis=1), [8, 8])


def test_few_values_have_a_bucket_each() -> None:
    buckets = BOTH.bins(BOTH.values)[:, 0]
    assert [set(FEW[buckets == bucket]) for bucket in range(3)] == [{1.0}, {2.0}, {4.0}]


def test_many_values_have_equally_full_buckets_and_unknown_ones_none() -> None:
    buckets = BOTH.bins(BOTH.values)[:, 1]
    assert (buckets[:50] == UNCONDITIONED).all()
    counts = np.bincount(buckets[50:])
    assert len(counts) == 8 and counts.max() - counts.min() <= 2
    assert (np.diff(buckets[50:][np.argsort(MANY[50:])]) >= 0).all()


@given(arrays(np.float64, st.integers(2, 40), elements=st.floats(-1e6, 1e6, allow_subnormal=False)), st.integers(2, 9))
def test_buckets_follow_the_order_of_values(values: np.ndarray, most: int) -> None:
    if len(np.unique(values)) < 2:
        return
    conditions = Conditions.of(["x"], values[:, None], [most])
    buckets = conditions.bins(values[:, None])[:, 0]
    assert 0 <= buckets.min() <= buckets.max() < most
    order = np.argsort(values)
    assert (np.diff(buckets[order]) >= 0).all()
    assert buckets.min() < buckets.max()


def test_only_what_is_asked_for_is_told_and_lies_in_the_range() -> None:
    asked = BOTH.draw(parse_all(["few = 2"]), 50, np.random.default_rng(1))
    assert (asked == [1, UNCONDITIONED]).all()
    asked = BOTH.draw(parse_all(["many >= 0.5"]), 200, np.random.default_rng(1))
    assert (asked[:, 0] == UNCONDITIONED).all()
    lowest = BOTH.edges[1][asked[:, 1].min() - 1]
    assert lowest > 0.2 and len(np.unique(asked[:, 1])) > 1


def test_several_requirements_are_drawn_together() -> None:
    tied = Conditions.of(["a", "b"], np.stack([FEW, 10 * FEW], axis=1), [8, 8])
    asked = tied.draw(parse_all(["a >= 2", "b >= 1"]), 100, np.random.default_rng(0))
    assert (asked[:, 0] == asked[:, 1]).all() and set(asked[:, 0]) == {1, 2}


def test_a_range_inside_one_bucket_asks_for_that_bucket() -> None:
    inside = np.sort(MANY[50:])[100:102]
    asked = BOTH.draw(parse_all([f"many in [{inside[0]}, {inside[1]}]"]), 20, np.random.default_rng(0))
    expected = BOTH.bins(np.array([[np.nan, inside[0]], [np.nan, inside[1]]]))[:, 1]
    assert set(asked[:, 1]) <= set(expected)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (["few > 4"], "no training cell has few >= 4.*theirs are 1 to 4"),
        (["many >= 99"], "no training cell has many >= 99"),
        (["other <= 1"], "not trained on the condition 'other'; it knows few, many.*--condition other"),
    ],
)
def test_what_no_cell_fulfils_is_refused(where: list[str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        BOTH.draw(parse_all(where), 1, np.random.default_rng(0))


def test_requirements_that_exclude_each_other_are_refused() -> None:
    tied = Conditions.of(["a", "b"], np.stack([FEW, -FEW], axis=1), [8, 8])
    with pytest.raises(InvalidInput, match="no training cell has a >= 4 and b >= -1 at once"):
        tied.fulfilling(parse_all(["a >= 4", "b >= -1"]))


@pytest.mark.parametrize("column", [[1.0, 1.0, np.nan], [np.nan, np.nan, np.nan], [5.0, np.nan, np.nan]])
def test_a_condition_that_says_nothing_is_refused(column: list[float]) -> None:
    with pytest.raises(InvalidInput, match="known x have the same value"):
        Conditions.of(["x"], np.array(column)[:, None], [8])


def test_conditions_are_saved_and_read_again(tmp_path: Path) -> None:
    BOTH.save(tmp_path)
    back = Conditions.load(tmp_path, ["few", "many"])
    assert np.array_equal(back.values, BOTH.values, equal_nan=True)
    assert np.array_equal(back.bins(back.values), BOTH.bins(BOTH.values))


@pytest.mark.parametrize("damage", ["missing", "noise", "other"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    BOTH.save(tmp_path)
    path = tmp_path / "conditions.safetensors"
    if damage == "missing":
        path.unlink()
    elif damage == "noise":
        path.write_bytes(b"noise" * 9)
    with pytest.raises(RunFolderError, match=r"conditions\.safetensors"):
        Conditions.load(tmp_path, ["few", "many"] if damage != "other" else ["few"])
