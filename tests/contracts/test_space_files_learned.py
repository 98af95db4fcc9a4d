"""Tokenizer, prior, metrics, drawing and search on the spaces of random space files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.contracts.test_space_files import SEEDS, loaded
from tests.spaces.space_files import KINDS

import archllm
from archllm.generation.config import TrainConfig
from archllm.graphs import concatenate
from archllm.objectives.evaluation import Evaluation
from archllm.prior import PriorConfig
from archllm.searchers.domain import Domain
from archllm.searchers.registry import build_searcher
from archllm.tokenizer import TokenizerConfig

TINY = TrainConfig(
    cells=200,
    tokenizer=TokenizerConfig(kind="plain"),
    prior=PriorConfig(width=8, layers=1, heads=2, steps=3, batch=16, unigram_init=True),
)
MOST_LISTED = 5_000
"""Members of a space that is trained on as a whole; one that is not listed gives as many as `TINY` says."""

seldom = examples(max_examples=4, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("kind", KINDS)
@seldom
@given(data=st.data(), seed=SEEDS)
def test_a_language_of_any_space_is_learned_measured_and_spoken(kind: str, data: st.DataObject, seed: int) -> None:
    space = loaded(data.draw(KINDS[kind]))
    assume(space.size >= 20 and not (space.enumerable and space.size > MOST_LISTED))
    model = archllm.train(space, TINY, seed % 1000)
    cells = model.cells.train
    restored = model.tokenizer.decode(model.tokenizer.encode(cells))
    told = space.validate(restored)  # cells set aside for validation may have words that no other has: no member then
    assert told.mean() > 0.5 and (space.keys(restored[told]) == space.keys(cells[told])).all()
    figures = model.evaluate(100, [0, 1]).metrics
    assert all(0 <= figure.mean <= 1 for figure in figures.values())
    assert figures["valid_unique"].mean <= figures["valid"].mean
    found = model.generate(3)
    assert len({arch.key for arch in found}) == 3
    for arch in found:
        assert space.parse(arch.text) == arch and arch.svg().startswith("<svg")


@pytest.mark.parametrize("kind", KINDS)
@seldom
@given(data=st.data(), seed=SEEDS)
def test_any_space_is_searched_without_asking_twice(kind: str, data: st.DataObject, seed: int) -> None:
    space = loaded(data.draw(KINDS[kind]))
    assume(space.size >= 12)
    score = np.random.default_rng(seed).random(100)
    for method in ("random", "evolution", "local"):
        searcher = build_searcher(method, Domain(space), seed % 1000)
        asked = []
        for _ in range(4):
            batch = searcher.ask(3)
            searcher.tell({arch: Evaluation(float(score[arch.key % 100]), cost=1.0) for arch in batch})
            asked += batch
        assert len({arch.key for arch in asked}) == 12
        assert bool(space.validate(concatenate([arch.graph for arch in asked])).all())
