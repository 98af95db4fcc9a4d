"""Measure the raw draws of a trained run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archllm.data.split import check_seed
from archllm.errors import InvalidInput
from archllm.generation.run_folder import read_info
from archllm.prior.config import check_draws

if TYPE_CHECKING:
    from archllm.generation.generator import Evaluation


def evaluate(run: str | Path, n: int = 1000, seeds: Sequence[int] = (0, 1, 2), temperature: float = 1.0) -> Evaluation:
    """Measures a run: validity, uniqueness, novelty, cycle, reconstruction, fit of the prior.

    Args:
        run: the run folder.
        n: draws per seed.
        seeds: one batch of draws each.
        temperature: sampling temperature.

    Raises:
        InvalidInput: an argument can't be used.
        RunFolderError: there is no such run.
    """
    check_draws(n, temperature)
    if not seeds:
        raise InvalidInput("at least one seed is needed")
    for seed in seeds:
        check_seed(seed)
    if len(set(seeds)) < len(seeds):
        raise InvalidInput(f"each seed must be named once, got {' '.join(map(str, seeds))}")
    read_info(Path(run))  # a wrong folder is told before the slow import
    from archllm.generation.generator import load

    return load(run).evaluate(n, seeds, temperature)
