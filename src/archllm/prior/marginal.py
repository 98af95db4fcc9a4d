"""MarginalPrior: each position drawn on its own; the floor that any language model has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from archllm.errors import InvalidInput, RunFolderError
from archllm.files import replacing
from archllm.prior.base import Prior, counted, resumes, tempered, write_about
from archllm.prior.config import PriorConfig
from archllm.training.loop import Schedule
from archllm.training.processes import SINGLE_PROCESS, ProcessGroup
from archllm.training.progress import Event, Listener

_FIXED = "a prior of marginals does not go on learning; use prior.kind code or text"


class MarginalPrior(Prior):
    """The product of the marginal distributions of the positions, with one virtual count spread over the codes.

    Where sequences end early, those of a position are the marginals among the sequences that get there.

    Args:
        config: only `kind` matters.
        codebook_size: number of codes.
        length: codes per sequence.
        end: the code that ends a sequence, if any does.

    Example:
        >>> prior = MarginalPrior(PriorConfig(kind="marginal"), codebook_size=4, length=2)
        >>> prior.fit(np.array([[0, 1], [0, 2]]), np.array([[0, 1]]), seed=0)
        >>> prior.log_shares.exp()[0]  # (2 + 1/4) / 3 for the code that was seen
        tensor([0.7500, 0.0833, 0.0833, 0.0833], dtype=torch.float64)
    """

    def __init__(
        self,
        config: PriorConfig,
        codebook_size: int,
        length: int,
        conditions: Sequence[str] = (),
        end: int | None = None,
    ) -> None:
        if conditions:
            raise InvalidInput("a prior of marginals can't be conditioned; use prior.kind code or text")
        self.config, self.codebook_size, self.length, self.end = config, codebook_size, length, end
        self.log_shares = torch.full((length, codebook_size), -np.log(codebook_size), dtype=torch.float64)

    def fit(
        self,
        codes: NDArray[np.int64],
        validation: NDArray[np.int64],
        seed: int,
        listener: Listener | None = None,
        checkpoint: Path | None = None,
        *,
        conditions: NDArray[np.int64] | None = None,
        validation_conditions: NDArray[np.int64] | None = None,
        group: ProcessGroup = SINGLE_PROCESS,
        fresh: bool = True,
    ) -> None:
        self._check(codes)
        if not fresh:
            raise InvalidInput(_FIXED)
        self.log_shares = log_shares(codes, self.codebook_size, end=self.end)
        if listener is not None:
            listener(Event("prior", 1, 1, {"loss": -float(self.log_prob(codes).mean())}))

    def with_conditions(self, conditions: Sequence[str], bins: int) -> Prior:
        return MarginalPrior(self.config, self.codebook_size, self.length, conditions, self.end)

    def learn(self, codes: NDArray[np.int64], conditions: NDArray[np.int64], schedule: Schedule, seed: int) -> None:
        raise InvalidInput(_FIXED)

    def _sample(
        self,
        n: int,
        temperature: float,
        generator: torch.Generator,
        conditions: NDArray[np.int64],
        guidance: float,
    ) -> NDArray[np.int64]:
        shares = tempered(self.log_shares, temperature)
        draws = torch.multinomial(shares, n, replacement=True, generator=generator).T.contiguous()
        if self.end is not None:
            draws[~counted(draws, self.end)] = self.end
        result: NDArray[np.int64] = draws.numpy()
        return result

    def log_prob(self, codes: NDArray[np.int64], conditions: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        self._check(codes)
        shares = self.log_shares.numpy()[np.arange(self.length), codes]
        rows = torch.from_numpy(codes)
        total: NDArray[np.float64] = np.where(counted(rows, self.end).numpy(), shares, 0.0).sum(1)
        total[resumes(rows, self.end).numpy()] = -np.inf
        return total

    def embed(self, codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """`n x length`: the log-share of each code, all that it knows of it."""
        self._check(codes)
        states: NDArray[np.float32] = self.log_shares.numpy()[np.arange(self.length), codes].astype(np.float32)
        return states

    def to(self, device: str) -> Self:
        return self  # too small to move

    def parameters(self) -> int:
        return int(self.log_shares.numel())

    def save(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFolderError(f"can't write {folder}: {error.strerror}") from error
        with replacing(folder / "marginal.safetensors") as path:
            save_file({"log_shares": self.log_shares.contiguous()}, path)
        write_about(folder, self)

    def restore(self, folder: Path) -> None:
        """Takes over saved distributions.

        Raises:
            RunFolderError: they are missing, damaged, or of another shape.
        """
        path = folder / "marginal.safetensors"
        try:
            log_shares = load_file(path)["log_shares"]
        except (OSError, SafetensorError, KeyError) as error:
            raise RunFolderError(f"can't read {path}: {error}") from error
        if tuple(log_shares.shape) != (self.length, self.codebook_size):
            raise RunFolderError(f"{path} does not fit the tokenizer: {tuple(log_shares.shape)}")
        self.log_shares = log_shares


def log_shares(
    codes: NDArray[np.int64], codebook_size: int, virtual: float = 1.0, end: int | None = None
) -> torch.Tensor:
    """`length x codebook_size` logarithms of the share of each code at each position, of the sequences that get there.

    Args:
        codes: `n x length` sequences.
        codebook_size: number of codes.
        virtual: counts to add at each position, spread over all codes, so that none has a share of 0.
        end: the code that ends a sequence, if any does.
    """
    # Additive smoothing: p(c) = (n_c + v/K) / (n + v), the mean of p under a Dirichlet(v/K, ..., v/K) prior.
    runs = counted(torch.from_numpy(codes), end).numpy()
    columns = [column[running] for column, running in zip(codes.T, runs.T, strict=True)]
    counts = np.stack([np.bincount(column, minlength=codebook_size) for column in columns])
    smoothed = counts + virtual / codebook_size
    return torch.from_numpy(np.log(smoothed / smoothed.sum(1, keepdims=True)))
