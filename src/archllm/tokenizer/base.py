"""Tokenizer: the contract of a map between architectures and code sequences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.graphs import Graphs, concatenate, equal
from archllm.spaces.base import Architecture, SearchSpace, check_same_space
from archllm.tokenizer.config import TokenizerConfig
from archllm.training.progress import Listener

Members: TypeAlias = Graphs | Sequence[Architecture]
"""Members of a space: a batch of graphs, or a list of architectures."""

NOT_TRAINED = "this tokenizer is not trained yet; call fit(graphs, seed) or load one"


class Tokenizer(ABC):
    """Turns each architecture of one space into `length` codes, each `0 … codebook_size - 1`, and back.

    Example:
        >>> from archllm.spaces import load_space
        >>> from archllm.tokenizer import build_tokenizer
        >>> space = load_space("nasbench201")
        >>> tokenizer = build_tokenizer(space, TokenizerConfig(kind="plain"))
        >>> cells = space.sample(100, np.random.default_rng(0))
        >>> tokenizer.fit(cells, seed=0)
        >>> codes = tokenizer.encode(cells)
        >>> bool((space.keys(tokenizer.decode(codes)) == space.keys(cells)).all())
        True
    """

    space: SearchSpace
    """The space whose members it reads."""

    config: TokenizerConfig
    """How it was made."""

    codebook_size: int
    """Number of codes."""

    length: int
    """Codes per architecture; the most, where `end` says that there can be fewer."""

    end: int | None = None
    """The code that is not followed by any other, so that sequences differ in length; `None` if all are as long."""

    @abstractmethod
    def fit(
        self,
        graphs: Graphs,
        seed: int,
        listener: Listener | None = None,
        checkpoint: Path | None = None,
    ) -> None:
        """Learns from training members.

        Args:
            graphs: the members, in the node order in which they are to be read.
            seed: seed of all randomness.
            listener: told of the progress.
            checkpoint: path without suffix of files from which an interrupted `fit` goes on.
        """

    @abstractmethod
    def encode_as_written(self, graphs: Graphs) -> NDArray[np.int64]:
        """`n x length` codes of members, their nodes read in the order in which they stand."""

    @abstractmethod
    def decode(self, codes: NDArray[np.int64]) -> Graphs:
        """The graphs that `n x length` codes stand for; members or not, nothing is masked or repaired."""

    @abstractmethod
    def embed(self, members: Members) -> NDArray[np.float32]:
        """`n x d` continuous features of members."""

    @abstractmethod
    def to(self, device: str) -> Self:
        """Computes on that device from now on."""

    @abstractmethod
    def parameters(self) -> int:
        """Number of trained parameters."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Writes `tokenizer.json` and `tokenizer.safetensors` into the folder.

        Raises:
            RunFolderError: they can't be written.
        """

    @property
    def capacity(self) -> int:
        """Number of codes that there would be if all were used."""
        return self.codebook_size

    def encode(self, members: Members) -> NDArray[np.int64]:
        """`n x length` codes of members, the same for every way of writing a member that the space does not keep.

        Args:
            members: `n` graphs, or a list of `n` architectures.

        Raises:
            InvalidInput: an architecture is of another space, or the list is empty.
        """
        return self.encode_as_written(self._normalised(members))

    def told(self, codes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """`n` booleans: which codes speak of a member.

        What a tokenizer can't write, as it is unlike all of its training members, it writes as codes of no member.
        """
        return np.ones(len(codes), dtype=np.bool_)

    def _normalised(self, members: Members) -> Graphs:
        """The graphs of members, written in the space's normal form."""
        if not isinstance(members, Graphs):
            for each in members:
                check_same_space(self.space, each.space)
            members = concatenate([each.graph for each in members])
        return self.space.normalise(members)

    def reconstruction(self, graphs: Graphs) -> float:
        """Share of members that encode -> decode gives back exactly."""
        if len(graphs) == 0:
            raise InvalidInput("reconstruction needs at least one graph")
        normal = self.space.normalise(graphs)
        return float(equal(self.decode(self.encode_as_written(normal)), normal).mean())

    def _check(self, codes: NDArray[np.int64]) -> None:
        if codes.ndim != 2 or codes.shape[1] != self.length or codes.dtype.kind not in "iu":
            raise InvalidInput(f"codes must be whole numbers, n x {self.length}, got {codes.dtype} {codes.shape}")
        if codes.size and not 0 <= codes.min() <= codes.max() < self.codebook_size:
            raise InvalidInput(f"codes must be 0 to {self.codebook_size - 1}, found {codes.min()} to {codes.max()}")

    def lengths(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """`n` numbers of codes before the end, which is not counted."""
        if self.end is None:
            return np.full(len(codes), self.length)
        ends: NDArray[np.bool_] = codes == self.end
        return np.where(ends.any(1), ends.argmax(1), self.length)

    def usage(self, codes: NDArray[np.int64]) -> tuple[int, float]:
        """Number of different codes in use, and the perplexity exp(H) of their distribution."""
        counts = np.bincount(codes.ravel(), minlength=self.codebook_size)
        if self.end is not None:  # nothing is said behind the end
            counts[self.end] = (codes == self.end).any(1).sum()
        share = counts[counts > 0] / counts.sum()
        return int((counts > 0).sum()), float(np.exp(-(share * np.log(share)).sum()))
