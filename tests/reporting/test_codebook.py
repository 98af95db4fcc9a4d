"""The map of the codebook: a projection that keeps what it can, and codes that stand for what they encode."""

from __future__ import annotations

import numpy as np
import pytest

from archllm.reporting.codebook import codebook_map, project
from archllm.spaces import SearchSpace
from archllm.tokenizer import build_tokenizer
from archllm.tokenizer.config import TokenizerConfig


def test_points_of_a_plane_keep_their_distances():
    plane = np.random.default_rng(0).normal(size=(30, 2))
    turned = np.linalg.qr(np.random.default_rng(1).normal(size=(8, 8)))[0][:2]
    vectors = (plane @ turned + 5.0).astype(np.float32)
    found, explained = project(vectors)
    assert explained == pytest.approx(1.0, abs=1e-6)
    away = np.linalg.norm(found[:, None] - found[None], axis=2)
    assert np.allclose(away, np.linalg.norm(plane[:, None] - plane[None], axis=2), atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 5), (4, 1)])
def test_fewer_dimensions_than_two_lie_on_a_line(shape):
    found, explained = project(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    assert found.shape == (shape[0], 2) and explained == pytest.approx(1.0)


def test_each_code_in_use_stands_for_the_operations_that_it_decodes_to(nasbench201: SearchSpace):
    tokenizer = build_tokenizer(nasbench201, TokenizerConfig(steps=60, batch=256, width=32, codebook_size=128))
    cells = nasbench201.enumerate()[np.arange(0, 15_625, 8)]
    tokenizer.fit(cells, 0)
    found = codebook_map(tokenizer, cells)
    assert found is not None and found.architectures == len(cells)
    assert {point.code for point in found.points} == set(np.unique(tokenizer.encode(cells)).tolist())
    assert sum(point.share for point in found.points) == pytest.approx(1.0)
    assert all(set(point.meaning) <= set(nasbench201.op_names) for point in found.points)
    assert all(1 <= point.position <= tokenizer.length and 0 < point.purity <= 1 for point in found.points)
    assert 0 < found.explained <= 1


def test_a_tokenizer_that_learns_nothing_has_no_map(nasbench201: SearchSpace):
    tokenizer = build_tokenizer(nasbench201, TokenizerConfig(kind="plain"))
    cells = nasbench201.enumerate()[np.arange(50)]
    tokenizer.fit(cells, 0)
    assert codebook_map(tokenizer, cells) is None
