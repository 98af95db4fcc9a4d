"""CodeTrie: which codes follow each prefix of the training sequences, and how often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray


@dataclass(frozen=True)
class _Level:
    """Prefixes of one length, as a sparse matrix of shares (prefix x next code)."""

    prefix: torch.Tensor  # n: the prefix that each sequence starts with
    start: torch.Tensor  # prefixes + 1: where each prefix' entries begin
    code: torch.Tensor  # entries
    share: torch.Tensor  # entries


class CodeTrie:
    """The empirical distribution of the next code after every prefix.

    Training a language model on these shares instead of on one sequence's next code is the same maximum likelihood,
    with the sampling noise of the targets averaged out; what early positions learn from one batch would take very
    many single targets.

    Args:
        codes: `n x length` training sequences.
        codebook_size: number of codes.

    Example:
        >>> trie = CodeTrie(np.array([[0, 1], [0, 1], [0, 2], [3, 0]]), codebook_size=4)
        >>> trie.targets(torch.tensor([0]))[0]  # p(c_0), then p(c_1 | c_0 = 0)
        tensor([[0.7500, 0.0000, 0.0000, 0.2500],
                [0.0000, 0.6667, 0.3333, 0.0000]])
    """

    def __init__(self, codes: NDArray[np.int64], codebook_size: int) -> None:
        # Summed over the data, the negative log-likelihood depends on counts alone. With n(h) sequences of prefix h and
        # n(h, c) of those that go on with c,
        #     - sum_i log q(c_i | h_i) = - sum_h n(h) sum_c p(c | h) log q(c | h),   p(c | h) = n(h, c) / n(h)
        # so soft targets p have the same minimum and, for a row drawn at random, the same expected gradient as one-hot
        # ones, without their variance given h (Rao-Blackwell). Sorted sequences make each prefix one range of rows.
        order = np.lexsort(codes.T[::-1])
        self.codes = torch.from_numpy(np.ascontiguousarray(codes[order]))
        self.codebook_size = codebook_size
        self.levels = list(self._build(codes[order]))

    @staticmethod
    def _build(codes: NDArray[np.int64]) -> list[_Level]:
        """One level per position of lexicographically sorted sequences."""
        n, length = codes.shape
        prefix = np.zeros(n, dtype=np.int64)
        levels = []
        for position in range(length):
            first = np.ones(n, dtype=np.bool_)
            first[1:] = (prefix[1:] != prefix[:-1]) | (codes[1:, position] != codes[:-1, position])
            starts = np.flatnonzero(first)
            count = np.diff(np.append(starts, n))
            parent = prefix[starts]
            share = count / np.bincount(parent, weights=count)[parent]
            levels.append(
                _Level(
                    torch.from_numpy(prefix),
                    torch.from_numpy(np.searchsorted(parent, np.arange(prefix[-1] + 2))),
                    torch.from_numpy(codes[starts, position]),
                    torch.from_numpy(share.astype(np.float32)),
                )
            )
            prefix = np.cumsum(first) - 1
        return levels

    def __len__(self) -> int:
        return len(self.codes)

    def targets(self, rows: torch.Tensor, first: int = 0) -> torch.Tensor:
        """`b x (length - first) x codebook_size` shares of the next code after each prefix of the sequences `rows`.

        Args:
            rows: `b` row numbers.
            first: the first position to give shares for.
        """
        b = len(rows)
        target = torch.zeros(b, len(self.levels) - first, self.codebook_size)
        for position, level in enumerate(self.levels[first:]):
            prefix = level.prefix[rows]
            begin = level.start[prefix]
            count = level.start[prefix + 1] - begin
            row = torch.repeat_interleave(torch.arange(b), count)
            offset = torch.arange(len(row)) - torch.repeat_interleave(count.cumsum(0) - count, count)
            entry = begin[row] + offset
            target[row, position, level.code[entry]] = level.share[entry]
        return target
