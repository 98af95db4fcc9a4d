"""The generators that come along are of this version: a fit loads them before it trains anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archllm import load
from archllm.classifier.informed import generator_of, informed_searcher
from archllm.classifier.limits import Limits
from archllm.classifier.members import met
from archllm.generation.run_folder import check_seal
from archllm.graphs import concatenate
from archllm.networks.setting import NetworkSetting
from archllm.searchers.base import Searcher
from archllm.searchers.domain import Domain
from archllm.spaces import Architecture, SearchSpace, load_space


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


def informed(method: str, space: str, limits: Limits | None = None, seed: int = 0) -> Searcher:
    own = load_space(space)
    setting = setting_of(own)
    allowed = None if limits is None else met(limits, own, setting)
    return informed_searcher(method, Domain(own, None, allowed), seed, limits or Limits(), setting)


def setting_of(space: SearchSpace) -> NetworkSetting:
    found: NetworkSetting = space.require_networks().setting(image_size=16)
    return found


def macs(architectures: Sequence[Architecture]) -> NDArray[np.int64]:
    space = architectures[0].space
    return space.require_networks().macs(concatenate([arch.graph for arch in architectures]), setting_of(space))


def test_a_fit_knows_of_cells_what_is_published_and_of_other_networks_nothing() -> None:
    knowledge = informed("gp", "nasbench101").knowledge
    assert knowledge is not None and "nasbench101" in knowledge.sources[0].origin
    assert informed("gp", "mobile").knowledge is None
    assert informed("random", "nasbench101").knowledge is None


def test_under_a_limit_on_time_networks_that_compute_more_come_first_but_not_alone() -> None:
    limits = Limits(macs=1_000_000)
    usual = np.median(macs(informed("random", "mobile", limits).ask(30)))
    first = np.stack([macs(informed("gp", "mobile", limits, seed).ask(9)) for seed in range(4)])
    assert first.max() <= 1_000_000
    assert ((first > 1.3 * usual).sum(1) >= 6).all() and (first < usual).any()
    assert informed("gp", "mobile", Limits(params=400_000)).knowledge is None  # fewer of these are no faster
