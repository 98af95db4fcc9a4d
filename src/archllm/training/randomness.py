"""Torch's global random state, borrowed: initial weights, dropout and drop-path draw from nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def torch_seeded(seed: int) -> Iterator[None]:
    """Runs a block under a global state of torch that depends on the seed alone, and restores the caller's afterwards.

    That of all GPUs included.
    """
    import torch

    with torch.random.fork_rng(list(range(torch.cuda.device_count()))):
        torch.manual_seed(seed)
        yield
