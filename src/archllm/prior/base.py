"""Prior: the contract of a distribution over code sequences."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.files import write_text
from archllm.prior.conditioning import check_conditions
from archllm.prior.config import PriorConfig, check_draws
from archllm.training.loop import Schedule
from archllm.training.processes import SINGLE_PROCESS, ProcessGroup
from archllm.training.progress import Listener


class Prior(ABC):
    """A distribution over sequences of `length` codes, each `0 … codebook_size - 1`.

    Example:
        >>> from archllm.prior import build_prior
        >>> codes = np.random.default_rng(0).integers(8, size=(500, 3))
        >>> prior = build_prior(PriorConfig(steps=2, width=16, layers=1), 8, 3)
        >>> prior.fit(codes[:400], codes[400:], seed=0)
        >>> prior.sample(5, generator=torch.Generator().manual_seed(0)).shape, prior.log_prob(codes).shape
        ((5, 3), (500,))
    """

    config: PriorConfig
    """How it was made."""

    codebook_size: int
    """Number of codes."""

    length: int
    """Codes per sequence."""

    end: int | None = None
    """The code from which on a sequence holds nothing else, so that sequences differ in length; `None` if they do not.
    No probability is spent on what stands behind it."""

    conditions: tuple[str, ...] = ()
    """Names of the properties that it can be conditioned on; `k` of them."""

    @abstractmethod
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
        """Learns from `n x length` training sequences.

        Args:
            codes: the sequences.
            validation: `m x length` sequences of other cells; they decide when to stop.
            seed: seed of all randomness.
            listener: told of the progress.
            checkpoint: path without suffix of files from which an interrupted `fit` goes on.
            conditions: `n x k` bins of the sequences' properties, -1 where one is not known.
            validation_conditions: the same of the validation sequences.
            group: the processes that share the work; all of them call `fit` with the same arguments.
            fresh: whether to begin with new weights; otherwise it goes on from those that it has.

        Raises:
            InvalidInput: it can't go on, and is to.
        """

    @abstractmethod
    def with_conditions(self, conditions: Sequence[str], bins: int) -> Prior:
        """A copy that can be conditioned on these instead of its own; what they mean is left to `learn`.

        Args:
            conditions: their names.
            bins: bins of each.

        Raises:
            InvalidInput: this kind of prior can't be conditioned.
        """

    @abstractmethod
    def learn(self, codes: NDArray[np.int64], conditions: NDArray[np.int64], schedule: Schedule, seed: int) -> None:
        """Goes on learning, from where it is, from `n x length` sequences with `n x k` bins of conditions.

        Args:
            codes: the sequences.
            conditions: their bins, -1 where one is not known.
            schedule: how long and how fast.
            seed: seed of all randomness.
        """

    @abstractmethod
    def _sample(
        self,
        n: int,
        temperature: float,
        generator: torch.Generator,
        conditions: NDArray[np.int64],
        guidance: float,
    ) -> NDArray[np.int64]:
        """`sample` with checked arguments."""

    @abstractmethod
    def log_prob(self, codes: NDArray[np.int64], conditions: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """`n` log-likelihoods in nats of `n x length` sequences, at temperature 1.

        Minus infinity where another code stands behind the end.

        Args:
            codes: the sequences.
            conditions: `n x k` bins; `None` gives the unconditional likelihood.
        """

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

    def sample(
        self,
        n: int,
        temperature: float = 1.0,
        *,
        generator: torch.Generator,
        conditions: NDArray[np.int64] | None = None,
        guidance: float = 1.0,
    ) -> NDArray[np.int64]:
        """`n x length` independent draws.

        Args:
            n: number of draws.
            temperature: every step's distribution is raised to `1 / temperature`; 1 draws from the model itself.
            generator: source of randomness.
            conditions: `n x k` bins asked for, -1 where anything will do.
            guidance: how strongly they count, see `archllm.prior.conditioning.guided`; 1 draws from the model itself.

        Raises:
            InvalidInput: `n` is below 1, or the temperature or the guidance is not positive, or the conditions are not
                those of this prior.
        """
        check_draws(n, temperature, guidance)
        bins = check_conditions(conditions, n, len(self.conditions), self.config.bins)
        return self._sample(n, temperature, generator, bins, guidance)

    def _validation(self, codes: NDArray[np.int64], conditions: NDArray[np.int64]) -> dict[str, float]:
        """Mean negative log-likelihood of validation sequences and the standard error of that mean.

        With conditions, the mean of that under all of them and that under none.
        """
        nats = -self.log_prob(codes)
        if self.conditions:
            nats = (nats - self.log_prob(codes, conditions)) / 2
        return {"validation_loss": float(nats.mean()), "validation_error": float(nats.std() / np.sqrt(len(nats)))}

    def _checked_bins(self, conditions: NDArray[np.int64] | None, n: int) -> NDArray[np.int64]:
        return check_conditions(conditions, n, len(self.conditions), self.config.bins)

    def _check(self, codes: NDArray[np.int64]) -> None:
        if codes.ndim != 2 or codes.shape[1] != self.length or len(codes) == 0 or codes.dtype.kind not in "iu":
            raise InvalidInput(
                f"codes must be whole numbers, n x {self.length} with n >= 1, got {codes.dtype} {codes.shape}"
            )
        if not 0 <= codes.min() <= codes.max() < self.codebook_size:
            raise InvalidInput(f"codes must be 0 to {self.codebook_size - 1}, found {codes.min()} to {codes.max()}")


def counted(codes: torch.Tensor, end: int | None) -> torch.Tensor:
    """`n x length` booleans: the codes of `n x length` sequences up to the first `end`, and that one.

    Example:
        >>> counted(torch.tensor([[3, 0, 0], [3, 3, 3]]), end=0).tolist()
        [[True, True, False], [True, True, True]]
    """
    if end is None:
        return torch.ones_like(codes, dtype=torch.bool)
    ends = codes == end
    return ends.cumsum(1) - ends.long() == 0


def resumes(codes: torch.Tensor, end: int | None) -> torch.Tensor:
    """`n` booleans: which of `n x length` sequences hold another code behind the first `end`."""
    return (~counted(codes, end) & (codes != (-1 if end is None else end))).any(1)


def tempered(log_shares: torch.Tensor, temperature: float) -> torch.Tensor:
    """`… x k` distributions raised to `1 / temperature`; down to the smallest temperature the most likely stays so.

    Args:
        log_shares: `… x k` logarithms of shares, up to a constant.
        temperature: any positive number.
    """
    log_shares = log_shares.double()
    return torch.softmax((log_shares - log_shares.amax(-1, keepdim=True)) / temperature, -1)


def write_about(folder: Path, prior: Prior, **more: object) -> None:
    """Writes `prior.json`: all that it takes, beside the weights, to make the prior again.

    Raises:
        RunFolderError: it can't be written.
    """
    about = {"config": asdict(prior.config), "codebook_size": prior.codebook_size, "length": prior.length}
    about |= {"end": prior.end, "conditions": list(prior.conditions)} | more
    write_text(folder / "prior.json", json.dumps(about, indent=2) + "\n")
