"""CodeLM: a small causal transformer over code sequences, trained from scratch, in Hugging Face form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.nn import functional as F
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

from archllm.errors import RunFolderError
from archllm.files import share, write_text
from archllm.prior.base import Prior, tempered
from archllm.prior.config import PriorConfig
from archllm.prior.trie import CodeTrie
from archllm.progress import Listener
from archllm.training import Loop, Schedule, seeded

_CHUNK = 8192  # sequences per forward pass outside training


class CodeLM(Prior):
    """A Llama of a few hundred thousand parameters whose vocabulary is the codebook and one start token.

    Args:
        config: sizes and training.
        codebook_size: number of codes.
        length: codes per sequence.
    """

    def __init__(self, config: PriorConfig, codebook_size: int, length: int) -> None:
        self.config, self.codebook_size, self.length = config, codebook_size, length
        self.device = "cpu"
        self.start = codebook_size  # the token before the first code
        with seeded(0, -2):
            self.model = LlamaForCausalLM(self._llama()).eval()

    def _llama(self) -> LlamaConfig:
        return LlamaConfig(
            vocab_size=self.codebook_size + 1,
            hidden_size=self.config.width,
            intermediate_size=self.config.width * 8 // 3,
            num_hidden_layers=self.config.layers,
            num_attention_heads=self.config.heads,
            max_position_embeddings=self.length + 1,
            attention_dropout=self.config.dropout,
            bos_token_id=self.start,
            eos_token_id=None,
            pad_token_id=None,
            tie_word_embeddings=False,
        )

    def fit(
        self,
        codes: NDArray[np.int64],
        validation: NDArray[np.int64],
        seed: int,
        listener: Listener | None = None,
        checkpoint: Path | None = None,
    ) -> None:
        self._check(codes)
        self._check(validation)
        with seeded(seed, -1):
            self.model = LlamaForCausalLM(self._llama())
            self.to(self.device)
        trie = CodeTrie(codes, self.codebook_size)

        def loss(step: int, rows: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
            batch = trie.codes[rows].to(self.device)
            log_probs = self._log_probs(batch)
            if self.config.soft_targets:
                value = -(trie.targets(rows).to(self.device) * log_probs).sum() / len(rows)
            else:
                value = -log_probs.gather(2, batch[:, :, None]).sum() / len(rows)
            return value, {"loss": value.item()}

        Loop(
            stage="prior",
            module=self.model,
            schedule=Schedule(
                self.config.steps,
                min(self.config.batch, len(trie)),
                self.config.learning_rate,
                self.config.weight_decay,
            ),
            seed=seed,
            loss=loss,
            rows=len(trie),
            validate=lambda: self._validation(validation),
            validations=12,
            patience=self.config.patience,
            listener=listener,
            checkpoint=checkpoint,
        ).run()

    def _validation(self, codes: NDArray[np.int64]) -> dict[str, float]:
        """Mean negative log-likelihood of validation sequences and the standard error of that mean."""
        nats = -self.log_prob(codes)
        return {"validation_loss": float(nats.mean()), "validation_error": float(nats.std() / np.sqrt(len(nats)))}

    def _log_probs(self, codes: torch.Tensor) -> torch.Tensor:
        """`b x length x codebook_size` log-probabilities of each code after the prefix before it."""
        tokens = F.pad(codes[:, :-1], (1, 0), value=self.start)
        logits = self.model(input_ids=tokens, use_cache=False).logits
        return torch.log_softmax(logits[..., : self.codebook_size].float(), dim=-1)

    def log_prob(self, codes: NDArray[np.int64]) -> NDArray[np.float64]:
        self._check(codes)
        parts = []
        with torch.no_grad():
            for start in range(0, len(codes), _CHUNK):
                batch = torch.from_numpy(codes[start : start + _CHUNK]).to(self.device)
                parts.append(self._log_probs(batch).gather(2, batch[:, :, None]).sum((1, 2)).double().cpu())
        result: NDArray[np.float64] = torch.cat(parts).numpy()
        return result

    def embed(self, codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """`n x (length * width)`: the last layer's state after each code."""
        self._check(codes)
        self.model.eval()
        parts = []
        with torch.no_grad():
            for start in range(0, len(codes), _CHUNK):
                batch = torch.from_numpy(codes[start : start + _CHUNK]).to(self.device)
                tokens = F.pad(batch, (1, 0), value=self.start)
                states = self.model.model(input_ids=tokens, use_cache=False).last_hidden_state
                parts.append(states[:, 1:].flatten(1).float().cpu())  # that of the start token is always the same
        result: NDArray[np.float32] = torch.cat(parts).numpy()
        return result

    def _sample(self, n: int, temperature: float, generator: torch.Generator) -> NDArray[np.int64]:
        self.model.eval()
        with torch.inference_mode():
            parts = [
                self._sample_chunk(min(_CHUNK, n - start), temperature, generator) for start in range(0, n, _CHUNK)
            ]
        return np.concatenate(parts)

    def _sample_chunk(self, n: int, temperature: float, generator: torch.Generator) -> NDArray[np.int64]:
        """Draws code by code; draws that share a prefix share its forward pass and its cache."""
        codes = torch.empty(n, self.length, dtype=torch.long, device=self.device)
        prefix = torch.zeros(n, dtype=torch.long, device=self.device)  # which distinct prefix each draw has
        token = torch.full((1, 1), self.start, device=self.device)
        cache: Any = DynamicCache(config=self.model.config)
        for position in range(self.length):
            output = self.model(input_ids=token, past_key_values=cache, use_cache=True)
            logits = output.logits[:, -1, : self.codebook_size]
            cumulative = tempered(logits, temperature).cumsum(-1)
            uniform = torch.rand(n, 1, generator=generator, dtype=torch.float64).to(self.device)
            rows = cumulative[prefix]
            drawn = torch.searchsorted(rows, uniform * rows[:, -1:], right=True)[:, 0]
            codes[:, position] = drawn.clamp_max(self.codebook_size - 1)
            longer = prefix * self.codebook_size + codes[:, position]
            distinct, prefix = torch.unique(longer, return_inverse=True)
            token = (distinct % self.codebook_size)[:, None]
            cache = output.past_key_values
            if position + 1 < self.length:
                cache.batch_select_indices(distinct // self.codebook_size)
        result: NDArray[np.int64] = codes.cpu().numpy()
        return result

    def parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters())

    def save(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _quiet():
                self.model.save_pretrained(folder)
            share(folder / "model.safetensors")
        except (OSError, SafetensorError) as error:
            raise RunFolderError(f"can't write {folder}: {getattr(error, 'strerror', None) or error}") from error
        about = {"config": asdict(self.config), "codebook_size": self.codebook_size, "length": self.length}
        write_text(folder / "prior.json", json.dumps(about, indent=2) + "\n")

    def restore(self, folder: Path) -> None:
        """Takes over saved weights; `config.json` beside them is for other programs.

        Raises:
            RunFolderError: they are missing, damaged, or of another shape.
        """
        path = folder / "model.safetensors"
        try:
            self.model.load_state_dict(load_file(path))
        except (OSError, SafetensorError) as error:
            raise RunFolderError(f"can't read {path}: {getattr(error, 'strerror', None) or error}") from error
        except RuntimeError as error:
            raise RunFolderError(f"{path} does not hold the weights that prior.json tells of: {error}") from error
        self.model.eval()

    def to(self, device: str) -> Self:
        self.device = device
        torch.nn.Module.to(self.model, device)
        return self


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the library's progress bars off the terminal for a while."""
    was_on = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            logging.enable_progress_bar()
