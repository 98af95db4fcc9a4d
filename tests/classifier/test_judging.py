"""Figures of a classifier on test images."""

from __future__ import annotations

import numpy as np
import pytest

from archllm.classifier.judging import Judged, wilson


def test_the_interval_is_the_published_one() -> None:
    # Newcombe (1998), table I, score method without continuity correction
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0).binomial(200, 0.93, 4_000)
    covered = np.mean([low <= 0.93 <= high for low, high in (wilson(int(right), 200) for right in draws)])
    assert 0.93 <= covered <= 0.97


def test_the_matrix_counts_every_image_once_in_its_row() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 50)
    found = Judged(labels, rng.random((50, 4), dtype=np.float32))
    assert np.array_equal(found.confusion.sum(1), np.bincount(labels, minlength=4))
    assert np.trace(found.confusion) == found.right


def test_examples_take_turns_among_classes_and_begin_with_the_surest() -> None:
    labels = np.array([0, 0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.05, 0.95], [0.7, 0.3], [0.4, 0.6]], dtype=np.float32)
    found = Judged(labels, probabilities)
    assert found.examples(right=False, most=3) == [2, 3, 1]
    assert found.examples(right=True, most=9) == [0, 4]
