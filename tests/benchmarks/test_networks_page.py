"""The page of networks says what the jobs measured, and every job writes what JSON can hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks import networks, networks_page

ABOUT = {"commit": "abc1234", "machine": "m", "load": 1.0, "torch": "2", "date": "2026-01-01"}


def measured() -> dict[str, dict[str, object]]:
    form = {"differences": [1e-7, 3e-7], "seconds": [1.0, 2.0]}
    counts = {"cells": 10, "params_seconds": 0.5, "macs_seconds": 0.25, "built": 3, "agree": 2}
    results: dict[str, object] = {}
    for space in networks.SPACES:
        results[f"counts-{space}"] = dict(counts)
        results[f"shallow-{space}"] = results[f"full-{space}"] = dict.fromkeys(networks.EXPORTS, form)
    results["counts-nasbench101"] = counts | {"sample": {"cells": 30_001, "params_seconds": 0.1}}
    results["counts-nasbench201"] = counts | {"every_cell": 15_624}
    results["orders"] = {
        "normal_form_differs": 7, "cells": 5, "copies": 4, "depend": 3, "largest_spread": 0.02, "median_spread": 0.01,
    }  # fmt: skip
    results["training"] = {"candidates": 2} | {n: {"per_minute": 30.0, "scores": [1.0, 2.0]} for n in ("1", "2")}
    results["noise"] = {"scores": [[1.0, 2.0, 4.0], [1.5, 2.0, 3.0], [1.0, 3.0, 2.0]], "cifar10": [10.0, 20.0, 30.0]}
    return {name: {"result": result, "about": ABOUT} for name, result in results.items()}


def test_the_page_holds_what_was_measured(tmp_path: Path) -> None:
    networks_page.write_page(measured(), tmp_path)
    page = (tmp_path / "networks.md").read_text()
    assert "| 3 | 2 |" in page and "15,624 of 15,625" in page and "3.0e-07 | 1.5 ± 0.7" in page
    assert "scores of both runs are the same" in page
    assert json.loads((tmp_path / "networks.json").read_text()) == measured()


def test_scores_that_differ_between_runs_are_told(tmp_path: Path) -> None:
    data = measured()
    data["training"]["result"]["2"]["scores"] = [1.0, 2.5]  # type: ignore[index]
    networks_page.write_page(data, tmp_path)
    assert "NOT the same" in (tmp_path / "networks.md").read_text()


def test_the_page_needs_every_job(tmp_path: Path) -> None:
    assert set(measured()) == set(networks.jobs())


def test_jobs_measure_what_json_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "ORDERS", (20, 4))
    monkeypatch.setattr(networks, "BUILT", 2)
    monkeypatch.setattr(networks, "GENOTYPES", 10)
    orders, counts = networks.orders(), networks.counts("darts")
    exports = networks.exports("nasbench201", 1, {"channels": 4, "cells": 1})
    assert json.loads(json.dumps([orders, counts, exports])) == [orders, counts, exports]
    assert counts["agree"] == counts["built"] == 2
    assert orders["normal_form_differs"] == 16_778
