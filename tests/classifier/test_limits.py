"""Limits, as people write them and as networks keep or break them."""

from __future__ import annotations

import numpy as np
import pytest

from archllm.classifier.limits import COUNTS, MILLISECONDS, Limits, quantity
from archllm.classifier.members import met, smallest
from archllm.errors import InvalidInput
from archllm.spaces import SearchSpace


@pytest.mark.parametrize(
    ("written", "units", "meant"),
    [
        ("300k", COUNTS, 300_000),
        ("1.5M", COUNTS, 1_500_000),
        (2e4, COUNTS, 20_000),
        ("1e5", COUNTS, 100_000),
        ("5ms", MILLISECONDS, 5),
        ("5", MILLISECONDS, 5),
        ("0.25 s", MILLISECONDS, 250),
        ("800us", MILLISECONDS, 0.8),
    ],
)
def test_a_number_may_have_its_unit_behind_it(written: str | float, units: dict[str, float], meant: float) -> None:
    assert quantity(written, units, "it") == pytest.approx(meant)


@pytest.mark.parametrize("written", ["", "many", "-5", "0", "5 parsecs", "1..2", "nan", "inf", "1e999"])
def test_what_is_no_positive_number_is_refused_by_name(written: str) -> None:
    with pytest.raises(InvalidInput, match="max-params must be a number above 0"):
        quantity(written, COUNTS, "max-params")


def test_members_meet_limits_by_the_network_of_the_setting(nasbench201: SearchSpace) -> None:
    networks = nasbench201.require_networks()
    setting = networks.setting(channels=8, cells=1, image_size=8)
    graphs = nasbench201.enumerate()
    params, macs = networks.params(graphs, setting), networks.macs(graphs, setting)
    limits = Limits(params=20_000, macs=500_000, latency=1.0)
    good = met(limits, nasbench201, setting, lambda some: networks.macs(some, setting) / 4e5)(graphs)
    assert np.array_equal(good, (params <= 20_000) & (macs <= 400_000)) and 0 < good.sum() < len(good)
    told = smallest(Limits(params=1), nasbench201, setting)
    assert told == f"{params.min():,} parameters"


def test_a_broken_limit_says_what_was_found_and_what_is_allowed() -> None:
    limits = Limits(params=100, macs=1_000, latency=2.0)
    assert limits.broken(100, 1_000, 2.0) == []
    assert limits.broken(101, 1_001, 2.5) == [
        "101 parameters, 100 are allowed",
        "1,001 multiply-accumulates, 1,000 are allowed",
        "2.5 ms, 2 ms are allowed",
    ]
