"""Which networks are trained fully, by what they were measured to take."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from archllm.classifier.limits import MARGIN
from archllm.classifier.plan import FINALISTS, FULL_IMAGES, MORE, finalists_in, within


def measured(times: list[float], taken: list[int]) -> Iterator[tuple[int, float]]:
    for number, ms in enumerate(times):
        taken.append(number)
        yield number, ms


@pytest.mark.parametrize(
    ("times", "n", "chosen", "looked_at"),
    [
        ([0.5, 0.5, 0.5], 1, [0], 1),
        ([1.5, 0.5, 0.99, 0.4], 2, [1, 2], 3),  # one of two leaves a margin
        ([0.99, 0.98, 0.5, 0.4], 1, [2], 3),
        ([0.99, 0.98, 0.97, 0.5], 2, [0, 3], 4),
        ([0.99] * 100, 2, [0, 1], 2 + MORE),  # none does: no more are measured than a few
        ([0.99, 1.2], 3, [0], 2),
        ([1.2, 1.1], 1, [], 2),
    ],
)
def test_finalists_keep_to_the_limit_and_one_leaves_a_margin_if_the_next_best_do(
    times: list[float], n: int, chosen: list[int], looked_at: int
) -> None:
    taken: list[int] = []
    assert MARGIN > 0.95 and within(1.0, n, measured(times, taken)) == chosen
    assert len(taken) == looked_at


@pytest.mark.parametrize(("images", "seconds", "finalists"), [(1, 2.9, 1), (1, 3, FINALISTS), (1_000, 3, 1)])
def test_several_are_trained_fully_where_there_is_time_for_all_of_them(
    images: int, seconds: float, finalists: int
) -> None:
    assert finalists_in(seconds, FULL_IMAGES, images) == finalists
