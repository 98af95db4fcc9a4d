"""Language: the generator of a search. It proposes members, and learns from scores which ones to propose."""

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

LEVELS = np.array([0.5, 0.8, 0.9, 0.97])
"""Shares of the labelled sequences below which each level of performance begins; the highest one is asked for."""

_CONDITION = "performance"


class Language:
    """A tokenizer and a prior of a search space, trained without scores.

    Args:
        tokenizer: architectures <-> codes.
        prior: the distribution of codes; it stays as it is, learning is done by copies.
    """

    def __init__(self, tokenizer: Tokenizer, prior: Prior) -> None:
        self.tokenizer, self.prior = tokenizer, prior

    @staticmethod
    def load(run: Path, domain: Domain) -> Language:
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
        return Language(model.tokenizer, model.prior)

    @staticmethod
    def train(domain: Domain, seed: int, steps: int = 0) -> Language:
        """A generator trained as is recommended for the space, on all of it that can be listed.

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
        prior = build_prior(config.prior, tokenizer.codebook_size, tokenizer.length, (), domain.space.name)
        prior.fit(tokenizer.encode(learned), tokenizer.encode(validation), seed)
        return Language(tokenizer, prior)

    def draw(self, n: int, seed: int) -> Graphs:
        """Distinct members among `n` draws from what was learned without scores, in order."""
        return self._members(self.prior.sample(n, generator=torch.Generator().manual_seed(seed)))

    def better(
        self, cells: Graphs, values: NDArray[np.float64], n: int, schedule: Schedule, guidance: float, seed: int
    ) -> Graphs:
        """Distinct members among `n` draws of a prior that was taught the values of `m` cells, the best asked for.

        Sequences carry a level of performance, see `LEVELS`; those without a value are replayed, so that the language
        is not forgotten.

        Args:
            cells: members.
            values: `m` values, more is better; not a number where unknown.
            n: draws.
            schedule: how long and how fast it learns.
            guidance: how strongly the level counts, see `archllm.prior.conditioning.guided`.
            seed: seed of all randomness.
        """
        taught = self.prior.with_conditions((_CONDITION,), len(LEVELS) + 1)
        taught.learn(self.tokenizer.encode(cells), levels(values)[:, None], schedule, seed)
        asked = np.full((n, 1), len(LEVELS))
        generator = torch.Generator().manual_seed(seed)
        return self._members(taught.sample(n, generator=generator, conditions=asked, guidance=guidance))

    def _members(self, codes: NDArray[np.int64]) -> Graphs:
        graphs, space = self.tokenizer.decode(codes), self.tokenizer.space
        members = graphs[space.validate(graphs)]
        if not len(members):
            return members
        first = np.sort(np.unique(space.keys(members), return_index=True)[1])
        return space.normalise(members[first])


def levels(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """`n` bins of performance, the highest for the best value; `UNCONDITIONED` for values that are not numbers."""
    known = ~np.isnan(values)
    found = np.full(len(values), UNCONDITIONED, dtype=np.int64)
    if known.any():
        edges = np.quantile(values[known], LEVELS, method="lower")
        found[known] = np.searchsorted(edges, values[known], side="left")
        found[known & (values == values[known].max())] = len(LEVELS)
    return found
