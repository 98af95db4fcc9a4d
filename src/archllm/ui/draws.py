"""Draws from a generator as the page shows them: some cells, and how valid and novel the draws are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from archllm.conditional.request import Request
from archllm.generation.config import SamplingOptions
from archllm.spaces import Architecture
from archllm.ui.context import Loaded


@dataclass(frozen=True)
class Drawn:
    """Raw draws and the cells among them."""

    cells: tuple[Architecture, ...]
    """Different valid ones that meet the requirements, the first so many of them."""

    new: tuple[bool, ...]
    """Which of them the training did not see."""

    draws: int
    """Raw draws."""

    valid: int
    """Draws that decode to a member of the space."""

    distinct: int
    """Different members among them."""

    novel: int
    """Those of them that the training did not see."""

    fulfilling: int
    """Different members that meet the requirements."""

    required: tuple[str, ...]
    """The requirements, as they were understood."""

    seconds: float = 0.0
    """Time of the draws."""

    @property
    def shares(self) -> dict[str, float]:
        """Shares by name; what has no draws to be a share of is left out."""
        found = {"valid": self.valid / self.draws}
        if self.valid:
            found["distinct"] = self.distinct / self.valid
            found["novel"] = self.novel / self.distinct
        if self.required and self.distinct:
            found["meet the requirements"] = self.fulfilling / self.distinct
        return found


def draw(loaded: Loaded, options: SamplingOptions, shown: int) -> Drawn:
    """Draws as they come, without rejection.

    Args:
        loaded: the generator.
        options: `n` draws, and how; with `novel`, cells that the training saw are not shown.
        shown: cells to show at most.

    Raises:
        InvalidInput: a requirement can't be used.
    """
    model, space = loaded.model, loaded.model.space
    with loaded.lock:
        request = Request.of(options.where, model.conditions, options.guidance, options.seed, raw=False)
        generator = torch.Generator().manual_seed(options.seed)
        graphs = model.draw(options.n, options.temperature, generator, request)[1]
        known = model.training_keys
    members = graphs[space.validate(graphs)]
    keys = space.keys(members) if len(members) else np.zeros(0, dtype=np.int64)
    _, first = np.unique(keys, return_index=True)
    order = np.sort(first)
    distinct, keys = members[order], keys[order]
    novel = ~np.isin(keys, known)
    wanted = request.fulfilling(space, distinct)
    seen = ~np.isin(space.keys(wanted), known) if len(wanted) else np.zeros(0, dtype=np.bool_)
    chosen = np.flatnonzero(seen if options.novel else np.ones(len(wanted), dtype=np.bool_))[:shown]
    return Drawn(
        cells=tuple(space.architectures(wanted[chosen])) if len(chosen) else (),
        new=tuple(map(bool, seen[chosen])),
        draws=options.n,
        valid=len(members),
        distinct=len(distinct),
        novel=int(novel.sum()),
        fulfilling=len(wanted),
        required=tuple(str(each) for each in (*request.steering.values(), *request.checked.values())),
    )
