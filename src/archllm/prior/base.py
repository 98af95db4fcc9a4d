"""Prior: the contract of a distribution over code sequences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.prior.config import PriorConfig, check_draws
from archllm.progress import Listener


class Prior(ABC):
    """A distribution over sequences of `length` codes, each `0 … codebook_size - 1`."""

    config: PriorConfig
    """How it was made."""

    codebook_size: int
    """Number of codes."""

    length: int
    """Codes per sequence."""

    @abstractmethod
    def fit(
        self,
        codes: NDArray[np.int64],
        validation: NDArray[np.int64],
        seed: int,
        listener: Listener | None = None,
        checkpoint: Path | None = None,
    ) -> None:
        """Learns from `n x length` training sequences.

        Args:
            codes: the sequences.
            validation: `m x length` sequences of other cells; they decide when to stop.
            seed: seed of all randomness.
            listener: told of the progress.
            checkpoint: path without suffix of files from which an interrupted `fit` goes on.
        """

    @abstractmethod
    def _sample(self, n: int, temperature: float, generator: torch.Generator) -> NDArray[np.int64]:
        """`sample` with checked arguments."""

    @abstractmethod
    def log_prob(self, codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """`n` log-likelihoods in nats of `n x length` sequences, at temperature 1."""

    @abstractmethod
    def embed(self, codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """`n x d` hidden states of `n x length` sequences, position after position: what the prior has made of them."""

    @abstractmethod
    def to(self, device: str) -> Self:
        """Computes on that device from now on."""

    @abstractmethod
    def parameters(self) -> int:
        """Number of trained parameters."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Writes the prior into the folder.

        Raises:
            RunFolderError: it can't be written.
        """

    def sample(self, n: int, temperature: float = 1.0, *, generator: torch.Generator) -> NDArray[np.int64]:
        """`n x length` independent draws.

        Args:
            n: number of draws.
            temperature: every step's distribution is raised to `1 / temperature`; 1 draws from the model itself.
            generator: source of randomness.

        Raises:
            InvalidInput: `n` is below 1 or the temperature is not positive.
        """
        check_draws(n, temperature)
        return self._sample(n, temperature, generator)

    def _check(self, codes: NDArray[np.int64]) -> None:
        if codes.ndim != 2 or codes.shape[1] != self.length or len(codes) == 0 or codes.dtype.kind not in "iu":
            raise InvalidInput(
                f"codes must be whole numbers, n x {self.length} with n >= 1, got {codes.dtype} {codes.shape}"
            )
        if not 0 <= codes.min() <= codes.max() < self.codebook_size:
            raise InvalidInput(f"codes must be 0 to {self.codebook_size - 1}, found {codes.min()} to {codes.max()}")


def tempered(log_shares: torch.Tensor, temperature: float) -> torch.Tensor:
    """`… x k` distributions raised to `1 / temperature`; down to the smallest temperature the most likely stays so.

    Args:
        log_shares: `… x k` logarithms of shares, up to a constant.
        temperature: any positive number.
    """
    log_shares = log_shares.double()
    return torch.softmax((log_shares - log_shares.amax(-1, keepdim=True)) / temperature, -1)
