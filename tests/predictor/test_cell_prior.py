"""The prior of cells: what it sees, what it refuses, and that the shipped one leaves the searched space out."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from archllm.errors import DataError, InvalidInput
from archllm.predictor.cell_prior import COLUMNS, CellPrior, Part, cell_features, shipped_prior
from archllm.predictor.computation import computes_nothing, paths, weighted_paths
from archllm.predictor.knowledge import Knowledge, Source
from archllm.spaces import load_space

SPACE, OTHER = load_space("nasbench201"), load_space("nasbench101")
CELLS = SPACE.enumerate()[::20]
SHIPPED = files("archllm.predictor").joinpath("shipped", "cell_prior.json")


def learned() -> CellPrior:
    cells = OTHER.sample(300, np.random.default_rng(0))
    scores = cell_features(OTHER, cells)[:, 0]
    return CellPrior((Part.learn(OTHER, cells, [scores, scores], ["a", "b"], "made here"),))


def test_gains_of_one_count_paths_and_those_of_zero_leave_some_out() -> None:
    count = len(SPACE.op_names)
    assert weighted_paths(SPACE, CELLS, [1.0] * count) == pytest.approx(paths(SPACE, CELLS, [[1]]).paths)
    cell = SPACE.parse("|avg_pool_3x3~0|+|none~0|skip_connect~1|+|nor_conv_3x3~0|none~1|none~2|").graph
    values = dict(zip(COLUMNS, cell_features(SPACE, cell)[0], strict=True))
    assert values["share without pooling"] == 1.0  # what leads to node 2 leads nowhere
    assert values["short paths"] == pytest.approx(np.log(1.5)) and values["direct links"] == 0


def test_scores_of_one_space_say_something_of_another_and_nothing_is_worst() -> None:
    expected = learned().learned(SPACE)(CELLS)
    counts = cell_features(SPACE, CELLS)[:, 0]
    assert np.corrcoef(expected, counts)[0, 1] > 0.8
    nothing = computes_nothing(SPACE, CELLS)
    assert expected[nothing].max() < expected[~nothing].min()


def test_a_file_holds_all_of_it(tmp_path) -> None:
    prior = learned()
    prior.write(tmp_path / "p.json")
    again = CellPrior.parse((tmp_path / "p.json").read_text(), "p.json")
    assert again.text == prior.text and again.fingerprint == prior.fingerprint
    assert again.learned(SPACE)(CELLS) == pytest.approx(prior.learned(SPACE)(CELLS), abs=1e-3)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "nothing",
        '{"format": "other"}',
        '{"format": "archllm cell prior 1", "parts": [{"space": "s"}]}',
        (
            '{"format": "archllm cell prior 1", "parts": [{"space": "s", "tables": [], "licence": "", "known": 1, '
            '"constant": 0, "curves": {"count conv3": {"above": [2, 1], "adds": [1, 1]}}}]}'
        ),
        (
            '{"format": "archllm cell prior 1", "parts": [{"space": "s", "tables": [], "licence": "", "known": 1, '
            '"constant": 0, "curves": {"luck": {"above": [1], "adds": [1]}}}]}'
        ),
    ],
)
def test_another_file_is_refused_by_name(text: str) -> None:
    with pytest.raises(DataError, match=r"p\.json is not a prior of cells"):
        CellPrior.parse(text, "p.json")


@pytest.mark.parametrize(
    "space", [SPACE, OTHER, load_space("transnasbench"), load_space("darts")], ids=lambda s: s.name
)
def test_the_shipped_one_says_nothing_by_scores_of_the_space_itself(space) -> None:
    prior = shipped_prior(space)
    assert space.name not in prior.origin.split(", ") and prior.parts
    assert (space.name in shipped_prior(space, own=True).origin) == (space.name in ("nasbench101", "nasbench201"))
    cells = space.sample(50, np.random.default_rng(0))
    expected = Knowledge(space, [prior]).expected(cells)
    assert np.isfinite(expected).all() and expected.std() > 0


def test_the_shipped_one_is_small_and_names_its_sources() -> None:
    text = SHIPPED.read_text()
    assert len(text) < 10_000
    sources = SHIPPED.parent.joinpath("SOURCES.md").read_text()
    for part in CellPrior.parse(text, "shipped").parts:
        assert part.licence in sources and f"`{part.space}`: {part.known:,} cells" in sources


def test_spaces_without_known_operations_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"what their operations do; .*\[roles\]"):
        shipped_prior(load_space("mobile"))
    with pytest.raises(InvalidInput, match="no space but nasbench101 itself"):
        learned().without("nasbench101").check(OTHER)


def test_it_stands_beside_named_sources() -> None:
    source = Source("counts", SPACE, CELLS, cell_features(SPACE, CELLS)[:, 0])
    both = Knowledge(SPACE, [source]).joined(Knowledge(SPACE, [learned()]))
    assert both.expected(CELLS[:30]).shape == (30, 2)
