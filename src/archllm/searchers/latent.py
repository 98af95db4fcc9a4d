"""Bayesian optimisation in the latent space of a VAE that was trained without scores (Yan et al., 2020, "arch2vec")."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archllm.graphs import Graphs
from archllm.searchers.bayesian import GaussianOptions, GaussianSearch
from archllm.searchers.domain import Domain

if TYPE_CHECKING:
    from archllm.baselines import GraphVAE

_REFERENCE = 2_000


@dataclass(frozen=True)
class LatentOptions(GaussianOptions):
    """Options of search in a VAE's latent space; those of the Gaussian process besides."""

    vae: str = ""
    """Folder that `GraphVAE.save` wrote; without one, a VAE is trained when it is first needed, which takes minutes."""

    steps: int = 0
    """Optimiser steps of that training; 0 stands for what is recommended for the space."""

    cells: int = 50_000
    """Members that the training sees, at most."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._whole("steps", 0)
        self._whole("cells", 1)
        self._text("vae")


class LatentSearch(GaussianSearch):
    """The same Gaussian process, on a VAE's posterior means instead of hand-made features.

    The VAE learns from the domain's members alone, never from a score.
    """

    name = "latent"

    def __init__(self, domain: Domain, seed: int, objectives: int = 1, options: LatentOptions | None = None) -> None:
        self._latent = options or LatentOptions()
        super().__init__(domain, seed, objectives, self._latent)
        self._embedding: _Embedding | None = None
        if self._latent.vae:
            from archllm.baselines import GraphVAE

            self._embedding = _Embedding(GraphVAE.load(Path(self._latent.vae), domain.space), domain)

    def _encode(self, graphs: Graphs) -> NDArray[np.float32]:
        if self._embedding is None:
            self._embedding = _Embedding(train_vae(self.domain, self._latent, self.seed), self.domain)
        return self._embedding(graphs)

    def _encode_all(self) -> NDArray[np.float32]:
        return self._encode(self.domain.enumerate())


class _Embedding:
    """Posterior means, scaled such that the squared distance of two random members is 1 on average."""

    def __init__(self, vae: GraphVAE, domain: Domain) -> None:
        means = vae.embed(domain.sample(_REFERENCE, np.random.default_rng(0)))
        self._vae, self._centre = vae, means.mean(0)
        spread = 2 * float(means.var(0).sum())
        self._scale = np.float32(spread**-0.5 if spread else 1.0)

    def __call__(self, graphs: Graphs) -> NDArray[np.float32]:
        own = graphs[np.arange(len(graphs))]  # torch wants arrays that can be written to
        scaled: NDArray[np.float32] = (self._vae.embed(own) - self._centre) * self._scale
        return scaled


def train_vae(domain: Domain, options: LatentOptions, seed: int) -> GraphVAE:
    """A VAE trained on the domain's members, or on a sample of them; it sees no score.

    Args:
        domain: whose members it learns.
        options: how long, and on how many of them.
        seed: of the choice of members and of the training.
    """
    from archllm.baselines import GraphVAE, recommended_vae

    config = recommended_vae(domain.space)
    rng = np.random.default_rng(seed)
    if domain.enumerable:
        cells = domain.enumerate()[rng.permutation(len(domain.keys))[: options.cells]]
    else:
        cells = domain.sample(options.cells, rng)
    return GraphVAE(domain.space, replace(config, steps=options.steps or config.steps)).fit(cells, seed)
