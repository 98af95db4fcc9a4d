"""The generators that come along are of this version: a fit loads them before it trains anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from archllm import load
from archllm.classifier.informed import RANDOM, generator_of, informed_searcher
from archllm.generation.run_folder import check_seal
from archllm.searchers.bayesian import BayesianOptions
from archllm.searchers.domain import Domain
from archllm.spaces import load_space


def test_every_generator_that_comes_along_is_loaded_and_draws_members() -> None:
    home = generator_of("nasbench201")
    assert home is not None
    folders = [path.parent for path in Path(home).parent.glob("*/config.toml")]
    assert home in folders
    for folder in folders:
        check_seal(folder)
        assert load(folder).sample(20, raw=True).valid > 15


def test_a_space_without_one_has_none() -> None:
    assert generator_of("mobile") is None


def test_a_fit_knows_of_cells_what_is_published_and_of_other_networks_nothing() -> None:
    knowledge = informed_searcher("gp", Domain(load_space("nasbench101")), 0).knowledge
    assert knowledge is not None and "nasbench101" in knowledge.sources[0].origin
    assert informed_searcher("gp", Domain(load_space("mobile")), 0).knowledge is None
    assert informed_searcher("random", Domain(load_space("nasbench101")), 0).knowledge is None


def test_under_tight_limits_few_random_members_are_ranked_where_each_costs_many_draws() -> None:
    space = load_space("mobile")
    macs = space.require_networks().macs
    some = macs(space.sample(500, np.random.default_rng(0)))

    def random(share: float) -> int:
        limit = np.quantile(some, share)
        options = informed_searcher("gp", Domain(space, None, lambda graphs: macs(graphs) <= limit), 0).options
        assert isinstance(options, BayesianOptions)
        return options.random

    assert random(0.02) == RANDOM < random(0.9)
