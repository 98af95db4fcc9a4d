"""The pages of networks and of custom spaces say what the jobs measured, and what was missed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from benchmarks import large_spaces, networks, picture, spaces
from benchmarks.harness import IMAGES
from benchmarks.pages import large_spaces as large_space_pages
from benchmarks.pages import networks as network_pages
from benchmarks.pages import spaces as space_pages

import archllm
from archllm.generation.config import TrainConfig
from archllm.spaces import SearchSpace

ABOUT = {"command": "c", "commit": "abc1234", "machine": "m", "threads": 1, "torch": "2", "date": "2026-01-01"}


def measured_networks() -> list[dict[str, Any]]:
    form = {"differences": [1e-7, 3e-7], "seconds": [1.0, 2.0]}
    by_part: dict[str, dict[str, Any]] = {
        "counts": {"counted": 10, "params_seconds": 0.5, "macs_seconds": 0.25, "built": 3, "agree": 2},
        "shallow": dict.fromkeys(networks.EXPORTS, form),
        "full": dict.fromkeys(networks.EXPORTS, form),
        "permutations": {
            "canonical_form_differs": 7, "depend": 3, "largest_spread": 0.02, "median_spread": 0.01,
        },
        "training": {n: {"per_minute": 30.0, "scores": [1.0, 2.0]} for n in ("1", "2")},
        "noise": {"scores": [[1.0, 2.0, 4.0], [1.5, 2.0, 3.0], [1.0, 3.0, 2.0]], "cifar10": [10.0, 20.0, 30.0]},
    }  # fmt: skip
    jobs = networks.jobs(networks.BENCHMARK.parse([]))
    found = {name: {"name": name, **job, **by_part[job["part"]], "about": ABOUT} for name, job in jobs.items()}
    found["counts-nasbench101"]["sample"] = {"cells": 30_001, "params_seconds": 0.1}
    found["counts-nasbench201"]["every_cell"] = 15_624
    return list(found.values())


def test_the_page_of_networks_holds_what_was_measured() -> None:
    text = network_pages.page(measured_networks())
    assert "| 3 | 2 | abc1234 |" in text and "15,624 of 15,625" in text and "| 3.0e-07 | 1.5 ± 0.7 |" in text
    assert "scores of both runs are the same" in text


def test_scores_that_differ_between_runs_are_told() -> None:
    results = measured_networks()
    for result in results:
        if result["part"] == "training":
            result["2"] = {"per_minute": 30.0, "scores": [1.0, 2.5]}
    assert "NOT the same" in network_pages.page(results)


def metrics(valid: float, distinct: float) -> dict[str, Any]:
    values = {"valid": (valid, 1.0), "valid_unique": (0.5 * distinct, 0.5), "novel": (0.1, 0.1), "cycle": (valid, 1.0)}
    return {name: {"mean": mean, "std": 0.0, "expected": expected} for name, (mean, expected) in values.items()}


def measured_spaces(valid: float = 0.9995, distinct: float = 1.0) -> list[dict[str, Any]]:
    """A result of every job."""
    report = {"held_out_nats": 8.5, "ideal_nats": 8.0, "reconstruction": 1.0, "code_length": 3}
    report |= {"cells": {"train": 100, "held_out": 11}, "codebook": {"used": 48}}
    more = {
        "quality": {"size": 4096, "report": report, "train_seconds": 50.0, "train_cpu_seconds": 40.0,
                    "draws": {str(n): metrics(valid, distinct) for n in spaces.DRAWS}},
        "training": {"members": 10**9, "nodes": 17, "bytes_before": 3 * 10**8, "cells": 600_000,
                     "cells_in_memory": 490_000},
        "distinct": {"members": 10**18, "found": 10**7, "drawn": 10**7 + 1, "bytes_before": 3 * 10**8,
                     "key_bytes": 8 * 10**7, "cpu_seconds": 99.0},
    }  # fmt: skip
    more["trial"] = more["quality"]
    jobs = spaces.jobs(spaces.BENCHMARK.parse(["--seeds", "0", "1"])).items()
    return [{"name": name} | job | more[job["part"]] | {"peak_bytes": 10**9, "about": ABOUT} for name, job in jobs]


def test_the_page_of_spaces_holds_what_was_measured() -> None:
    text = space_pages.page(measured_spaces())
    assert "| nats-size | 4,096 | 2 | 99.95 ± 0.00 % | 1.000 ± 0.000 |" in text
    assert "Every target is met" in text and "0.500" in text and "abc1234" in text
    assert "| 1.00e+18 | 10,000,000 | 10,000,001 | 0.08 GB | 0.30 GB | 1.00 GB | 99 | abc1234 |" in text
    assert "| 1.00e+09 | 600,000 | 490,000 | 0.30 GB | 1.00 GB | abc1234 |" in text
    assert "| transnasbench | validation split of 5 % | 99.95% | 1.000 | 1.000 | 0.500 | 40 | abc1234 |" in text


@pytest.mark.parametrize(("valid", "distinct", "what"), [(0.9985, 1.0, "valid"), (0.9995, 0.985, "distinct")])
def test_the_page_of_spaces_says_what_was_missed(valid: float, distinct: float, what: str) -> None:
    text = space_pages.page(measured_spaces(valid, distinct))
    assert f"Missed by the mean over the seeds: nats-size ({what}, n = 1,000)" in text


def test_the_picture_of_the_guide_shows_the_guides_space() -> None:
    assert (IMAGES / "own-space.svg").read_text(encoding="utf-8") == picture.own_space()


def test_the_page_of_large_spaces_names_the_likeliest_tokenizer_and_those_among_the_best() -> None:
    drawn = {"valid": 0.99, "unique": 0.98, "novel": 0.97, "valid_unique": 0.97}
    found = []
    for name, job in large_spaces.jobs(large_spaces.BENCHMARK.parse([])).items():
        nats = {"plain": 11.5, "merges": 11.25, "vq": 12.0, "marginals": 13.0, "alone": 12.5}[
            job.get("tokenizer", "plain")
        ] + 0.5 * (job["part"] == "ablation")
        more = {
            "reconstruction": 1.0, "nats": nats, "ideal_nats": 12.96, "tokens": 6.0, "vocabulary": 120,
            "draws": {str(n): drawn for n in (1_000, 2_000, 10_000)}, "draws_per_cpu_second": 5e3,
            "train_cpu_seconds": 100.0, "corpus_cpu_seconds": 20.0,
        }  # fmt: skip
        if job["part"] == "good":
            more |= {"corpus": 60, "held_out": 12, "scored": 1_200, "seconds_each": 0.25, "best": {"share": 0.25}}
        if job["part"] in ("recommended", "settings"):
            more |= {
                "kind": job.get("tokenizer", "merges"),
                "nats": 12.97,
                "draws": {"2000": drawn | {"valid": 0.996 - 0.002 * (job["seed"] == 1)}},
            }
        if job["part"] == "recommended":
            more["checked_per_cpu_second"] = 1_234.0
        if job["part"] == "built":
            more |= {"built": 1_000, "right": 999 + job["seed"], "seconds_each": 0.02, "why": ""}
        if job["part"] == "corpus":
            more["best"] = {
                "new": 900,
                "scored": 60,
                "good": 6,
                "share": 0.5 if job["space"] == "nasbench101" else None,
            }
        found.append({"name": name, **job, **more, "about": ABOUT})
    text = large_space_pages.page(found)
    assert "`merges` -0.25 ± 0.00 (3 seeds), `vq` 0.50 ± 0.00 (3 seeds)" in text
    assert "| 99.53 ± 0.12 % | missed |" in text and "`plain`, from the corpus alone" in text
    assert "| `interleaving` | `plain` | 3 |" in text
    assert "| 50 ± 0 % |" in text and "| 120 ± 0 |" in text and "valid of 10,000" in text
    assert "1,200 members were scored, 0.25 CPU seconds each; 60 are the corpus" in text
    assert "| `nasnet` | 3,000 | 3,000 | 20 ± 0 |" in text and "| 1,234 ± 0 |" in text
    assert "| `nasnet`: networks that build and run | all | 999 of 1,000 | missed |" in text
    assert "| `nasnet`, `merges`: checked members a CPU second | ≥ 2,000 | 1,234 | missed |" in text
    assert "### 500 members" in text and "| a code sees the whole cell | 3 | 6.0 ± 0.0 | 120 ± 0 |" in text


def test_new_members_count_for_those_that_the_table_does_not_know(
    nasbench201: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model of the whole space draws as many of the best as there are, whatever part of them has a score."""
    rng = np.random.default_rng(0)
    cells = nasbench201.enumerate()
    keys = nasbench201.keys(cells)
    order = rng.permutation(len(keys))
    model = archllm.train(
        nasbench201, TrainConfig.from_mapping({"tokenizer": {"kind": "plain"}, "prior": {"kind": "marginal"}})
    )
    known, good = order[:5_000], order[:1_000]  # a fifth of 5,000 with a score is good
    model.training_keys = np.sort(keys[good[:800]])  # most of them were trained on
    monkeypatch.setattr(large_spaces, "MANY_DRAWS", 30_000)
    told = large_spaces._best(model, keys[known], np.arange(5_000) < 1_000)
    left = (0.2 * len(keys) - 800) / (len(keys) - 800)
    assert told["share"] == pytest.approx(left, abs=0.02)
