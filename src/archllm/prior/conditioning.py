"""What a prior is conditioned on while it learns: a bin of each condition, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from archllm.errors import InvalidInput
from archllm.prior.config import UNCONDITIONED
from archllm.prior.trie import CodeTrie

_ALL_DROPPED = 0.2  # share of unconditioned batches; guidance needs the unconditional distribution too
_BALANCED = 0.5  # share of the rows of the other batches that are drawn for rare conditions
_KEPT = 0.8  # share of the other batches that are conditioned on each condition


class LabelledSequences:
    """Training sequences with their conditions, ready to give targets for any subset of the conditions.

    Args:
        codes: `n x length` sequences.
        conditions: `n x k` bins, `UNCONDITIONED` where not known.
        codebook_size: number of codes.

    Example:
        >>> sequences = LabelledSequences(np.array([[0, 1], [1, 1]]), np.array([[0], [UNCONDITIONED]]), codebook_size=2)
        >>> rows = sequences.choose(torch.arange(2), (True,))  # only the first has a known bin
        >>> sequences.batch(rows, soft=False)[0].tolist()
        [[0, 1], [0, 1]]
    """

    def __init__(self, codes: NDArray[np.int64], conditions: NDArray[np.int64], codebook_size: int) -> None:
        self.codes, self.conditions, self.codebook_size = codes, conditions, codebook_size
        self._views: dict[tuple[bool, ...], _View] = {}

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def kinds(self) -> int:
        """Number of conditions."""
        return int(self.conditions.shape[1])

    def draw_mask(self) -> tuple[bool, ...]:
        """Which conditions a batch is conditioned on: drawn from torch's global random state, which training seeds.

        Only such as are known, together, of some sequence.
        """
        nothing = (False,) * self.kinds
        if self.kinds == 0 or torch.rand(()).item() < _ALL_DROPPED:
            return nothing
        mask = tuple(bool(used) for used in torch.rand(self.kinds) < _KEPT)
        return mask if self._known(mask).any() else nothing

    def choose(self, rows: torch.Tensor, mask: tuple[bool, ...]) -> torch.Tensor:
        """The rows of a batch and what they are conditioned on: `b x (1 + k)`, a row number and `k` times 0 or 1.

        Unconditioned, every sequence has its turn in an epoch. Else only those count whose chosen conditions are all
        known, so that an absent condition never means "unknown"; half of the rows are drawn so that rare bins occur as
        often as frequent ones. What follows each bin stays as it is.

        Args:
            rows: `b` row numbers, up to the number of sequences.
            mask: which conditions are used; the others are absent.
        """
        view = self._view_of(mask)
        if any(mask):
            own = rows if len(view.trie) == len(self) else torch.randint(len(view.trie), (len(rows),))
            rows = torch.where(torch.rand(len(rows)) < _BALANCED, view.balanced(len(rows)), own)
        return torch.cat([rows[:, None], torch.tensor(mask, dtype=torch.long).expand(len(rows), -1)], dim=1)

    def batch(self, chosen: torch.Tensor, soft: bool) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Codes `b x length`, conditions `b x k` and, if `soft`, the shares `b x length x codebook_size` of next codes.

        Args:
            chosen: what `choose` gave, or some of its rows.
            soft: whether shares are wanted.
        """
        rows, view = chosen[:, 0], self._view_of(tuple(used == 1 for used in chosen[0, 1:].tolist()))
        both = view.trie.codes[rows]
        codes, conditions = both[:, self.kinds :], both[:, : self.kinds] - 1
        if not soft:
            return codes, conditions, None
        return codes, conditions, view.trie.targets(rows, self.kinds)[..., : self.codebook_size]

    def _known(self, mask: tuple[bool, ...]) -> NDArray[np.bool_]:
        known: NDArray[np.bool_] = (self.conditions[:, np.array(mask, dtype=np.bool_)] != UNCONDITIONED).all(axis=1)
        return known

    def _view_of(self, mask: tuple[bool, ...]) -> _View:
        if mask not in self._views:
            self._views[mask] = self._view(mask)
        return self._views[mask]

    def _view(self, mask: tuple[bool, ...]) -> _View:
        known = self._known(mask)
        bins = np.where(np.array(mask, dtype=np.bool_), self.conditions[known], UNCONDITIONED) + 1
        both = np.concatenate([bins, self.codes[known]], axis=1)
        trie = CodeTrie(both, max(self.codebook_size, int(bins.max(initial=0)) + 1))
        if not any(mask):
            return _View(trie, torch.empty(0))
        found = torch.unique(trie.codes[:, : self.kinds], dim=0, return_inverse=True, return_counts=True)
        return _View(trie, (1.0 / found[2].double())[found[1]].cumsum(0))


@dataclass(frozen=True)
class _View:
    """The sequences as they look under some of the conditions."""

    trie: CodeTrie
    """Conditions, then codes."""

    cumulative: torch.Tensor
    """Running sum of weights that make each different row of conditions equally likely."""

    def balanced(self, n: int) -> torch.Tensor:
        """`n` row numbers, drawn by those weights."""
        at = torch.rand(n, dtype=torch.float64) * self.cumulative[-1]
        return torch.searchsorted(self.cumulative, at).clamp_max(len(self.trie) - 1)


def check_conditions(conditions: NDArray[np.int64] | None, n: int, kinds: int, bins: int) -> NDArray[np.int64]:
    """`n x kinds` bins, all absent where none are given.

    Raises:
        InvalidInput: their number or values do not fit.
    """
    if conditions is None:
        return np.full((n, kinds), UNCONDITIONED, dtype=np.int64)
    if conditions.shape != (n, kinds) or conditions.dtype.kind not in "iu":
        raise InvalidInput(
            f"conditions must be whole numbers, {n} x {kinds}, got {conditions.dtype} {conditions.shape}"
        )
    if conditions.size and not UNCONDITIONED <= conditions.min() <= conditions.max() < bins:
        raise InvalidInput(
            f"conditions must be bins 0 to {bins - 1}, or {UNCONDITIONED}; found {conditions.min()}, {conditions.max()}"
        )
    return conditions.astype(np.int64, copy=False)


def distinct_rows(conditions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The `p` different rows of `n x k` bins, and for each of the `n` which one it is."""
    if conditions.shape[1] == 0:
        return conditions[:1], torch.zeros(len(conditions), dtype=torch.long)
    rows, which = torch.unique(conditions, dim=0, return_inverse=True)
    return rows, which


def guided(conditional: torch.Tensor, unconditional: torch.Tensor, strength: float) -> torch.Tensor:
    """`n x k` scores moved away from what is likely anyway (classifier-free guidance, Ho and Salimans, 2022).

    Args:
        conditional: `n x k` scores under the conditions.
        unconditional: `n x k` scores without them.
        strength: 1 takes the conditional distribution as it is; more exaggerates what the conditions change.

    Example:
        >>> even, sure = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.8, 0.2]]).log()
        >>> torch.softmax(guided(sure, even, 2.0), -1)  # 0.8^2 : 0.2^2
        tensor([[0.9412, 0.0588]], dtype=torch.float64)
    """
    # log p_g(c) = log p(c) + g (log p(c | y) - log p(c)) + const, i.e. p_g ~ p(c) (p(c | y) / p(c))^g: by Bayes' rule
    # p(c | y) / p(c) ~ p(y | c), so g > 1 sharpens an implied classifier p(y | c)^g without training one.
    conditional, unconditional = (torch.log_softmax(each.double(), -1) for each in (conditional, unconditional))
    return unconditional + strength * (conditional - unconditional)
