"""Corpora: a user's own list of architectures, whose distribution is learned instead of the uniform one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from archllm.errors import RunFolderError
from archllm.graphs import Graphs
from archllm.spaces.base import SearchSpace

CORPUS_FILE = "corpus.safetensors"
"""The members of a corpus in a run folder."""


@dataclass(frozen=True)
class Corpus:
    """Different members of a space, and what else stood in the list that they come from.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench201")
        >>> corpus = Corpus.of(space, space.sample(100, np.random.default_rng(0)))
        >>> len(corpus), corpus.repeats
        (100, 0)
    """

    graphs: Graphs
    """`n` normalised members, all different, in the order of their keys."""

    repeats: int = 0
    """Rows that held a member once more."""

    strangers: tuple[str, ...] = ()
    """Rows that hold no member, and why."""

    def __len__(self) -> int:
        return len(self.graphs)

    @staticmethod
    def of(space: SearchSpace, graphs: Graphs, strangers: tuple[str, ...] = ()) -> Corpus:
        """The corpus of `n` members, repeats left out."""
        keys, first = np.unique(space.keys(graphs), return_index=True)
        return Corpus(space.normalise(graphs[first]), len(graphs) - len(keys), strangers)

    @property
    def told(self) -> str:
        """How many architectures there are, and what was left out: counted, the first three strangers named."""
        parts = [f"{len(self):,} different architectures"]
        if self.repeats:
            parts.append(f"{self.repeats:,} {'repeats' if self.repeats > 1 else 'repeat'} left out")
        if self.strangers:
            more = f", and {len(self.strangers) - 3:,} more" if len(self.strangers) > 3 else ""
            parts.append(f"{len(self.strangers):,} left out as no members: {'; '.join(self.strangers[:3])}{more}")
        return "; ".join(parts)

    def save(self, folder: Path) -> None:
        """Writes the members into a run folder, so that it says alone what was trained on and what was held out."""
        v = 0 if self.graphs.edgeless else self.graphs.nodes
        links = np.packbits(self.graphs.adjacency[:, :v, :v].reshape(len(self), v * v), axis=1)
        save_file({"ops": self.graphs.ops.astype(np.int8), "links": links}, folder / CORPUS_FILE)

    @staticmethod
    def load(folder: Path, space: SearchSpace) -> Corpus:
        """The members that `save` wrote.

        Raises:
            RunFolderError: the file is missing or damaged, or holds something else than different members in order.
        """
        path = folder / CORPUS_FILE
        try:
            arrays = load_file(path)
        except (OSError, SafetensorError) as error:
            raise RunFolderError(f"can't read {path}, the corpus of the run: {error}") from error
        graphs = _unpacked(arrays, space.max_nodes, not space.sequential)
        if graphs is None or not space.validate(graphs).all() or not (np.diff(space.keys(graphs)) > 0).all():
            raise RunFolderError(f"{path} is damaged: it must hold different members of {space.name}, ordered by key")
        return Corpus(graphs)


def _unpacked(arrays: dict[str, NDArray[np.generic]], v: int, linked: bool) -> Graphs | None:
    """Graphs on `v` nodes from arrays that anybody may have written; `None` where they are something else."""
    ops, links = arrays.get("ops"), arrays.get("links")
    if ops is None or links is None or ops.dtype != np.int8 or links.dtype != np.uint8 or len(arrays) != 2:
        return None
    if ops.ndim != 2 or links.shape != (len(ops), -(-v * v // 8) * linked) or ops.shape[1] != v or not len(ops):
        return None
    if not linked:
        return Graphs.unlinked(ops.astype(np.int8))
    bits = np.unpackbits(links.astype(np.uint8), axis=1)[:, : v * v]
    return Graphs(ops.astype(np.int8), bits.reshape(len(ops), v, v).astype(np.bool_))
