"""Every search method keeps the contract."""

from __future__ import annotations

from functools import cache, partial

import pytest

from archllm.errors import InvalidInput
from archllm.predictor import PredictorConfig
from archllm.searchers import domain_features, sequence
from archllm.searchers.domain import Domain
from archllm.searchers.fine_tuning import SearchGenerator
from archllm.searchers.registry import searcher_names
from archllm.testing import SearcherContract
from archllm.testing.searcher import home, pool, search, whole

train = SearchGenerator.train


@pytest.fixture(autouse=True)
def few_references(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer members by which features are scaled: each search would describe a thousand."""
    monkeypatch.setattr(domain_features, "REFERENCE", 200)


@cache
def trained_once(space: str, steps: int) -> SearchGenerator:
    return train(whole(space), 0, steps)


class TestSequence(SearcherContract):
    searcher = "sequence"
    options = {  # noqa: RUF012
        "steps": 2,
        "initial": 4,
        "every": 4,
        "fine_tuning_steps": 2,
        "replay": 60,
        "draws": 20,
        "parents": 2,
        "features": "free",
    }

    @pytest.fixture(autouse=True)
    def one_training_per_space(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """All searches of a space share the generator that they would train for themselves; predictors fit roughly."""

        def trained(domain: Domain, seed: int, steps: int) -> SearchGenerator:
            return trained_once(domain.space.name, steps)

        monkeypatch.setattr(SearchGenerator, "train", staticmethod(trained))
        monkeypatch.setattr(sequence, "PredictorConfig", partial(PredictorConfig, likelihood_steps=5))
        monkeypatch.setattr(sequence, "FEWEST_CANDIDATES", 25)  # these generators write little that is valid


class TestRandom(SearcherContract):
    searcher = "random"


class TestEvolution(SearcherContract):
    searcher = "evolution"
    options = {"population": 6, "tournament": 3}  # noqa: RUF012


class TestLocal(SearcherContract):
    searcher = "local"
    options = {"initial": 4}  # noqa: RUF012


class TestLargest(SearcherContract):
    searcher = "largest"
    spaces = [name for name in SearcherContract.spaces if home(name).networks is not None]  # noqa: RUF012

    def test_without_networks_none_is_the_largest(self) -> None:
        with pytest.raises(InvalidInput, match="no network is made of architectures of own-choices"):
            self.build(whole("own-choices"))


class TestGaussianProcess(SearcherContract):
    searcher = "gp"
    options = {"initial": 4, "random": 60, "parents": 2}  # noqa: RUF012


class TestHalving(SearcherContract):
    searcher = "halving"
    options = {  # noqa: RUF012
        "proposals": "random",
        "lower_fidelity": ("maximise:params", "minimise:params"),
    }
    spaces = ["nasbench101", "nasbench201"]  # noqa: RUF012

    def test_several_objectives_are_followed(self, either: str) -> None:
        with pytest.raises(InvalidInput, match="at most 1 objective"):
            self.build(self.domain(either), objectives=2)

    def test_a_new_searcher_that_is_told_what_is_pending_goes_on_as_the_old_one(self) -> None:
        """But for what was trained shorter since: that is stored with the trial that is over next."""
        old, new = (self.build(self.domain("nasbench201")) for _ in range(2))
        search(old, 9)
        waiting = old.ask(2)
        new.tell(old.evaluations)
        new.pending(waiting)
        assert not set(waiting) & set(new.ask(3))


class TestEnsemble(SearcherContract):
    searcher = "ensemble"
    options = {"initial": 4, "width": 8, "steps": 5, "parents": 2, "random": 10}  # noqa: RUF012


@cache
def scanned(space: str) -> Domain:
    """Part of a space: the VAE reads every member anew in each search of a space that it can scan."""
    return pool(space, 300)


class TestLatent(SearcherContract):
    searcher = "latent"
    options = {"initial": 4, "steps": 2, "cells": 100, "random": 60, "parents": 2}  # noqa: RUF012

    def domain(self, space: str) -> Domain:
        return scanned(space) if space == "nasbench201" else whole(space)


class PeerContract(SearcherContract):
    """Peers see all spaces as parameters, so two are enough: one that can be listed, and one that can't."""

    spaces = ("nasbench201", "own-choices")
    both = ("nasbench201",)


class TestOptunaTPE(PeerContract):
    searcher = "optuna:tpe"


class TestOptunaNSGA2(PeerContract):
    searcher = "optuna:nsga2"


class SlowPeerContract(PeerContract):
    """What takes peers seconds; that small pools are asked for to their end is what all share, and fast ones show."""

    spaces = ("nasbench201",)
    test_what_was_told_or_is_pending_is_not_asked_for = None
    test_a_domain_is_asked_for_to_its_end = None
    test_a_domain_of_one_is_searched = None
    test_a_told_architecture_can_lie_outside_the_domain = None
    test_a_new_searcher_that_is_told_what_is_pending_goes_on_as_the_old_one = None
    test_several_objectives_are_followed = None
    test_equal_scores_stop_no_search = None


@pytest.mark.slow
class TestOptunaGP(SlowPeerContract):
    searcher = "optuna:gp"


@pytest.mark.slow
class TestSMAC(SlowPeerContract):
    searcher = "smac:hpo"
    options = {"trials": 40}  # noqa: RUF012  (an initial design of ten)


@pytest.mark.slow
class TestNevergrad(SlowPeerContract):
    searcher = "nevergrad:ngopt"


SUITES = (
    TestSequence,
    TestRandom,
    TestEvolution,
    TestLocal,
    TestLargest,
    TestGaussianProcess,
    TestHalving,
    TestEnsemble,
    TestLatent,
    TestOptunaTPE,
    TestOptunaNSGA2,
    TestOptunaGP,
    TestSMAC,
    TestNevergrad,
)


def test_every_method_is_tested_under_its_own_name() -> None:
    assert sorted(suite.searcher for suite in SUITES) == sorted(searcher_names())
    for suite in SUITES:
        assert suite().build(suite().domain("nasbench201")).name == suite.searcher
