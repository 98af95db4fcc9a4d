"""What generation can be steered by: values of the training cells, sorted into bins, and what is asked of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archllm.conditional.requirements import Range, all_hold
from archllm.errors import InvalidInput, RunFolderError
from archllm.files import replacing
from archllm.prior.config import UNCONDITIONED

_FILE = "conditions.safetensors"
_PURE = 0.5  # share of a bin's cells that must be in the range for the bin to be asked for


@dataclass(frozen=True)
class Conditions:
    """The values of the training cells, and the bins that a prior is conditioned on instead."""

    names: tuple[str, ...]
    """What each column is: `params`, `macs`, or a column of a table."""

    values: NDArray[np.float64]
    """`n x k` values of the training cells; not a number where one is not known."""

    edges: tuple[NDArray[np.float64], ...]
    """Of each column, the ascending values that separate its bins."""

    @staticmethod
    def of(names: Sequence[str], values: NDArray[np.float64], bins: Sequence[int]) -> Conditions:
        """Sorts values into bins: one for each different value where there are few, else equally full ones.

        Args:
            names: what each column is.
            values: `n x k` values of the training cells.
            bins: most bins of each column.

        Raises:
            InvalidInput: a column has no value at all, or only one, so that nothing can be asked for.
        """
        edges = []
        for name, column, most in zip(names, values.T, bins, strict=True):
            known = np.unique(column[~np.isnan(column)])
            if len(known) < 2:
                raise InvalidInput(f"all training cells with a known {name} have the same value; it can't steer")
            if len(known) > most:
                inner = np.unique(np.quantile(column[~np.isnan(column)], np.arange(1, most) / most))
                inner = inner[inner > known[0]]
                edges.append(inner if len(inner) else known[1:2])
            else:
                edges.append((known[1:] + known[:-1]) / 2)
        return Conditions(tuple(names), values, tuple(edges))

    def bins(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """`n x k` bins of `n x k` values, `UNCONDITIONED` for those that are not numbers."""
        result = np.full(values.shape, UNCONDITIONED, dtype=np.int64)
        for column, edges in enumerate(self.edges):
            known = ~np.isnan(values[:, column])
            result[known, column] = np.searchsorted(edges, values[known, column], side="right")
        return result

    def draw(self, ranges: Mapping[str, Range], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """`n x k` bins to ask for: those of training cells that fulfil all requirements, drawn at random.

        A bin that lies in a range only partly is left out, unless none is in it for the most part.

        Raises:
            InvalidInput: no training cell fulfils them; the message says which values there are.
        """
        inside = self.fulfilling(ranges)
        binned = self.bins(self.values)
        for name in ranges:
            column = self.names.index(name)
            own = binned[:, column]
            within = ranges[name].holds(self.values[:, column])
            size = np.bincount(own[own >= 0])
            purity = np.bincount(own[(own >= 0) & within], minlength=len(size)) / np.maximum(size, 1)
            pure = inside & (purity[own] >= _PURE)
            inside = pure if pure.any() else inside & (purity[own] == purity[own[inside]].max())
        rows = rng.choice(np.flatnonzero(inside), n)
        asked = np.full((n, len(self.names)), UNCONDITIONED, dtype=np.int64)
        for name in ranges:
            column = self.names.index(name)
            asked[:, column] = binned[rows, column]
        return asked

    def fulfilling(self, ranges: Mapping[str, Range]) -> NDArray[np.bool_]:
        """`n` booleans: which training cells fulfil all requirements.

        Raises:
            InvalidInput: a requirement is of something else, or no cell fulfils them.
        """
        for name in ranges:
            if name not in self.names:
                raise InvalidInput(
                    f"this run was not trained on the condition {name!r}; it knows {', '.join(self.names)} "
                    f"(train with --condition {name})"
                )
        columns = {name: self.values[:, self.names.index(name)] for name in ranges}
        for name, wanted in ranges.items():
            if not wanted.holds(columns[name]).any():
                low, high = np.nanmin(columns[name]), np.nanmax(columns[name])
                raise InvalidInput(f"no training cell has {wanted}; theirs are {low:g} to {high:g}")
        inside = all_hold(ranges, columns)
        if not inside.any():
            raise InvalidInput(f"no training cell has {' and '.join(map(str, ranges.values()))} at once")
        return inside

    def save(self, folder: Path) -> None:
        """Writes the values and the edges.

        Raises:
            RunFolderError: they can't be written.
        """
        import torch
        from safetensors.torch import save_file

        tensors = {"values": torch.from_numpy(np.ascontiguousarray(self.values))}
        tensors |= {f"edges.{column}": torch.from_numpy(edges) for column, edges in enumerate(self.edges)}
        with replacing(folder / _FILE) as path:
            save_file(tensors, path, metadata={"names": "\n".join(self.names)})

    @staticmethod
    def load(folder: Path, names: Sequence[str]) -> Conditions:
        """Reads what `save` wrote.

        Raises:
            RunFolderError: it is missing, damaged or of other conditions.
        """
        from safetensors import SafetensorError, safe_open

        path = folder / _FILE
        try:
            with safe_open(path, framework="np") as file:
                found = tuple(file.metadata()["names"].split("\n"))
                values = file.get_tensor("values")
                edges = tuple(file.get_tensor(f"edges.{column}") for column in range(len(found)))
        except (OSError, SafetensorError, KeyError, TypeError) as error:
            raise RunFolderError(f"can't read {path}: {error}; the run folder is not complete") from error
        if found != tuple(names) or values.ndim != 2 or values.shape[1] != len(found):
            raise RunFolderError(f"{path} is of the conditions {', '.join(found)}, not of {', '.join(names)}")
        return Conditions(found, values, edges)
