"""What may be asked for: the space or a pool, narrowed by a constraint."""

from __future__ import annotations

import numpy as np
import pytest

from archllm.errors import BudgetExhausted, InvalidArchitecture, InvalidInput, NotEnumerable
from archllm.graphs import Graphs, concatenate
from archllm.predictor.feature_sets import feature_set
from archllm.predictor.features import Featurizer
from archllm.searchers.domain import REFERENCE, Domain
from archllm.spaces import SearchSpace


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_whole_space_is_a_domain(nasbench201: SearchSpace) -> None:
    domain = Domain(nasbench201)
    assert domain.size == 15_625 and domain.enumerable and "15,625" in repr(domain)
    assert (domain.keys == np.arange(15_625)).all()
    assert (domain.index(np.array([7, -1, 15_625, 15_624])) == [7, -1, -1, 15_624]).all()


def test_a_space_too_large_to_list_is_a_domain(darts: SearchSpace) -> None:
    domain = Domain(darts)
    assert domain.size is None and not domain.enumerable and not domain.scanned and "not enumerable" in repr(domain)
    assert domain.contains(domain.sample(3, rng())).all()
    for listing in (domain.enumerate, lambda: domain.keys, lambda: domain.params):
        with pytest.raises(NotEnumerable):
            listing()


def test_a_pool_counts_each_member_once(nasbench101: SearchSpace) -> None:
    members = nasbench101.sample(30, rng())
    domain = Domain(nasbench101, concatenate([members, nasbench101.permute(members, rng())]))
    assert domain.size == len(np.unique(nasbench101.keys(members)))
    assert set(domain.keys.tolist()) == set(nasbench101.keys(members).tolist())
    assert domain.contains(nasbench101.permute(members, rng(1))).all()
    others = nasbench101.sample(30, rng(2))
    assert (domain.contains(others) == np.isin(nasbench101.keys(others), domain.keys)).all()


@pytest.mark.parametrize("name", ["nasbench201", "darts"])
def test_a_constraint_narrows_everything(name: str, request: pytest.FixtureRequest) -> None:
    space: SearchSpace = request.getfixturevalue(name)
    limit = np.median(space.networks.params(space.sample(100, rng(3))))
    domain = Domain(space, allowed=lambda graphs: space.networks.params(graphs) < limit)
    assert (space.networks.params(domain.sample(20, rng())) < limit).all()
    mixed = space.sample(40, rng(1))
    assert (domain.contains(mixed) == (space.networks.params(mixed) < limit)).all()
    arch = space.architecture(domain.sample(1, rng(2)))
    near = domain.neighbours(arch)
    assert near == [other for other in space.neighbours(arch) if other.params < limit]
    if domain.enumerable:
        assert domain.size == (space.networks.params(space.enumerate()) < limit).sum()
        assert (domain.params == space.networks.params(domain.enumerate())).all()


def test_samples_are_uniform_over_a_pool(nasbench201: SearchSpace) -> None:
    domain = Domain(nasbench201, nasbench201.enumerate()[:5])
    counts = np.bincount(nasbench201.keys(domain.sample(5_000, rng())), minlength=5)
    assert counts.sum() == counts[:5].sum() and (abs(counts - 1_000) < 150).all()


def test_a_pool_of_a_whole_table_keeps_the_neighbours_of_the_space(nasbench201: SearchSpace) -> None:
    arch = nasbench201.parse("12")
    assert Domain(nasbench201, nasbench201.enumerate()).neighbours(arch) == nasbench201.neighbours(arch)


def test_neighbours_in_a_sparse_pool_are_its_nearest_members(nasbench101: SearchSpace) -> None:
    domain = Domain(nasbench101, nasbench101.sample(200, rng()))
    arch = nasbench101.architecture(domain.enumerate()[7])
    near = domain.neighbours(arch)
    assert len(set(near)) == len(near) == 24 and arch not in near
    assert domain.contains(concatenate([other.graph for other in near])).all()
    reference = nasbench101.sample(REFERENCE, np.random.default_rng(0))
    make = Featurizer(nasbench101, feature_set("hand", nasbench101, reference), reference)
    features = make(domain.enumerate()).values
    away = ((features - features[7]) ** 2).sum(1)
    farthest = max(away[domain.index(np.array([other.key]))[0]] for other in near)
    assert farthest == pytest.approx(np.sort(away)[24], rel=1e-4)


def test_what_is_no_member_is_not_contained(nasbench201: SearchSpace) -> None:
    graphs = nasbench201.sample(3, rng())
    graphs.ops[1, 0] = 99
    assert Domain(nasbench201).contains(graphs).tolist() == [True, False, True]
    assert not Domain(nasbench201).contains(graphs[[1]]).any()


def test_listed_members_can_not_be_changed(nasbench201: SearchSpace) -> None:
    with pytest.raises(ValueError, match="read-only"):
        Domain(nasbench201).enumerate().ops[0, 0] = 1


@pytest.mark.parametrize("name", ["nasbench201", "darts"])
def test_a_constraint_that_leaves_nothing_is_refused_at_once(name: str, request: pytest.FixtureRequest) -> None:
    space = request.getfixturevalue(name)
    with pytest.raises(InvalidInput, match=r"none of .* meets the constraint"):
        Domain(space, allowed=lambda graphs: np.zeros(len(graphs), dtype=bool))


def test_a_pool_without_allowed_members_is_refused(nasbench201: SearchSpace) -> None:
    with pytest.raises(InvalidInput, match="none of the 4 architectures of the pool"):
        Domain(nasbench201, nasbench201.enumerate()[:4], lambda graphs: np.zeros(len(graphs), dtype=bool))


def test_too_few_that_meet_a_constraint_are_told_with_their_number(darts: SearchSpace) -> None:
    counter = iter(range(10**9))

    def once(graphs: Graphs) -> np.ndarray:
        return (np.arange(len(graphs)) == 0) & (next(counter) < 2)

    domain = Domain(darts, allowed=once)
    with pytest.raises(BudgetExhausted, match=r"only 1 of .* 3 were asked for") as caught:
        domain.sample(3, rng())
    assert caught.value.found == 1 and caught.value.drawn >= 20_000


def test_what_can_not_be_a_domain_is_refused(nasbench201: SearchSpace) -> None:
    graphs = nasbench201.sample(3, rng())
    with pytest.raises(InvalidInput, match="no architecture"):
        Domain(nasbench201, graphs[:0])
    for wrong in (lambda g: np.ones(len(g)), lambda g: np.ones(2, dtype=bool), lambda g: True):
        with pytest.raises(InvalidInput, match="a boolean for each"):
            Domain(nasbench201, allowed=wrong)  # type: ignore[arg-type, return-value]
    with pytest.raises(InvalidInput, match="at least 1"):
        Domain(nasbench201).sample(0, rng())
    graphs.ops[2, 0] = 99
    with pytest.raises(InvalidArchitecture, match="pool can't be used: graph 2 "):
        Domain(nasbench201, graphs)


def test_an_architecture_of_another_space_has_no_neighbours(nasbench201: SearchSpace, darts: SearchSpace) -> None:
    with pytest.raises(InvalidInput, match="darts"):
        Domain(nasbench201).neighbours(darts.architecture(darts.sample(1, rng())))


def test_a_limit_that_nothing_keeps_is_refused_with_the_sizes_that_there_are(nasbench201):
    setting = nasbench201.networks.setting(channels=8, cells=1)

    def allowed(graphs):
        return nasbench201.networks.params(graphs, setting) < 1_000

    told = r"none of the 15,625 .* \(their networks have 18,738 to 91,986 parameters and 2,056,522 to 12,673,354 "
    with pytest.raises(InvalidInput, match=told):
        Domain(nasbench201, allowed=allowed, network=setting)
