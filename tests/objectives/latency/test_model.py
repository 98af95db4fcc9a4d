import numpy as np
import pytest
from tests.objectives.latency.devices import COSTS, milliseconds

from archllm.errors import InvalidInput
from archllm.objectives.latency.execution import work
from archllm.objectives.latency.features import LatencyFeatures
from archllm.objectives.latency.model import LatencyModel, chosen_for_timing
from archllm.spaces import load_space

SPACE = load_space("nasbench201")
FEATURES = LatencyFeatures(SPACE)


def ranks(values):
    return np.argsort(np.argsort(values))


def count(text, op):
    """How often an operation is computed, by assumption."""
    found = work(SPACE, SPACE.parse(text).graph)
    labels = [name for name in SPACE.op_names if name != "none"]
    return {name: int(each.operations[0, labels.index(op)]) for name, each in found.items()}


def convolutions(text):
    """The same of 3x3 convolutions, which are never equal."""
    found = count(text, "nor_conv_3x3")
    assert found["all"] == found.pop("equal ones once")
    return found


def test_operations_that_nothing_reads_may_not_be_computed():
    dead = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|none~1|none~2|"
    assert convolutions(dead) == {"all": 4, "read": 1, "read or folded": 1, "read and fed": 1}


def test_a_zero_right_after_an_operation_may_be_folded_into_it():
    folded = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|nor_conv_3x3~0|none~1|avg_pool_3x3~2|"
    assert convolutions(folded) == {"all": 2, "read": 1, "read or folded": 2, "read and fed": 1}


def test_operations_on_zeros_may_not_be_computed():
    unfed = "|none~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|none~0|nor_conv_3x3~1|nor_conv_1x1~2|"
    assert convolutions(unfed) == {"all": 2, "read": 2, "read or folded": 2, "read and fed": 0}


def test_equal_poolings_of_the_same_may_be_computed_once():
    found = count("|avg_pool_3x3~0|+|avg_pool_3x3~0|avg_pool_3x3~1|+|avg_pool_3x3~0|none~1|none~2|", "avg_pool_3x3")
    assert (found["all"], found["equal ones once"]) == (4, 2)


def test_ten_timings_of_a_device_without_noise_tell_all_others():
    members = chosen_for_timing(FEATURES, 10)
    model = LatencyModel(FEATURES, members, milliseconds(members))
    others = SPACE.sample(300, np.random.default_rng(1))
    found, expected = model.predict(others), milliseconds(others)
    assert np.allclose(found.ms, expected, rtol=0.01)
    assert model.assumptions["all"] > 0.99


def test_what_a_device_computes_is_told_by_its_timings():
    def read(graphs):
        labels = [name for name in SPACE.op_names if name != "none"]
        costs = np.array([COSTS.get(name, 0.0) for name in labels])
        return 2.0 + work(SPACE, graphs)["read"].operations @ costs

    members = chosen_for_timing(FEATURES, 10)
    model = LatencyModel(FEATURES, members, read(members))
    assert model.assumptions["read"] > 0.99
    others = SPACE.sample(300, np.random.default_rng(1))
    assert np.corrcoef(ranks(model.predict(others).ms), ranks(read(others)))[0, 1] > 0.99


def test_intervals_hold_as_often_as_they_say_where_timings_are_noisy():
    rng, held = np.random.default_rng(0), []
    others = SPACE.sample(300, np.random.default_rng(1))
    for seed in range(1, 9):
        members = chosen_for_timing(FEATURES, 10, seed)
        noisy = milliseconds(members) * np.exp(0.05 * rng.standard_normal(10))
        found = LatencyModel(FEATURES, members, noisy).predict(others)
        truth = milliseconds(others) * np.exp(0.05 * rng.standard_normal(300))
        held.append(np.mean((found.low <= truth) & (truth <= found.high)))
    assert 0.85 <= np.mean(held) <= 0.985


def test_networks_to_time_are_different_and_compute_something():
    members = chosen_for_timing(FEATURES, 10)
    assert len(set(SPACE.keys(members).tolist())) == 10
    with pytest.raises(InvalidInput, match="only"):
        chosen_for_timing(FEATURES, 10_000)


def test_a_model_needs_a_few_timings():
    with pytest.raises(InvalidInput, match="at least 5"):
        LatencyModel(FEATURES, SPACE.sample(3, np.random.default_rng(0)), np.ones(3))


@pytest.mark.parametrize("name", ["nasbench101", "darts", "nats-size", "transformer"])
def test_every_space_with_networks_has_a_model(name):
    space = load_space(name)
    features = LatencyFeatures(space)
    members = chosen_for_timing(features, 12)
    sizes = space.require_networks().macs(members) / 1e6 + 1
    others = space.sample(200, np.random.default_rng(2))
    found = LatencyModel(features, members, sizes.astype(float)).predict(others)
    expected = space.require_networks().macs(others)
    assert np.corrcoef(ranks(found.ms), ranks(expected))[0, 1] > 0.8
    assert (found.low <= found.ms).all() and (found.ms <= found.high).all() and (found.low >= 0).all()
