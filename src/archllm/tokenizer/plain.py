"""PlainTokenizer: one token per node, nothing learned; the baseline that a learned tokenizer has to beat."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Self

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
from archllm.tokenizer.groups import graphs_of_tokens, node_tokens, varying_nodes
from archllm.training.progress import Listener


class PlainTokenizer(Tokenizer):
    """The token of a node is its label with its set of in-edges; code 0 is a token never seen in training.

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
        self._restore(np.zeros(0, np.int64), np.zeros(space.max_nodes, np.bool_), np.zeros(space.max_nodes, np.int64))

    def fit(
        self,
        graphs: Graphs,
        seed: int,
        listener: Listener | None = None,
        checkpoint: Path | None = None,
    ) -> None:
        varying = varying_nodes(graphs)
        if not varying.any():
            raise InvalidInput(f"a tokenizer needs architectures that differ to learn from, got {len(graphs)} alike")
        tokens = node_tokens(graphs)
        self._restore(np.unique(tokens[:, varying]), varying, tokens[0])

    def _restore(self, tokens: NDArray[np.int64], varying: NDArray[np.bool_], fixed: NDArray[np.int64]) -> None:
        self.tokens, self.varying, self.fixed = tokens, varying, fixed
        self.length, self.codebook_size = int(varying.sum()), len(tokens) + 1

    def encode_as_written(self, graphs: Graphs) -> NDArray[np.int64]:
        self._check_trained()
        asked = node_tokens(graphs.padded(self.space.max_nodes))[:, self.varying]
        at = np.searchsorted(self.tokens, asked).clip(0, len(self.tokens) - 1)
        return np.where(self.tokens[at] == asked, at + 1, 0)

    def decode(self, codes: NDArray[np.int64]) -> Graphs:
        self._check_trained()
        self._check(codes)
        absent_node = np.int64(0)  # what the unknown token decodes to
        tokens = np.repeat(self.fixed[None], len(codes), axis=0)
        tokens[:, self.varying] = np.concatenate([[absent_node], self.tokens])[codes]
        return graphs_of_tokens(tokens)

    def embed(self, members: Members) -> NDArray[np.float32]:
        """`n x (v + v²)`: labels one-hot and the adjacency matrix, flattened."""
        graphs = self._normalised(members)
        labels = np.eye(len(self.space.op_names) + 1, dtype=np.float32)[graphs.ops + 1]
        n, v = graphs.ops.shape
        flat = graphs.adjacency.reshape(n, v * v).astype(np.float32)
        return np.concatenate([labels.reshape(n, v * labels.shape[2]), flat], axis=1)

    def to(self, device: str) -> Self:
        return self  # look-ups only

    def parameters(self) -> int:
        return 0

    def save(self, folder: Path) -> None:
        self._check_trained()
        tensors = {"words": self.tokens, "varying": self.varying, "fixed": self.fixed}
        with replacing(folder / "tokenizer.safetensors") as path:
            save_file({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in tensors.items()}, path)
        about = {"space": self.space.name, "config": asdict(self.config)}
        write_text(folder / "tokenizer.json", json.dumps(about, indent=2) + "\n")

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Takes over a saved vocabulary.

        Raises:
            RunFolderError: it is not one.
        """
        nodes = (self.space.max_nodes,)
        shapes = {"words": (np.int64, None), "varying": (np.bool_, nodes), "fixed": (np.int64, nodes)}
        arrays = {name: tensor.numpy() for name, tensor in tensors.items() if name in shapes}
        for name, (dtype, shape) in shapes.items():
            array = arrays.get(name)
            if array is None or array.dtype != dtype or array.ndim != 1 or (shape and array.shape != shape):
                raise RunFolderError(
                    f"tokenizer.safetensors does not fit tokenizer.json: {name!r} is missing or foreign"
                )
        self._restore(arrays["words"], arrays["varying"], arrays["fixed"])
        if not len(self.tokens) or not self.varying.any():
            raise RunFolderError("tokenizer.safetensors does not fit tokenizer.json: it holds no vocabulary")

    def _check_trained(self) -> None:
        if not len(self.tokens):
            raise InvalidInput(NOT_TRAINED)
