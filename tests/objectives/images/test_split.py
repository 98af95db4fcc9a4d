from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from archllm.errors import DataError
from archllm.objectives.images import Images, Split, split_images


def numbered(counts: list[int], test: int = 0) -> Images:
    """Images whose only pixel is their number, in a mixed order of classes."""
    y = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    x = np.arange(len(y), dtype=np.float32).reshape(-1, 1, 1, 1)
    classes = tuple(f"class {label}" for label in range(len(counts)))
    if not test:
        return Images("numbered", x, y, classes)
    return Images("numbered", x, y, classes, -1 - x[:test], y[:test])


def parts(split: Split) -> list[NDArray[np.float32]]:
    return [x.ravel() for x in (split.train_x, split.valid_x, split.test_x)]


@given(
    counts=st.lists(st.integers(3, 40), min_size=2, max_size=5),
    shares=st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99)),
    seed=st.integers(0, 5),
)
def test_each_image_is_in_one_of_three_sets_and_each_class_in_all_of_them(
    counts: list[int], shares: tuple[float, float], seed: int
) -> None:
    images = numbered(counts)
    split = split_images(images, *shares, seed)
    assert sorted(np.concatenate(parts(split))) == list(range(sum(counts)))
    for x, y in zip(parts(split), (split.train_y, split.valid_y, split.test_y), strict=True):
        assert np.array_equal(images.y[x.astype(int)], y)
        assert set(y) == set(range(len(counts)))


def test_shares_are_those_of_each_class() -> None:
    split = split_images(numbered([100, 50, 10]), 0.25, 0.2, 0)
    assert [Counter(y.tolist()) for y in (split.train_y, split.valid_y, split.test_y)] == [
        {0: 60, 1: 30, 2: 6},
        {0: 20, 1: 10, 2: 2},
        {0: 20, 1: 10, 2: 2},
    ]


def test_the_seed_chooses_validation_images_and_never_test_images() -> None:
    one, same, other = (parts(split_images(numbered([50, 50]), 0.3, 0.2, seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert np.array_equal(one[2], other[2]) and not np.array_equal(one[1], other[1])


def test_test_images_that_the_source_sets_aside_are_the_only_ones() -> None:
    split = split_images(numbered([50, 50], test=7), 0.3, 0.2, 0)
    assert parts(split)[2].tolist() == [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0]
    assert len(split.train_y) + len(split.valid_y) == 100


@given(
    counts=st.lists(st.integers(3, 60), min_size=2, max_size=6),
    most=st.integers(6, 200),
    seed=st.integers(0, 3),
)
def test_a_subset_of_training_images_has_its_size_and_leaves_the_others_alone(
    counts: list[int], most: int, seed: int
) -> None:
    whole, some = (split_images(numbered(counts), 0.3, 0.2, seed, limit) for limit in (None, most))
    assert len(some.train_y) == min(most, len(whole.train_y))
    assert set(parts(some)[0]) <= set(parts(whole)[0]) and set(some.train_y) == set(whole.train_y)
    assert all(np.array_equal(a, b) for a, b in zip(parts(some)[1:], parts(whole)[1:], strict=True))
    for label in range(len(counts)):  # shares, up to rounding and the one image that each class keeps
        share = (whole.train_y == label).sum() / len(whole.train_y)
        assert abs((some.train_y == label).sum() - share * len(some.train_y)) <= len(counts)


def test_fewer_images_than_classes_are_no_subset() -> None:
    with pytest.raises(DataError, match="3 classes; most_images must be at least that, got 2"):
        split_images(numbered([9, 9, 9]), 0.3, 0.2, 0, 2)


@pytest.mark.parametrize(("counts", "name", "what"), [([9, 1], 1, "test"), ([2, 9], 0, "test")])
def test_a_class_with_too_few_images_for_the_three_sets_is_named(counts: list[int], name: int, what: str) -> None:
    with pytest.raises(DataError, match=f"class 'class {name}' has too few images to set one aside for {what}"):
        split_images(numbered(counts), 0.3, 0.2, 0)


def test_where_the_source_has_test_images_two_of_a_class_are_enough() -> None:
    assert sorted(split_images(numbered([2, 9], test=1), 0.3, 0.2, 0).valid_y) == [0, 1, 1, 1]
    with pytest.raises(DataError, match="class 'class 0' has too few images to set one aside for validation"):
        split_images(numbered([1, 9], test=1), 0.3, 0.2, 0)


def test_a_class_that_only_test_images_have_is_named() -> None:
    images = numbered([9, 9])
    odd = Images("odd", images.x, images.y, (*images.classes, "rare"), images.x[:1], np.array([2]))
    with pytest.raises(DataError, match="class 'rare' has too few images"):
        split_images(odd, 0.3, 0.2, 0)


def test_validation_images_of_the_source_are_the_only_ones_and_nothing_else_is_set_aside_for_them() -> None:
    images = numbered([5, 5], test=2)
    own = Images("own", images.x, images.y, images.classes, images.test_x, images.test_y, images.x + 50, images.y)
    split = split_images(own, 0.3, 0.2, 0)
    assert sorted(parts(split)[0]) == list(range(10)) and parts(split)[1].tolist() == list(range(50, 60))


def test_measuring_shrinks_with_training_but_not_to_nothing() -> None:
    images = numbered([4_000, 4_000], test=3_000)
    whole, some = split_images(images, 0.25, 0.2, 0), split_images(images, 0.25, 0.2, 0, 3_000)
    assert [len(part) for part in parts(whole)] == [6_000, 2_000, 3_000]
    assert [len(part) for part in parts(some)] == [3_000, 1_000, 1_500]
    assert set(parts(some)[1]) <= set(parts(whole)[1]) and np.bincount(some.valid_y).tolist() == [500, 500]
    few = split_images(images, 0.25, 0.2, 0, 10)
    assert [len(part) for part in parts(few)] == [10, 500, 1_000]
