"""What may be asked for next: each once, and apart from what is in other parts."""

from __future__ import annotations

import numpy as np

from archllm.graphs import concatenate
from archllm.predictor import Features
from archllm.searchers.candidates import Candidates
from archllm.spaces import load_space

SPACE = load_space("nasbench201")
CELLS = SPACE.enumerate()[:6]


def described(graphs) -> Features:
    return Features(graphs.ops.astype(np.float32), (slice(0, graphs.ops.shape[1]),))


def test_repeats_go_and_the_order_stays() -> None:
    found = Candidates.of(concatenate([CELLS[[4, 1]], CELLS[[4, 0]]]), SPACE, described)
    assert found.keys.tolist() == SPACE.keys(CELLS[[4, 1, 0]]).tolist()
    assert (found.features.values == described(CELLS[[4, 1, 0]]).values).all()


def test_what_is_in_other_parts_is_left_out() -> None:
    part, first, second = (Candidates.of(CELLS[rows], SPACE, described) for rows in ([0, 1, 2], [1], [2, 5]))
    left = part.without([first, second])
    assert left is not None and left.keys.tolist() == SPACE.keys(CELLS[[0]]).tolist()
    assert part.without([part]) is None
    assert second.without([first]) is second  # the same object, so what was made of it is kept
