"""SearchGenerator: a pretrained generator that proposes members, and copies of it that are fine-tuned on scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.graphs import Graphs
from archllm.prior import Prior
from archllm.prior.config import UNCONDITIONED
from archllm.searchers.domain import Domain
from archllm.spaces.base import check_same_space
from archllm.tokenizer import Tokenizer
from archllm.training.loop import Schedule

QUANTILES = np.array([0.5, 0.8, 0.9, 0.97])
"""Edges of the bins of performance; fine-tuned generators are conditioned on the highest bin."""

_CONDITION = "performance"


class SearchGenerator:
    """A tokenizer and a prior of a search space, pretrained without scores.

    Args:
        tokenizer: architectures <-> codes.
        prior: the distribution of codes; it stays as it is, fine-tuning is done on copies.
    """

    def __init__(self, tokenizer: Tokenizer, prior: Prior) -> None:
        self.tokenizer, self.prior = tokenizer, prior

    @staticmethod
    def load(run: Path, domain: Domain) -> SearchGenerator:
        """The generator in a run folder.

        Raises:
            RunFolderError: it is missing, incomplete or damaged.
            InvalidInput: it is of another space.
        """
        from archllm.generation.generator import load

        model = load(run)
        try:
            check_same_space(domain.space, model.space)
        except InvalidInput as error:
            raise InvalidInput(f"{run} is a generator of {model.space.name}: {error}") from error
        return SearchGenerator(model.tokenizer, model.prior)

    @staticmethod
    def train(domain: Domain, seed: int, steps: int = 0) -> SearchGenerator:
        """A generator trained as is recommended for the space, on all of it that can be enumerated.

        Args:
            domain: its space is learned.
            seed: seed of all randomness.
            steps: optimiser steps of each part, which then see 1,000 members; 0 stands for what is recommended.
        """
        from archllm.data.split import split_cells
        from archllm.generation.recommended import recommended
        from archllm.prior import build_prior
        from archllm.tokenizer import build_tokenizer

        config = recommended(domain.space)
        if steps:
            config = replace(
                config,
                cells=min(config.cells, 1_000),
                tokenizer=replace(config.tokenizer, steps=steps),
                prior=replace(config.prior, steps=steps),
            )
        cells = split_cells(domain.space, config.split, config.cells, seed)
        learned = cells.train[:1_000] if steps else cells.train
        validation = cells.held_out[: len(learned)]
        tokenizer = build_tokenizer(domain.space, config.tokenizer)
        tokenizer.fit(learned, seed)
        prior = build_prior(
            config.prior, tokenizer.codebook_size, tokenizer.length, (), domain.space.name, end=tokenizer.end
        )
        prior.fit(tokenizer.encode(learned), tokenizer.encode(validation), seed)
        return SearchGenerator(tokenizer, prior)

    def sample(self, n: int, seed: int) -> Graphs:
        """Distinct members among `n` draws from the pretrained prior, in order."""
        return self._members(self.prior.sample(n, generator=torch.Generator().manual_seed(seed)))

    def sample_fine_tuned(
        self, cells: Graphs, values: NDArray[np.float64], n: int, schedule: Schedule, guidance: float, seed: int
    ) -> Graphs:
        """Distinct members among `n` draws of a prior that was fine-tuned on `m` cells, conditioned on the highest bin.

        Sequences are conditioned on a bin of performance, see `QUANTILES`; those without a value are replayed
        unconditioned, so that what was learned before is not forgotten.

        Args:
            cells: members.
            values: `m` values, more is better; not a number where unknown.
            n: draws.
            schedule: how long and how fast it is fine-tuned.
            guidance: how strongly the condition counts, see `archllm.prior.conditioning.guided`.
            seed: seed of all randomness.
        """
        tuned = self.prior.with_conditions((_CONDITION,), len(QUANTILES) + 1)
        codes, bins = self.tokenizer.encode(cells), performance_bins(values)[:, None]
        told = self.tokenizer.told(codes)
        if told.any():
            tuned.learn(codes[told], bins[told], schedule, seed)
        highest = np.full((n, 1), len(QUANTILES))
        generator = torch.Generator().manual_seed(seed)
        return self._members(tuned.sample(n, generator=generator, conditions=highest, guidance=guidance))

    def _members(self, codes: NDArray[np.int64]) -> Graphs:
        graphs, space = self.tokenizer.decode(codes), self.tokenizer.space
        members = graphs[space.validate(graphs)]
        if not len(members):
            return members
        first = np.sort(np.unique(space.keys(members), return_index=True)[1])
        return space.normalise(members[first])


def performance_bins(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """`n` bins of performance, the highest for the best value; `UNCONDITIONED` for values that are not numbers."""
    known = ~np.isnan(values)
    found = np.full(len(values), UNCONDITIONED, dtype=np.int64)
    if known.any():
        edges = np.quantile(values[known], QUANTILES, method="lower")
        found[known] = np.searchsorted(edges, values[known], side="left")
        found[known & (values == values[known].max())] = len(QUANTILES)
    return found
