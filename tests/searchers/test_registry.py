"""Searchers and their options by name."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from archllm.errors import InvalidInput
from archllm.searchers.domain import Domain
from archllm.searchers.registry import build_searcher, searcher_names, searcher_options
from archllm.spaces import SearchSpace


@pytest.fixture(scope="module")
def domain(nasbench201: SearchSpace) -> Domain:
    return Domain(nasbench201)


def test_an_unknown_searcher_is_refused_with_those_that_exist(domain: Domain) -> None:
    with pytest.raises(InvalidInput, match=r"'evolutoin'; did you mean 'evolution'\? Known: sequence, ") as caught:
        build_searcher("evolutoin", domain, 0)
    assert all(name in str(caught.value) for name in searcher_names())


def test_an_unknown_option_is_refused_with_those_that_exist(domain: Domain) -> None:
    with pytest.raises(InvalidInput, match=r"'initail'; did you mean 'initial'\? Known: initial, "):
        build_searcher("gp", domain, 0, initail=3)
    with pytest.raises(InvalidInput, match="there are none"):
        build_searcher("random", domain, 0, initial=3)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("evolution", {"population": 1}),
        ("evolution", {"tournament": 0}),
        ("local", {"initial": "ten"}),
        ("gp", {"exploration": -1.0}),
        ("gp", {"exploration": float("nan")}),
        ("gp", {"features": "embedding"}),
        ("gp", {"target": None}),
        ("gp", {"initial": True}),
        ("gp", {"refit": 0.5}),
        ("ensemble", {"width": 0}),
        ("ensemble", {"learning_rate": 2.0}),
        ("latent", {"vae": 3}),
        ("latent", {"steps": -1}),
        ("sequence", {"largest": 1.5}),
        ("sequence", {"target": "ranks"}),
        ("sequence", {"kernel_weight": 0.0}),
    ],
)
def test_an_option_out_of_range_is_refused_by_name(domain: Domain, method: str, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=f"^{next(iter(options))} must be "):
        build_searcher(method, domain, 0, **options)


@pytest.mark.parametrize("method", searcher_names())
def test_every_option_reaches_its_searcher_and_has_a_description(domain: Domain, method: str) -> None:
    kind = searcher_options(method)
    defaults = {field.name: field.default for field in fields(kind) if field.name != "vae"}
    searcher = build_searcher(method, domain, 0, **defaults)
    assert not defaults or searcher.options == kind()  # type: ignore[attr-defined]
    assert kind.__doc__
