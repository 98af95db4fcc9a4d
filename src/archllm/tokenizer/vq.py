"""VQTokenizer: the learned tokenizer, a VQ-VAE over graphs."""

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
from archllm.tokenizer.groups import NodeGroups, node_tokens
from archllm.tokenizer.hints import code_layout
from archllm.tokenizer.model import VQVAE, Shape
from archllm.training.loop import Loop, Schedule, seeded
from archllm.training.progress import Listener

_CHUNK = 4096  # graphs per forward pass outside training
START_SAMPLE = 65_536  # graphs whose latent vectors the codebook starts from, at most
_START_VECTORS = 524_288  # latent vectors of these, at most


class VQTokenizer(Tokenizer):
    """Codes learned by a vector-quantised autoencoder (van den Oord et al., 2017) on labelled DAGs.

    Args:
        space: the space to read.
        config: sizes and kinds of the parts.

    Example:
        >>> from archllm.spaces import load_space
        >>> from archllm.tokenizer import TokenizerConfig
        >>> space = load_space("nasbench201")
        >>> tokenizer = VQTokenizer(space, TokenizerConfig(steps=2))
        >>> tokenizer.fit(space.enumerate()[:200], seed=0)
        >>> tokenizer.encode(space.enumerate()[:5]).shape == (5, tokenizer.length)
        True
    """

    def __init__(self, space: SearchSpace, config: TokenizerConfig) -> None:
        self.space, self.config = space, config
        self.codebook_size = config.codebook_size
        self.length = config.code_length or code_layout(space).length
        self.groups: NodeGroups | None = None
        self.used = np.arange(config.codebook_size)  # quantizer index of each code
        self.code_of = np.arange(config.codebook_size)  # code of each quantizer index
        self.model: VQVAE | None = None
        self.device = "cpu"

    def fit(
        self,
        graphs: Graphs,
        seed: int,
        listener: Listener | None = None,
        checkpoint: Path | None = None,
    ) -> None:
        with seeded(seed, -1):
            self._build(NodeGroups.of(graphs, self.length))

        config = self.config
        # The codebook is put in at the last step at the latest: what starts it must be seeded, as all of training is.
        warm_up = min(int(config.steps * config.warm_up), config.steps - 1) if config.quantizer == "ema" else 0

        def loss(step: int, rows: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
            if step == warm_up:
                self._start_codebook(graphs)
            labels, edges = self._tensors(graphs[rows.numpy()])
            result: tuple[torch.Tensor, dict[str, float]] = self._model(labels, edges, quantize=step >= warm_up)
            return result

        Loop(
            stage="tokenizer",
            module=self._model,
            schedule=Schedule(config.steps, min(config.batch, len(graphs)), config.learning_rate, config.weight_decay),
            seed=seed,
            loss=loss,
            rows=len(graphs),
            listener=listener,
            checkpoint=checkpoint,
        ).run()
        self._keep_only(np.unique(self._indices(graphs)))

    def _keep_only(self, used: NDArray[np.int64]) -> None:
        """Makes the quantizer indices that occur the codes; any other index becomes the nearest of them."""
        vectors = torch.from_numpy(self.codebook_of(np.arange(self._model.quantizer.size)))
        self.used, self.codebook_size = used, len(used)
        self.code_of = torch.cdist(vectors, vectors[used]).argmin(1).numpy()
        self.code_of[used] = np.arange(len(used))

    def encode_as_written(self, graphs: Graphs) -> NDArray[np.int64]:
        return self.code_of[self._indices(graphs)]

    def _indices(self, graphs: Graphs) -> NDArray[np.int64]:
        """`n x length` quantizer indices."""
        if self.config.context != "none" or self.groups is None:
            return self._forward(graphs)
        # Without context a code depends on the tokens of its own nodes alone, so each combination is encoded once.
        tokens = node_tokens(graphs.padded(self.space.max_nodes))
        known, token = np.unique(tokens, return_inverse=True)
        token = token.reshape(tokens.shape)
        indices = np.empty((len(graphs), self.length), dtype=np.int64)
        for position, group in enumerate(self.groups.nodes):
            combination = np.zeros(len(graphs), dtype=np.int64)
            for node in group[group >= 0]:
                combination = np.unique(combination * len(known) + token[:, node], return_inverse=True)[1]
            _, first, member = np.unique(combination, return_index=True, return_inverse=True)
            indices[:, position] = self._forward(graphs[first])[member, position]
        return indices

    def _forward(self, graphs: Graphs) -> NDArray[np.int64]:
        """`n x length` quantizer indices, every graph through the encoder."""
        model = self._model
        indices = np.empty((len(graphs), self.length), dtype=np.int64)
        with torch.inference_mode():
            for start in range(0, len(graphs), _CHUNK):
                labels, edges = self._tensors(graphs[start : start + _CHUNK])
                indices[start : start + _CHUNK] = model.encode(labels, edges).cpu().numpy()
        return indices

    def decode(self, codes: NDArray[np.int64]) -> Graphs:
        self._check(codes)
        model, nodes = self._model, self.space.max_nodes
        ops = np.empty((len(codes), nodes), dtype=np.int8)
        linked = 0 if self.space.sequential else nodes
        adjacency = np.empty((len(codes), linked, linked), dtype=np.bool_)
        with torch.inference_mode():
            for start in range(0, len(codes), _CHUNK):
                batch = torch.from_numpy(self.used[codes[start : start + _CHUNK]]).to(self.device)
                labels, edges = model.decode(batch)
                ops[start : start + _CHUNK] = labels.cpu().numpy() - 1
                if edges is not None:
                    adjacency[start : start + _CHUNK] = edges.cpu().numpy()
        return Graphs(ops, adjacency) if linked else Graphs.unlinked(ops)

    def embed(self, members: Members) -> NDArray[np.float32]:
        """`n x (length * code_width)`: the encoder's vectors before quantization."""
        graphs = self._normalised(members)
        parts = []
        with torch.inference_mode():
            for start in range(0, len(graphs), _CHUNK):
                latent = self._model.encoder(*self._tensors(graphs[start : start + _CHUNK]))
                parts.append(latent.flatten(1).cpu().numpy())
        return np.concatenate(parts) if parts else np.zeros((0, self.length * self.config.code_width), np.float32)

    def codebook(self) -> NDArray[np.float32]:
        """`codebook_size x code_width` vectors of the codes."""
        return self.codebook_of(self.used)

    def codebook_of(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """`k x code_width` vectors of quantizer indices."""
        with torch.inference_mode():
            vectors: NDArray[np.float32] = self._model.quantizer.codebook().cpu().numpy()[indices]
        return vectors

    @property
    def capacity(self) -> int:
        return self._model.quantizer.size

    def parameters(self) -> int:
        return sum(p.numel() for p in self._model.parameters())

    def to(self, device: str) -> Self:
        self.device = device
        if self.model is not None:
            self.model.to(device)
        return self

    def save(self, folder: Path) -> None:
        tensors = {name: value.contiguous().cpu() for name, value in self._model.state_dict().items()}
        assert self.groups is not None
        tensors["used"] = torch.from_numpy(self.used)
        with replacing(folder / "tokenizer.safetensors") as path:
            save_file(tensors, path)
        about = {"space": self.space.name, "config": asdict(self.config), "groups": self.groups.nodes.tolist()}
        write_text(folder / "tokenizer.json", json.dumps(about, indent=2) + "\n")

    def restore(self, groups: list[list[int]], tensors: dict[str, torch.Tensor]) -> None:
        """Takes over saved groups and weights.

        Raises:
            RunFolderError: they do not fit this configuration.
        """
        try:
            nodes = np.array(groups, dtype=np.int64)
            if not np.array_equal(np.sort(nodes[nodes >= 0]), np.arange(self.space.max_nodes)):
                raise ValueError(f"the groups must hold each of the {self.space.max_nodes} nodes once")
            self._build(NodeGroups(nodes))
            used = tensors.pop("used").numpy()
            if not np.isin(used, np.arange(self._model.quantizer.size)).all() or (np.diff(used) < 1).any():
                raise ValueError("the codes in use must be ascending indices of the codebook")
            self._model.load_state_dict(tensors)
            self._keep_only(used)
        except (RuntimeError, ValueError, IndexError, KeyError, TypeError) as error:
            raise RunFolderError(f"tokenizer.safetensors does not fit tokenizer.json: {error}") from error
        self._model.eval()

    @property
    def _model(self) -> VQVAE:
        if self.model is None:
            raise InvalidInput(NOT_TRAINED)
        return self.model

    def _build(self, groups: NodeGroups) -> None:
        shape = Shape(
            labels=len(self.space.op_names),
            nodes=self.space.max_nodes,
            groups=tuple(tuple(map(int, group)) for group in groups.nodes),
            linked=not self.space.sequential,
        )
        self.groups, self.length = groups, groups.length
        self.model = VQVAE(shape, self.config).to(self.device)
        self.codebook_size = self.model.quantizer.size

    def _start_codebook(self, graphs: Graphs) -> None:
        some = torch.randperm(len(graphs))[: min(START_SAMPLE, _START_VECTORS // self.length)].numpy()
        first = np.unique(node_tokens(graphs), return_index=True)[1] // graphs.nodes  # so that no rare node is missed
        sample = graphs[np.union1d(some, first)]
        with torch.no_grad():
            chunks = [sample[i : i + _CHUNK] for i in range(0, len(sample), _CHUNK)]
            latents = [self._model.encoder(*self._tensors(chunk)) for chunk in chunks]
            self._model.quantizer.start(torch.cat(latents).flatten(0, 1))

    def _tensors(self, graphs: Graphs) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Labels `(B, V)` with 0 for absent, and edges `(B, V, V)` as 0.0 or 1.0, `None` where there are none."""
        graphs = graphs.padded(self.space.max_nodes)
        labels = torch.from_numpy(graphs.ops.astype(np.int64) + 1).to(self.device)
        if self.space.sequential:
            return labels, None
        return labels, torch.from_numpy(graphs.adjacency.astype(np.float32)).to(self.device)
