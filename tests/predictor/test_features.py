"""Features say what they should of cells, and blocks weigh the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from archllm.errors import InvalidArchitecture, InvalidInput, NotEnumerable
from archllm.generation.recommended import recommended
from archllm.graphs import Graphs
from archllm.predictor import FeatureMaker, Features, Featurizer, averaged
from archllm.predictor import makers as usual
from archllm.predictor.computation import computation_keys
from archllm.predictor.equivalence import fewest_params, one_of_each
from archllm.predictor.feature_sets import recommended_makers
from archllm.spaces import SearchSpace, load_space
from archllm.workflows.train import train


@pytest.fixture(params=["nasbench101", "nasbench201", "darts"])
def space(request: pytest.FixtureRequest) -> SearchSpace:
    found: SearchSpace = request.getfixturevalue(request.param)
    return found


def some(space: SearchSpace, n: int = 300, seed: int = 0) -> Graphs:
    return space.sample(n, np.random.default_rng(seed))


def by_hand(space: SearchSpace) -> list[FeatureMaker]:
    return [usual.one_hot(space), usual.path(space, some(space)), usual.free(space)]


def test_in_each_block_two_random_cells_are_at_distance_one(space: SearchSpace) -> None:
    graphs = some(space, 100)
    for part in Featurizer(space, by_hand(space), graphs)(graphs).parts:
        squares = ((part[:, None] - part[None]) ** 2).sum(2)
        assert squares.mean() == pytest.approx(1, abs=1e-3)


def test_columns_that_say_nothing_are_left_out(nasbench201: SearchSpace) -> None:
    graphs = some(nasbench201)
    values = Featurizer(nasbench201, [usual.one_hot(nasbench201)], graphs)(graphs).values
    assert values.shape == (300, 6 * 5) and (values.std(0) > 0).all()


def test_cells_have_the_same_features_whatever_stands_beside_them(space: SearchSpace) -> None:
    featurizer = Featurizer(space, by_hand(space), some(space))
    others = some(space, 20, seed=1)
    assert np.allclose(featurizer(others[[3, 5]]).values, featurizer(others).values[[3, 5]], atol=1e-6)


def test_features_do_not_depend_on_how_a_cell_is_written(nasbench101: SearchSpace) -> None:
    graphs = some(nasbench101)
    other = nasbench101.permute(graphs, np.random.default_rng(1))
    featurizer = Featurizer(nasbench101, by_hand(nasbench101), graphs)
    assert np.array_equal(featurizer(other).values, featurizer(graphs).values)


def test_one_hot_features_tell_all_cells_apart(nasbench201: SearchSpace) -> None:
    rows = usual.one_hot(nasbench201).make(nasbench201.enumerate())
    assert len(np.unique(rows, axis=0)) == nasbench201.size


def test_nas_bench_201_has_four_paths_that_spell_155_words(nasbench201: SearchSpace) -> None:
    graphs = nasbench201.enumerate()
    counts = usual.path(nasbench201, graphs).make(graphs)
    assert counts.shape == (15_625, 5 + 25 + 125)
    assert (counts.sum(1) == 4).all()


def test_words_that_were_not_listed_are_passed_over(nasbench201: SearchSpace) -> None:
    graphs = nasbench201.enumerate()
    counts = usual.path(nasbench201, graphs, 3).make(graphs)
    assert counts.shape[1] == 3 and counts.sum(1).min() == 0


def test_free_features_begin_with_parameters_and_macs(nasbench201: SearchSpace) -> None:
    index = nasbench201.parse("0").graph
    assert np.exp(usual.free(nasbench201).make(index)[0, :2]) == pytest.approx([129_306, 15_647_370], rel=1e-4)


def test_averaged_features_are_equal_exactly_for_cells_that_compute_the_same(nasbench201: SearchSpace) -> None:
    graphs = nasbench201.enumerate()
    values = averaged(usual.one_hot(nasbench201), nasbench201).make(graphs)
    _, first, class_of = np.unique(computation_keys(nasbench201, graphs), return_index=True, return_inverse=True)
    assert np.array_equal(values, values[first][class_of])
    assert len(np.unique(values.round(6), axis=0)) > 4_000


def test_an_average_is_that_of_all_cells_of_the_class(nasbench201: SearchSpace) -> None:
    graphs, maker = nasbench201.enumerate(), usual.one_hot(nasbench201)
    keys = computation_keys(nasbench201, graphs)
    rows = np.flatnonzero(keys == keys[7])
    assert np.allclose(averaged(maker, nasbench201).make(graphs[[7]])[0], maker.make(graphs[rows]).mean(0))


def test_where_every_operation_has_an_effect_there_is_nothing_to_average(nasbench101: SearchSpace) -> None:
    maker = usual.one_hot(nasbench101)
    assert averaged(maker, nasbench101) is maker


@pytest.mark.parametrize(("of_space_alone", "times"), [(True, 1), (False, 2)])
def test_averages_of_what_the_space_alone_tells_are_made_once(
    nasbench201: SearchSpace, of_space_alone: bool, times: int
) -> None:
    made: list[int] = []

    def make(graphs: Graphs) -> NDArray[np.float64]:
        made.append(len(graphs))
        return graphs.ops.astype(np.float64)

    maker = FeatureMaker("labels", make, of_space_alone)
    first, second = (averaged(maker, nasbench201).make(nasbench201.enumerate()) for _ in range(2))
    assert np.array_equal(first, second) and made == [nasbench201.size] * times


def test_averages_need_a_space_that_can_be_listed(darts: SearchSpace) -> None:
    with pytest.raises(NotEnumerable, match="darts"):
        averaged(usual.one_hot(darts), darts)


def test_parameters_without_an_effect_do_not_count(nasbench201: SearchSpace) -> None:
    dead = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"  # nothing reads what the 3x3 writes
    live = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|"
    bare = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
    graphs = nasbench201.parse_batch([dead, live, bare])
    own, fewest = nasbench201.networks.params(graphs), fewest_params(nasbench201, graphs)
    assert own[0] == own[1] > own[2]
    assert fewest.tolist() == [own[2], own[1], own[2]]
    assert nasbench201.format(one_of_each(nasbench201, graphs)) == [dead, live]


def test_where_members_cannot_be_listed_parameters_are_their_own(darts: SearchSpace) -> None:
    graphs = some(darts, 5)
    assert np.array_equal(fewest_params(darts, graphs), darts.networks.params(graphs))


def test_a_trained_model_has_embeddings_of_three_kinds() -> None:
    space = load_space("nasbench201")
    config = recommended(space)
    small = replace(config, tokenizer=replace(config.tokenizer, steps=3), prior=replace(config.prior, steps=3))
    model = train(space, small, seed=0)
    graphs = some(space, 50)
    learned = [
        usual.tokenizer(model.tokenizer), usual.codes(model.tokenizer), usual.prior(model.tokenizer, model.prior)
    ]  # fmt: skip
    for maker in learned:
        rows = maker.make(graphs)
        assert len(rows) == 50 and rows.ndim == 2
        assert np.allclose(maker.make(graphs[[9]]), rows[[9]], atol=1e-4)
    names = [maker.name for maker in recommended_makers(model.tokenizer)]
    assert names == ["averaged tokenizer", "averaged free"]


def test_what_is_not_a_member_is_refused_with_its_reason(nasbench201: SearchSpace) -> None:
    graphs = some(nasbench201)
    featurizer = Featurizer(nasbench201, [usual.one_hot(nasbench201)], graphs)
    ops = graphs.ops.copy()
    ops[4, 0] = 3
    wrong = Graphs(ops, graphs.adjacency)
    with pytest.raises(InvalidArchitecture, match="graph 4 is not a member of nasbench201: node 0"):
        featurizer(wrong)
    with pytest.raises(InvalidArchitecture, match="graph 4"):
        Featurizer(nasbench201, [usual.one_hot(nasbench201)], wrong)


def test_features_need_makers_and_different_cells(nasbench201: SearchSpace) -> None:
    maker = usual.one_hot(nasbench201)
    with pytest.raises(InvalidInput, match="at least one maker"):
        Featurizer(nasbench201, [], some(nasbench201))
    with pytest.raises(InvalidInput, match="at least 2 reference cells, got 1"):
        Featurizer(nasbench201, [maker], some(nasbench201, 1))
    with pytest.raises(InvalidInput, match="'one_hot' are the same for all 3"):
        Featurizer(nasbench201, [maker], some(nasbench201, 1)[[0, 0, 0]])


@pytest.mark.parametrize("made", [np.zeros(3), np.zeros((2, 4)), np.full((3, 2), np.nan)], ids=["flat", "few", "nan"])
def test_a_maker_that_gives_no_table_of_numbers_is_named(nasbench201: SearchSpace, made: np.ndarray) -> None:
    maker = FeatureMaker("mine", lambda graphs: made)
    with pytest.raises(InvalidInput, match="'mine' must be 3 x d finite numbers"):
        Featurizer(nasbench201, [maker], some(nasbench201, 3))


def test_blocks_that_do_not_cover_the_columns_are_refused() -> None:
    for blocks in ((), (slice(0, 2),), (slice(0, 2), slice(2, 5))):
        with pytest.raises(InvalidInput, match="blocks"):
            Features(np.zeros((4, 3), dtype=np.float32), blocks)
