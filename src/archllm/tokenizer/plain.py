"""PlainTokenizer: one word per node, nothing learned; the baseline that a learned tokenizer has to beat."""

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
from archllm.tokenizer.base import Tokenizer
from archllm.tokenizer.config import TokenizerConfig
from archllm.tokenizer.groups import varying_nodes
from archllm.training import Listener


class PlainTokenizer(Tokenizer):
    """The word of a node is its label with its set of in-edges; code 0 is a word never seen in training.

    Args:
        space: the space to read.
        config: only `kind` matters.
    """

    def __init__(self, space: SearchSpace, config: TokenizerConfig) -> None:
        self.space, self.config = space, config
        self.words = np.zeros((0, 1 + space.max_nodes), dtype=np.int8)  # label, then in-edges
        self.varying = np.zeros(space.max_nodes, dtype=np.bool_)
        self.fixed = np.zeros((space.max_nodes, 1 + space.max_nodes), dtype=np.int8)
        self.length = self.codebook_size = 0

    def fit(
        self,
        graphs: Graphs,
        seed: int,
        listener: Listener | None = None,
        checkpoint: Path | None = None,
    ) -> None:
        varying = varying_nodes(graphs)
        words = _words(graphs)
        self._restore(np.unique(words[:, varying].reshape(-1, words.shape[-1]), axis=0), varying, words[0])

    def _restore(self, words: NDArray[np.int8], varying: NDArray[np.bool_], fixed: NDArray[np.int8]) -> None:
        self.words, self.varying, self.fixed = words, varying, fixed
        self.length, self.codebook_size = int(varying.sum()), len(words) + 1

    def encode_as_written(self, graphs: Graphs) -> NDArray[np.int64]:
        known = _pack(self.words)
        order = np.argsort(known)
        asked = _pack(_words(graphs.padded(self.space.max_nodes))[:, self.varying])
        at = order[np.clip(np.searchsorted(known, asked, sorter=order), 0, len(known) - 1)]
        return np.where(known[at] == asked, at + 1, 0)

    def decode(self, codes: NDArray[np.int64]) -> Graphs:
        if codes.ndim != 2 or codes.shape[1] != self.length:
            raise InvalidInput(f"codes must be n x {self.length}, got {codes.shape}")
        unknown = np.full((1, self.words.shape[1]), -1, dtype=np.int8)
        unknown[:, 1:] = 0
        words = np.repeat(self.fixed[None], len(codes), axis=0)
        words[:, self.varying] = np.concatenate([unknown, self.words])[codes]
        return Graphs(words[:, :, 0], words[:, :, 1:].transpose(0, 2, 1).astype(np.bool_))

    def embed(self, graphs: Graphs) -> NDArray[np.float32]:
        """`n x (v + v²)`: labels one-hot and the adjacency matrix, flattened."""
        graphs = self.space.normalise(graphs)
        labels = np.eye(len(self.space.op_names) + 1, dtype=np.float32)[graphs.ops + 1]
        flat = graphs.adjacency.reshape(len(graphs), -1).astype(np.float32)
        return np.concatenate([labels.reshape(len(graphs), -1), flat], axis=1)

    def to(self, device: str) -> Self:
        return self  # look-ups only

    def parameters(self) -> int:
        return 0

    def save(self, folder: Path) -> None:
        tensors = {"words": self.words, "varying": self.varying, "fixed": self.fixed}
        with replacing(folder / "tokenizer.safetensors") as path:
            save_file({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in tensors.items()}, path)
        about = {"space": self.space.name, "config": asdict(self.config)}
        write_text(folder / "tokenizer.json", json.dumps(about, indent=2) + "\n")

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Takes over a saved vocabulary.

        Raises:
            RunFolderError: it is not one.
        """
        try:
            self._restore(tensors["words"].numpy(), tensors["varying"].numpy(), tensors["fixed"].numpy())
        except KeyError as error:
            raise RunFolderError(f"tokenizer.safetensors lacks {error}") from error


def _words(graphs: Graphs) -> NDArray[np.int8]:
    """`n x v x (1 + v)`: label and in-edges of every node."""
    incoming = graphs.adjacency.transpose(0, 2, 1).astype(np.int8)
    return np.concatenate([graphs.ops[:, :, None], incoming], axis=2)


def _pack(words: NDArray[np.int8]) -> NDArray[np.int64]:
    """One number per word: label and in-edges as bits (at most 40 nodes)."""
    bits = words[..., 1:].astype(np.int64) @ (np.int64(1) << np.arange(words.shape[-1] - 1))
    return (words[..., 0].astype(np.int64) + 1) << 48 | bits
