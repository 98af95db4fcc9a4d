"""CodeLM: a small causal transformer over code sequences, trained from scratch, in Hugging Face form.

A sequence reads: one token for each condition (its bin, or that it is absent), the start token, the codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.nn import functional as F
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

from archllm.errors import RunFolderError
from archllm.files import share
from archllm.prior.base import Prior, counted, resumes, tempered, write_about
from archllm.prior.biased_llama import BiasedLlama, BiasedLlamaConfig
from archllm.prior.conditioning import LabelledSequences, distinct_rows, guided
from archllm.prior.config import UNCONDITIONED, PriorConfig
from archllm.prior.text.pretrained import quiet
from archllm.training.loop import Loop, Schedule, seeded
from archllm.training.processes import SINGLE_PROCESS, ProcessGroup
from archllm.training.progress import Listener

CHUNK = 8192  # sequences per forward pass outside training
_LOGITS = 1 << 24  # numbers that score codes in such a pass, at most
_CACHE = 1 << 28  # numbers that keys and values of a batch of draws hold, at most


class CodeLM(Prior):
    """A Llama of a few hundred thousand parameters whose vocabulary is the codebook, a start token, and the conditions.

    Args:
        config: sizes and training.
        codebook_size: number of codes.
        length: codes per sequence.
        conditions: names of the properties that it can be conditioned on.
        end: the code that ends a sequence, if any does.

    Example:
        >>> from archllm.prior import PriorConfig
        >>> codes = np.random.default_rng(0).integers(0, 4, (64, 3))
        >>> prior = CodeLM(PriorConfig(steps=2, width=16, layers=1, heads=2), codebook_size=4, length=3)
        >>> prior.fit(codes, codes[:8], seed=0)
        >>> prior.sample(5, generator=torch.Generator().manual_seed(0)).shape, prior.log_prob(codes).shape
        ((5, 3), (64,))
    """

    def __init__(
        self,
        config: PriorConfig,
        codebook_size: int,
        length: int,
        conditions: Sequence[str] = (),
        end: int | None = None,
    ) -> None:
        self.config, self.codebook_size, self.length, self.end = config, codebook_size, length, end
        self.conditions = tuple(conditions)
        self.device = "cpu"
        self.start = codebook_size  # the token before the first code
        with seeded(0, -2):
            self.model = self._untrained().eval()

    def _untrained(self) -> LlamaForCausalLM:
        sizes: dict[str, Any] = {
            "vocab_size": self.codebook_size + 1 + len(self.conditions) * (self.config.bins + 1),
            "hidden_size": self.config.width,
            "intermediate_size": self.config.width * 8 // 3,
            "num_hidden_layers": self.config.layers,
            "num_attention_heads": self.config.heads,
            "max_position_embeddings": len(self.conditions) + self.length + 1,
            "attention_dropout": self.config.dropout,
            "bos_token_id": self.start,
            "eos_token_id": None,
            "pad_token_id": None,
            "tie_word_embeddings": False,
        }
        if not self.config.unigram_init:
            return LlamaForCausalLM(LlamaConfig(**sizes))
        first = len(self.conditions)
        config = BiasedLlamaConfig(codes=self.codebook_size, length=self.length, end=self.end, first=first, **sizes)
        return BiasedLlama(config)

    def fit(
        self,
        codes: NDArray[np.int64],
        validation: NDArray[np.int64],
        seed: int,
        listener: Listener | None = None,
        checkpoint: Path | None = None,
        *,
        conditions: NDArray[np.int64] | None = None,
        validation_conditions: NDArray[np.int64] | None = None,
        group: ProcessGroup = SINGLE_PROCESS,
        fresh: bool = True,
    ) -> None:
        self._check(codes)
        self._check(validation)
        wanted = self._checked_bins(validation_conditions, len(validation))
        if fresh:
            with seeded(seed, -1):
                self.model = self._untrained()
            if isinstance(self.model, BiasedLlama):
                self.model.start_from(codes)
            self.to(self.device)
        self._train(
            LabelledSequences(codes, self._checked_bins(conditions, len(codes)), self.codebook_size),
            Schedule(
                self.config.steps,
                min(self.config.batch, len(codes)),
                self.config.learning_rate,
                self.config.weight_decay,
            ),
            seed,
            soft=self.config.soft_targets,
            validate=lambda: self._validation(validation, wanted),
            validations=12,
            keep=self.config.keep,
            patience=self.config.patience,
            listener=listener,
            checkpoint=checkpoint,
            group=group,
        )

    def with_conditions(self, conditions: Sequence[str], bins: int) -> CodeLM:
        config = replace(self.config, bins=bins)
        copy = CodeLM(config, self.codebook_size, self.length, conditions, self.end).to(self.device)
        shared = self.codebook_size + 1  # the words that both have: the codes and the start
        state = copy.model.state_dict()
        for name, value in self.model.state_dict().items():
            if state[name].shape == value.shape:
                state[name].copy_(value)
            else:
                state[name][:shared].copy_(value[:shared])
        copy.model.eval()
        return copy

    def learn(
        self,
        codes: NDArray[np.int64],
        conditions: NDArray[np.int64],
        schedule: Schedule,
        seed: int,
    ) -> None:
        self._check(codes)
        sequences = LabelledSequences(codes, self._checked_bins(conditions, len(codes)), self.codebook_size)
        self._train(sequences, schedule, seed, soft=False)

    def _train(self, sequences: LabelledSequences, schedule: Schedule, seed: int, *, soft: bool, **loop: Any) -> None:
        """Trains the weights further from where they are."""

        def loss(step: int, chosen: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
            batch, bins, shares = sequences.batch(chosen, soft)
            runs = counted(batch, self.end)
            longest = int(runs.sum(1).max())  # what all have behind their ends is neither read nor learned
            batch, runs = batch[:, :longest].to(self.device), runs[:, :longest].to(self.device)
            log_probs = self._log_probs(batch, bins)
            if shares is not None:
                nats = -(shares[:, :longest].to(self.device) * log_probs).sum(2)
            else:
                nats = -log_probs.gather(2, batch[:, :, None])[:, :, 0]
            value = (nats * runs).sum() / len(batch)
            return value, {"loss": value.item()}

        Loop(
            stage="prior",
            module=self.model,
            schedule=schedule,
            seed=seed,
            loss=loss,
            rows=len(sequences),
            choose=lambda rows: sequences.choose(rows, sequences.draw_mask()),
            **loop,
        ).run()

    def _beginning(self, conditions: torch.Tensor) -> torch.Tensor:
        """`n x (k + 1)` tokens before the first code of sequences with `n x k` bins."""
        first = self.start + 1 + torch.arange(conditions.shape[1]) * (self.config.bins + 1)
        return F.pad(conditions + 1 + first, (0, 1), value=self.start)

    def _log_probs(self, codes: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """`b x length x codebook_size` log-probabilities of each code after the prefix before it."""
        tokens = torch.cat([self._beginning(conditions).to(codes.device), codes[:, :-1]], dim=1)
        logits = self.model(input_ids=tokens, use_cache=False).logits[:, conditions.shape[1] :]
        return torch.log_softmax(logits[..., : self.codebook_size].float(), dim=-1)

    def log_prob(self, codes: NDArray[np.int64], conditions: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        self._check(codes)
        bins = torch.from_numpy(self._checked_bins(conditions, len(codes)))
        parts = []
        with torch.no_grad():
            chunk = max(256, min(CHUNK, _LOGITS // (self.length * self.codebook_size)))
            for start in range(0, len(codes), chunk):
                batch = torch.from_numpy(codes[start : start + chunk]).to(self.device)
                runs = counted(batch, self.end)
                longest = int(runs.sum(1).max())
                log_probs = self._log_probs(batch[:, :longest], bins[start : start + chunk])
                own = log_probs.gather(2, batch[:, :longest, None])[:, :, 0]
                total = (own * runs[:, :longest]).sum(1).double()
                parts.append(total.masked_fill(resumes(batch, self.end), -torch.inf).cpu())
        result: NDArray[np.float64] = torch.cat(parts).numpy()
        return result

    def embed(self, codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """`n x (length * width)`: the last layer's state after each code."""
        self._check(codes)
        self.model.eval()
        parts = []
        with torch.no_grad():
            for start in range(0, len(codes), CHUNK):
                batch = torch.from_numpy(codes[start : start + CHUNK]).to(self.device)
                unconditional = torch.full((len(batch), len(self.conditions)), UNCONDITIONED)
                beginning = self._beginning(unconditional).to(self.device)
                tokens = torch.cat([beginning, batch], dim=1)
                states = self.model.model(input_ids=tokens, use_cache=False).last_hidden_state
                own = states[:, beginning.shape[1] :]  # those before the first code are always the same
                parts.append(own.flatten(1).float().cpu())
        result: NDArray[np.float32] = torch.cat(parts).numpy()
        return result

    def _sample(
        self,
        n: int,
        temperature: float,
        generator: torch.Generator,
        conditions: NDArray[np.int64],
        guidance: float,
    ) -> NDArray[np.int64]:
        self.model.eval()
        bins = torch.from_numpy(conditions)
        with torch.inference_mode():
            chunk = min(CHUNK, max(256, _CACHE // (2 * self.config.layers * self.config.width * self.length)))
            parts = [
                self._sample_chunk(bins[start : start + chunk], temperature, generator, guidance)
                for start in range(0, n, chunk)
            ]
        return np.concatenate(parts)

    def _sample_chunk(
        self, conditions: torch.Tensor, temperature: float, generator: torch.Generator, guidance: float
    ) -> NDArray[np.int64]:
        """Draws code by code; draws that share conditions and prefix share its forward pass and its cache."""
        running = torch.arange(len(conditions), device=self.device)  # the draws that have not ended
        codes = torch.full((len(running), self.length), self.end or 0, device=self.device)
        asked, prefix = distinct_rows(conditions)  # which distinct prefix each draw has
        prefix = prefix.to(self.device)
        # With guidance, a second half of the batch holds the same prefixes without the conditions.
        halves = 2 if guidance != 1 and bool((asked != UNCONDITIONED).any()) else 1
        token = self._beginning(asked if halves == 1 else torch.cat([asked, torch.full_like(asked, UNCONDITIONED)]))
        token = token.to(self.device)
        cache: Any = DynamicCache(config=self.model.config)
        for position in range(self.length):
            output = self.model(input_ids=token, past_key_values=cache, use_cache=True)
            logits = output.logits[:, -1, : self.codebook_size]
            if halves == 2:
                conditional, unconditional = logits.chunk(2)
                logits = guided(conditional, unconditional, guidance)
            cumulative = tempered(logits, temperature).cumsum(-1)
            uniform = torch.rand(len(running), 1, generator=generator, dtype=torch.float64).to(self.device)
            rows = cumulative[prefix]
            drawn = torch.searchsorted(rows, uniform * rows[:, -1:], right=True)[:, 0]
            drawn = drawn.clamp_max(self.codebook_size - 1)
            codes[running, position] = drawn
            if self.end is not None:
                going = drawn != self.end
                running, prefix, drawn = running[going], prefix[going], drawn[going]
            if position + 1 == self.length or len(running) == 0:
                break
            longer = prefix * self.codebook_size + drawn
            distinct, prefix = torch.unique(longer, return_inverse=True)
            token = (distinct % self.codebook_size)[:, None].repeat(halves, 1)
            cache, parents = output.past_key_values, distinct // self.codebook_size
            kept = torch.cat([parents + half * len(logits) for half in range(halves)])
            if len(kept) != halves * len(logits) or not torch.equal(kept, torch.arange(len(kept), device=kept.device)):
                cache.batch_select_indices(kept)  # copies all that was read, so not where every draw goes its own way
        result: NDArray[np.int64] = codes.cpu().numpy()
        return result

    def parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters())

    def save(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with quiet():
                self.model.save_pretrained(folder)
            share(folder / "model.safetensors")
        except (OSError, SafetensorError) as error:
            raise RunFolderError(f"can't write {folder}: {getattr(error, 'strerror', None) or error}") from error
        write_about(folder, self)

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
