"""PlainTokenizer: graphs as they are written down; the baseline that a learned tokenizer has to beat."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from archllm.errors import InvalidInput, RunFolderError
from archllm.files import replacing, write_text
from archllm.graphs import Graphs
from archllm.spaces.base import SearchSpace
from archllm.tokenizer.base import NOT_TRAINED, Members, Tokenizer
from archllm.tokenizer.config import TokenizerConfig
from archllm.tokenizer.groups import varying_nodes
from archllm.tokenizer.parts import ALL_SERIALISATIONS, AnySerialisation, suited
from archllm.training.progress import Listener


class PlainTokenizer(Tokenizer):
    """The codes of an architecture are the tokens of a reversible serialisation; see `suited` for which one.

    Args:
        space: the space to read.
        config: only `kind` matters.

    Example:
        >>> from archllm.spaces import load_space
        >>> from archllm.tokenizer import TokenizerConfig
        >>> space = load_space("nasbench201")
        >>> tokenizer = PlainTokenizer(space, TokenizerConfig(kind="plain"))
        >>> tokenizer.fit(space.enumerate(), seed=0)
        >>> cells = space.enumerate()[:5]
        >>> codes = tokenizer.encode(cells)
        >>> codes.shape, bool((tokenizer.decode(codes).ops == cells.ops).all())
        ((5, 6), True)
    """

    def __init__(self, space: SearchSpace, config: TokenizerConfig) -> None:
        self.space, self.config = space, config
        self.length, self.codebook_size = space.max_nodes, 1  # until it is fitted
        self.way: AnySerialisation | None = None

    def fit(
        self,
        graphs: Graphs,
        seed: int,
        listener: Listener | None = None,
        checkpoint: Path | None = None,
    ) -> None:
        if not varying_nodes(graphs).any():
            raise InvalidInput(f"a tokenizer needs architectures that differ to learn from, got {len(graphs)} alike")
        self._take(suited(self.space, graphs))

    def _take(self, way: AnySerialisation) -> None:
        self.way = way
        self.length, self.codebook_size, self.end = way.length, way.size, way.end

    @property
    def _fitted(self) -> AnySerialisation:
        if self.way is None:
            raise InvalidInput(NOT_TRAINED)
        return self.way

    def encode_as_written(self, graphs: Graphs) -> NDArray[np.int64]:
        return self._fitted.write(graphs)

    def decode(self, codes: NDArray[np.int64]) -> Graphs:
        way = self._fitted
        self._check(codes)
        return way.read(codes)

    def told(self, codes: NDArray[np.int64]) -> NDArray[np.bool_]:
        return self._fitted.told(codes)

    def embed(self, members: Members) -> NDArray[np.float32]:
        """`n x (v + v²)`: labels one-hot and, where there are edges, the adjacency matrix, flattened."""
        graphs = self._normalised(members)
        graphs = graphs.padded(self.space.max_nodes)
        labels = np.eye(len(self.space.op_names) + 1, dtype=np.float32)[graphs.ops + 1]
        n, v = graphs.ops.shape
        if self.space.sequential:
            return labels.reshape(n, v * labels.shape[2])
        flat = graphs.adjacency.reshape(n, v * v).astype(np.float32)
        return np.concatenate([labels.reshape(n, v * labels.shape[2]), flat], axis=1)

    def to(self, device: str) -> Self:
        return self  # look-ups only

    def parameters(self) -> int:
        return 0

    def save(self, folder: Path) -> None:
        way = self._fitted
        with replacing(folder / "tokenizer.safetensors") as path:
            save_file(way.tensors(), path)
        write_text(folder / "tokenizer.json", json.dumps(self.about(), indent=2) + "\n")

    def about(self) -> dict[str, Any]:
        """`tokenizer.json`."""
        return {"space": self.space.name, "config": asdict(self.config), "serialisation": self._fitted.name}

    def restore(self, way: object, tensors: dict[str, torch.Tensor]) -> None:
        """Takes over a saved serialisation.

        Args:
            way: what `tokenizer.json` calls it.
            tensors: what it is made of.

        Raises:
            RunFolderError: it is not one.
        """
        if not isinstance(way, str) or way not in ALL_SERIALISATIONS:
            raise RunFolderError(f"tokenizer.json names no known serialisation ({', '.join(ALL_SERIALISATIONS)})")
        self._take(ALL_SERIALISATIONS[way].restore(self.space, tensors))
