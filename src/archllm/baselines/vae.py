"""GraphVAE: the baseline with a continuous latent and a Gaussian prior, measured by the same code as ours."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from archllm.baselines.vae_model import VAE, VAEConfig, log_likelihood
from archllm.errors import InvalidInput, RunFolderError
from archllm.files import LARGEST_JSON, check_holds, read_text, replacing, write_text
from archllm.graphs import Graphs, equal
from archllm.spaces.base import SearchSpace
from archllm.training.loop import Loop, Schedule, seeded
from archllm.training.progress import Listener

_CHUNK = 4096  # graphs per forward pass outside training


class GraphVAE:
    """A variational autoencoder (Kingma & Welling, 2014) over the labelled DAGs of one space.

    It answers "why codes and a language model, why not simply a VAE?": the idea of arch2vec (Yan et al., 2020), a
    graph encoder, a Gaussian latent and a one-shot decoder, with our tokenizer's layers and attention between nodes.

    Args:
        space: the space to read.
        config: sizes and training; `recommended_vae(space)` is what was tuned for a space.

    Example:
        >>> vae = GraphVAE(space, recommended_vae(space)).fit(cells.train, seed=0)  # doctest: +SKIP
        >>> graphs = vae.sample(1000, generator=torch.Generator().manual_seed(0))  # doctest: +SKIP
    """

    def __init__(self, space: SearchSpace, config: VAEConfig) -> None:
        self.space, self.config = space, config
        self.model: VAE | None = None

    def fit(
        self,
        graphs: Graphs,
        seed: int,
        listener: Listener | None = None,
        checkpoint: Path | None = None,
    ) -> Self:
        """Learns from training members.

        Args:
            graphs: the members; they are read in the space's normal form.
            seed: seed of all randomness.
            listener: told of the progress.
            checkpoint: path without suffix of files from which an interrupted `fit` goes on.

        Raises:
            InvalidInput: there is no graph, or one doesn't fit the space.
        """
        labels, edges = self._tensors(graphs)
        config = self.config
        with seeded(seed, -1):
            model = self._build()
        warm_up = config.beta_warm_up * config.steps

        def loss(step: int, rows: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
            beta = config.beta * min(1.0, (step + 1) / warm_up) if warm_up else config.beta
            result: tuple[torch.Tensor, dict[str, float]] = model(
                labels[rows].long(), edges[rows].float(), beta, config.free_bits
            )
            return result

        Loop(
            stage="vae",
            module=model,
            schedule=Schedule(config.steps, min(config.batch, len(graphs)), config.learning_rate, config.weight_decay),
            seed=seed,
            loss=loss,
            rows=len(graphs),
            listener=listener,
            checkpoint=checkpoint,
        ).run()
        self.model = model
        return self

    def sample(self, n: int, temperature: float = 1.0, *, generator: torch.Generator) -> Graphs:
        """`n` raw draws: z ~ N(0, temperature² I), decoded by argmax; nothing is masked or repaired.

        Raises:
            InvalidInput: `n` or the temperature can't be used.
        """
        return self.decode(self._prior(n, temperature, generator))

    def decode(self, latent: NDArray[np.float32] | torch.Tensor) -> Graphs:
        """The most likely graph of each of `n x d` latent vectors, by argmax.

        Raises:
            InvalidInput: the vectors have another shape.
        """
        vectors = torch.as_tensor(latent, dtype=torch.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self._model.latent_size:
            raise InvalidInput(f"latent must be n x {self._model.latent_size}, got {tuple(vectors.shape)}")
        parts = []
        with torch.inference_mode():
            for chunk in vectors.split(_CHUNK):
                label_logits, edge_logits = self._model.logits(chunk)
                parts.append((label_logits.argmax(-1), edge_logits > 0))
        return _graphs(parts)

    def encode(self, graphs: Graphs) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of the posterior, both `n x d`.

        Raises:
            InvalidInput: there is no graph, or one doesn't fit the space.
        """
        means, deviations = [], []
        with torch.inference_mode():
            for labels, edges in self._chunks(graphs, _CHUNK):
                mean, log_std = self._model.posterior(labels, edges)
                means.append(mean.numpy())
                deviations.append(log_std.exp().numpy())
        return np.concatenate(means), np.concatenate(deviations)

    def embed(self, graphs: Graphs) -> NDArray[np.float32]:
        """`n x d` posterior means."""
        return self.encode(graphs)[0]

    def reconstruct(self, graphs: Graphs) -> Graphs:
        """The graphs that the posterior means decode to."""
        return self.decode(self.embed(graphs))

    def reconstruction(self, graphs: Graphs) -> float:
        """Share of members whose normal form encode -> decode gives back exactly."""
        return float(equal(self.reconstruct(graphs), self.space.normalise(graphs)).mean())

    def elbo_nats(self, graphs: Graphs, samples: int = 64, seed: int = 0) -> float:
        """Upper bound on the mean negative log-likelihood of members, in nats per graph.

        The importance-weighted bound (Burda et al., 2016): -log of the mean of p(x, z) / q(z | x) over `samples`
        draws from q; with one sample it is the usual evidence bound, with more it comes down towards the likelihood
        itself. As q serves what the posterior would be at beta = 1: one trained with a smaller weight is too narrow,
        and would make the VAE look worse than it is. p(x | z) covers the label of every node and each of the `V x V`
        possible edges, so the figure stands beside a prior's held-out nats; the VAE may be better than its bound.

        Args:
            graphs: the members; they are read in the space's normal form.
            samples: posterior draws per graph.
            seed: seed of the draws.

        Raises:
            InvalidInput: there is no graph or no sample, or a graph doesn't fit the space.
        """
        if samples < 1:
            raise InvalidInput(f"samples must be at least 1, got {samples}")
        generator = torch.Generator().manual_seed(seed)
        total = 0.0
        with torch.inference_mode():
            for labels, edges in self._chunks(graphs, max(1, _CHUNK // samples)):
                total -= float(self._log_evidence(labels, edges, samples, generator).sum())
        return total / len(graphs)

    def _log_evidence(
        self, labels: torch.Tensor, edges: torch.Tensor, samples: int, generator: torch.Generator
    ) -> torch.Tensor:
        """`(B,)` log of the mean importance weight; at most `_CHUNK` draws at a time."""
        mean, log_std = self._tempered(*self._model.posterior(labels, edges))
        weights = []
        for start in range(0, samples, _CHUNK):
            k = min(_CHUNK, samples - start)
            noise = torch.randn(k, *mean.shape, generator=generator)
            latent = mean + log_std.exp() * noise
            ratio = (0.5 * (noise.square() - latent.square()) + log_std).sum(-1)  # log p(z) - log q(z | x), (k, B)
            logits = self._model.logits(latent.flatten(0, 1))
            likelihood = log_likelihood(*logits, labels.repeat(k, 1), edges.repeat(k, 1, 1)).view(k, -1)
            weights.append(likelihood + ratio)
        return torch.cat(weights).double().logsumexp(0) - math.log(samples)

    def _tempered(self, mean: torch.Tensor, log_std: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log standard deviation of a better proposal than the trained posterior.

        Training with weight beta fits the posterior to prior x likelihood^(1 / beta). Of a Gaussian that is undone
        exactly: the precision and precision-weighted mean that the likelihood adds to the prior shrink by beta.
        """
        share = min(1.0, self.config.beta)
        trained = (-2 * log_std).exp()
        precision = 1 - share + share * trained
        return share * trained * mean / precision, -0.5 * precision.log()

    def parameters(self) -> int:
        """Number of trained parameters."""
        return sum(p.numel() for p in self._model.parameters())

    def save(self, folder: Path) -> None:
        """Writes `vae.json` and `vae.safetensors` into the folder.

        Raises:
            RunFolderError: they can't be written.
        """
        with replacing(folder / "vae.safetensors") as path:
            save_file({name: value.contiguous() for name, value in self._model.state_dict().items()}, path)
        about = {"space": self.space.name, "config": asdict(self.config)}
        write_text(folder / "vae.json", json.dumps(about, indent=2) + "\n")

    @staticmethod
    def load(folder: Path, space: SearchSpace) -> GraphVAE:
        """The VAE saved in a folder.

        Raises:
            RunFolderError: a file is missing, damaged, or made for another space.
        """
        about_path, weights_path = folder / "vae.json", folder / "vae.safetensors"
        try:
            about = json.loads(read_text(about_path, LARGEST_JSON))
            name, vae = about["space"], GraphVAE(space, VAEConfig(**about["config"]))
        except (ValueError, KeyError, TypeError, RecursionError, InvalidInput) as error:
            raise RunFolderError(f"{about_path} is not a description of a VAE: {error}") from error
        if name != space.name:
            raise RunFolderError(f"{about_path} is a VAE of the space {name!r}, but {space.name!r} is needed")
        check_holds(weights_path, vae.config.layers * vae.config.width**2)
        try:
            model = vae._build()
            model.load_state_dict(load_file(weights_path))
        except OSError as error:
            raise RunFolderError(f"can't read {weights_path}: {error.strerror or error}") from error
        except SafetensorError as error:
            raise RunFolderError(f"{weights_path} is damaged or not a safetensors file: {error}") from error
        except (RuntimeError, ValueError) as error:
            raise RunFolderError(f"{weights_path} does not fit vae.json: {error}") from error
        vae.model = model.eval()
        return vae

    @property
    def _model(self) -> VAE:
        if self.model is None:
            raise InvalidInput("this VAE is not trained yet; call fit(graphs, seed) or load one")
        return self.model

    def _build(self) -> VAE:
        return VAE(len(self.space.op_names), self.space.max_nodes, self.config)

    def _prior(self, n: int, temperature: float, generator: torch.Generator) -> torch.Tensor:
        """`n x d` draws from N(0, temperature² I)."""
        if n < 1:
            raise InvalidInput(f"n must be at least 1, got {n}")
        if not 0 <= temperature < math.inf:
            raise InvalidInput(f"temperature must be 0 or positive, got {temperature}")
        return temperature * torch.randn(n, self._model.latent_size, generator=generator)

    def _tensors(self, graphs: Graphs) -> tuple[torch.Tensor, torch.Tensor]:
        """Compact labels `(n, V)` with 0 for absent, and edges `(n, V, V)`, of the normal forms."""
        if len(graphs) == 0:
            raise InvalidInput("at least one graph is needed")
        normal = self.space.normalise(graphs).padded(self.space.max_nodes)
        known = len(self.space.op_names)
        if normal.ops.min() < -1 or normal.ops.max() >= known:
            raise InvalidInput(
                f"labels of {self.space.name} are -1 (absent) to {known - 1}, "
                f"found {normal.ops.min()} to {normal.ops.max()}"
            )
        return torch.from_numpy(normal.ops + np.int8(1)), torch.from_numpy(normal.adjacency)

    def _chunks(self, graphs: Graphs, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        labels, edges = self._tensors(graphs)
        for start in range(0, len(graphs), size):
            yield labels[start : start + size].long(), edges[start : start + size].float()


def _graphs(parts: list[tuple[torch.Tensor, torch.Tensor]]) -> Graphs:
    """Labels with 0 for absent, and edges, chunk by chunk, as one batch."""
    labels = torch.cat([part[0] for part in parts]).numpy()
    return Graphs((labels - 1).astype(np.int8), torch.cat([part[1] for part in parts]).numpy())
