"""Scores of other tasks: what they say of members, of the same space and of others, and which say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from archllm.errors import InvalidInput
from archllm.operations import by_name
from archllm.predictor.computation import computation_keys
from archllm.predictor.knowledge import Knowledge, Source
from archllm.predictor.meanings import COLUMNS, known_operations, meaning_features, meaning_of
from archllm.spaces import load_space, space_names

SPACE = load_space("transnasbench")
CELLS = SPACE.enumerate()[::8]
CONVS = meaning_features(SPACE, CELLS)[:, 0] + 0.1 * meaning_features(SPACE, CELLS)[:, 1]


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(*(np.argsort(np.argsort(each)) for each in (one, other)))[0, 1])


def test_a_complete_source_gives_its_own_order_in_any_unit() -> None:
    some = np.arange(0, len(CELLS), 3)
    plain, scaled = (
        Knowledge(SPACE, [Source("all", SPACE, CELLS, scores)]).expected(CELLS[some])
        for scores in (CONVS, np.exp(3 * CONVS))
    )
    assert rank_correlation(plain[:, 0], CONVS[some]) > 0.95
    assert plain == pytest.approx(scaled)


def test_what_computes_the_same_is_expected_alike() -> None:
    noisy = CONVS + np.random.default_rng(0).standard_normal(len(CONVS))
    expected = Knowledge(SPACE, [Source("noisy", SPACE, CELLS, noisy)]).expected(CELLS)[:, 0]
    keys = computation_keys(SPACE, CELLS)
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    assert expected == pytest.approx(expected[first[place]], abs=1e-4)
    assert rank_correlation(expected, CONVS) > rank_correlation(noisy, CONVS)


def test_missing_scores_and_few_rows_are_told() -> None:
    scores = np.full(len(CELLS), np.nan)
    scores[:4] = [1.0, np.inf, 2.0, 3.0]
    with pytest.raises(InvalidInput, match=r"few has 3 finite score\(s\)"):
        Source("few", SPACE, CELLS, scores)
    with pytest.raises(InvalidInput, match="says nothing"):
        Source("flat", SPACE, CELLS, np.ones(len(CELLS)))
    scores[10:40] = CONVS[10:40]
    assert Source("some", SPACE, CELLS, scores).known == 33


def test_scores_carry_over_to_a_space_with_the_same_operations() -> None:
    other = load_space("nasbench101")
    cells = other.sample(300, np.random.default_rng(1))
    features = meaning_features(other, cells)
    source = Source("convs", other, cells, features[:, 0] + 0.1 * features[:, 1])
    assert rank_correlation(Knowledge(SPACE, [source]).expected(CELLS)[:, 0], CONVS) > 0.8


def test_spaces_without_common_operations_are_refused() -> None:
    other = load_space("nats-size")
    members = other.sample(20, np.random.default_rng(0))
    with pytest.raises(InvalidInput, match="widths is of nats-size"):
        Knowledge(SPACE, [Source("widths", other, members, np.arange(20.0))])


def test_sources_that_contradict_each_other_take_turns() -> None:
    knowledge = Knowledge(SPACE, [Source("up", SPACE, CELLS, CONVS), Source("down", SPACE, CELLS, -CONVS)])
    best = knowledge.best_first(CELLS)
    assert sorted(best) == list(range(len(CELLS)))
    assert CONVS[best[0]] == CONVS.max() and CONVS[best[1]] <= np.quantile(CONVS, 0.1)


def test_operations_mean_what_their_names_say() -> None:
    known = {name for name in space_names() if known_operations(load_space(name))}
    assert {"nasbench101", "nasbench201", "darts", "transnasbench"} <= known
    assert not {"nats-size", "mobilenetv3"} & known
    assert [meaning_of(by_name(name)) for name in ("none", "maxpool3x3", "dil_conv_5x5", "conv7x7")] == [
        None,
        "pool",
        "light",
        "conv5",
    ]
    with pytest.raises(InvalidInput, match="can't be told"):
        meaning_of(by_name("mystery"))


def test_the_columns_count_what_has_an_effect() -> None:
    space = load_space("nasbench201")
    cell = space.parse("|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|avg_pool_3x3~0|none~1|skip_connect~2|")
    found = dict(zip(COLUMNS, meaning_features(space, cell.graph)[0], strict=True))
    assert (found["count conv3"], found["count pool"], found["count conv1"]) == (2, 1, 0)
    assert (found["most conv3"], found["least any"], found["mean any"]) == (2, 1, 1.5)
