"""Searchers with a model find what is good sooner than chance, and the VAE can come from a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archllm.errors import RunFolderError
from archllm.objectives.evaluation import Evaluation
from archllm.searchers.domain import Domain
from archllm.searchers.registry import build_searcher
from archllm.spaces import Architecture, SearchSpace

OPTIONS: dict[str, dict[str, Any]] = {"gp": {}, "ensemble": {"width": 32, "steps": 80}}


@pytest.fixture(scope="module")
def domain(nasbench201: SearchSpace) -> Domain:
    return Domain(nasbench201)


def good(arch: Architecture) -> tuple[float, ...]:
    """A point for every skip, a third of one for every 3x3 convolution: 6 at most."""
    ops = arch.graph.ops[0, 1:-1]
    return (float((ops == 2).sum() + 0.3 * (ops == 4).sum()),)


def searched(method: str, domain: Domain, queries: int, **options: Any) -> list[float]:
    searcher = build_searcher(method, domain, 3, **options)
    scores = []
    for _ in range(queries):
        (arch,) = searcher.ask(1)
        searcher.tell({arch: Evaluation(good(arch))})
        scores.append(good(arch)[0])
    return scores


@pytest.mark.parametrize("method", OPTIONS)
def test_a_model_finds_in_forty_queries_what_takes_chance_hundreds(method: str, domain: Domain) -> None:
    scores = searched(method, domain, 40, **OPTIONS[method])
    assert max(scores) >= 4.3  # one in 200 cells is as good
    assert np.mean(scores[30:]) > np.mean(scores[:10]) + 1


def test_many_observations_are_followed_too(domain: Domain) -> None:
    searcher = build_searcher("gp", domain, 0)
    members = domain.space.architectures(domain.sample(260, np.random.default_rng(1)))
    searcher.tell({arch: Evaluation(good(arch)) for arch in members})
    (arch,) = searcher.ask(1)
    assert good(arch)[0] >= 4.3


def test_a_failure_is_avoided(domain: Domain) -> None:
    """Cells with a pooling edge fail; the process learns to keep away from them."""
    searcher = build_searcher("gp", domain, 1)

    def poor(arch: Architecture) -> bool:
        return bool((arch.graph.ops == 5).any())

    late: list[bool] = []
    for _ in range(30):
        (arch,) = searcher.ask(1)
        late.append(poor(arch))
        searcher.tell({arch: Evaluation(None if poor(arch) else good(arch))})
    assert np.mean(late[:10]) > 0.4 and np.mean(late[20:]) < 0.3


def test_a_saved_vae_is_used_and_a_foreign_folder_refused(nasbench201: SearchSpace, tmp_path: Path) -> None:
    from archllm.baselines import GraphVAE, VAEConfig

    pool = Domain(nasbench201, nasbench201.sample(60, np.random.default_rng(0)))
    vae = GraphVAE(nasbench201, VAEConfig(width=8, layers=1, latent_width=4, steps=3, batch=16))
    vae.fit(pool.enumerate()[np.arange(pool.size or 0)], 0).save(tmp_path)
    searcher = build_searcher("latent", pool, 0, vae=str(tmp_path))
    for _ in range(14):
        searcher.tell({arch: Evaluation(good(arch)) for arch in searcher.ask(1)})
    assert len(searcher.known) == 14 and vars(searcher)["_loaded"] is not None
    with pytest.raises(RunFolderError, match=r"vae\.json"):
        build_searcher("latent", pool, 0, vae=str(tmp_path / "nowhere"))
