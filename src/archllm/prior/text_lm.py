"""TextLM: a pre-trained language model that writes the codes as text, after a short prompt.

`nasbench201 params 7: 12 0 74` is a cell of NAS-Bench-201 with its parameters in bin 7 and the codes 12, 0, 74.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers import GenerationConfig

from archllm.errors import ModelUnusable, RunFolderError
from archllm.files import replacing
from archllm.prior.base import Prior, counted, resumes, tempered, write_about
from archllm.prior.conditioning import LabelledSequences, distinct_rows, guided
from archllm.prior.config import UNCONDITIONED, PriorConfig
from archllm.prior.text.automaton import CodeAutomaton, LegalCodes
from archllm.prior.text.pretrained import find_base, fingerprint, quiet
from archllm.prior.text.prompted import Context, PromptedModel, copy_state, cut_vocabulary
from archllm.prior.text.vocabulary import vocabulary_of
from archllm.training.loop import Loop, Schedule, seeded
from archllm.training.processes import SINGLE_PROCESS, ProcessGroup
from archllm.training.progress import Listener

_CHUNK = 256  # sequences per forward pass outside training
_VALIDATED = 128  # validation sequences at most: a forward pass of a large model is not cheap
_PEFT = "peft is needed to train adapters; install archllm[llm], or train all weights (prior.tuning full)"


class TextLM(Prior):
    """A causal or sequence-to-sequence model of the Hugging Face library, fine-tuned on code sequences.

    Draws are legal by construction: a token automaton leaves only tokens that write complete codes, and likelihoods are
    those of that distribution.

    Args:
        config: the model and its training.
        codebook_size: number of codes.
        length: codes per sequence.
        conditions: names of the properties that it can be conditioned on.
        space: name of the space, for the prompt.
        own: folder with a copy of the configuration and the tokenizer of the model, where all its weights were trained.
        end: the code that ends a sequence, if any does.

    Raises:
        ModelUnusable: the model is not there, is no language model, or its tokenizer can't write codes.
    """

    def __init__(
        self,
        config: PriorConfig,
        codebook_size: int,
        length: int,
        conditions: Sequence[str] = (),
        space: str = "",
        own: Path | None = None,
        end: int | None = None,
    ) -> None:
        self.config, self.codebook_size, self.length, self.end = config, codebook_size, length, end
        self.conditions, self.space, self.device = tuple(conditions), space, "cpu"
        self.own = own
        self.base = find_base(config.base) if own is None else find_base(str(own))
        self.vocabulary = vocabulary_of(
            self.base, space, codebook_size, self.conditions, config.bins, numbers=config.format == "numbers"
        )
        words = self.vocabulary
        self.automaton = CodeAutomaton(words.words, length, len(words), words.end, end)
        if config.tuning == "lora" and find_spec("peft") is None:
            raise ModelUnusable(_PEFT)
        self.model: torch.nn.Module | None = None

    def _start(self, seed: int, *, blank: bool = False) -> None:
        """The model before training: only its words that can occur, and adapters; `blank` with random weights."""
        model: Any = self.base.load() if self.config.pretrained and not blank else self.base.untrained(seed)
        self.fingerprint = fingerprint(model) if self.config.tuning == "lora" else ""
        cut_vocabulary(model, self.vocabulary.tokens, self.vocabulary.new)
        special = {"bos_token_id": None, "pad_token_id": None, "eos_token_id": self.vocabulary.end}
        special |= {"decoder_start_token_id": self.vocabulary.decoder_start} if self.base.seq2seq else {}
        model.config.update(special)
        model.generation_config = GenerationConfig(**special)
        if self.config.tuning == "lora":
            model = self._with_adapters(model)
        self.model = model.to(self.device).eval()

    def _with_adapters(self, model: Any) -> torch.nn.Module:
        from peft import LoraConfig, get_peft_model

        lora = LoraConfig(r=self.config.rank, lora_alpha=2 * self.config.rank, target_modules="all-linear")
        adapted: Any = get_peft_model(model, lora)
        inner: torch.nn.Module = adapted.get_base_model()
        for part in (inner.get_input_embeddings(), inner.get_output_embeddings()):  # type: ignore[operator]
            part.requires_grad_(requires_grad=True)
        return inner

    @property
    def _model(self) -> torch.nn.Module:
        if self.model is None:
            with seeded(0, -2):
                self._start(0)
        assert self.model is not None
        return self.model

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
        wanted = self._checked_bins(validation_conditions, len(validation))[:_VALIDATED]
        if fresh:
            with seeded(seed, -1):
                self._start(seed)
        self._train(
            self._sequences(codes, conditions),
            Schedule(
                self.config.steps,
                min(self.config.batch, len(codes)),
                self.config.learning_rate,
                self.config.weight_decay,
            ),
            seed,
            soft=self.config.soft_targets,
            validate=lambda: self._validation(validation[:_VALIDATED], wanted),
            validations=6,
            keep=self.config.keep,
            patience=self.config.patience,
            listener=listener,
            checkpoint=checkpoint,
            group=group,
        )

    def with_conditions(self, conditions: Sequence[str], bins: int) -> TextLM:
        copy = TextLM(
            replace(self.config, bins=bins), self.codebook_size, self.length, conditions, self.space, self.own, self.end
        )
        with seeded(0, -2):
            copy._start(0, blank=self.config.tuning == "full")
        copy.to(self.device)
        copy_state(self._model, self.vocabulary, copy._model, copy.vocabulary)
        return copy

    def learn(self, codes: NDArray[np.int64], conditions: NDArray[np.int64], schedule: Schedule, seed: int) -> None:
        self._check(codes)
        self._train(self._sequences(codes, conditions), schedule, seed, soft=False)

    def _sequences(self, codes: NDArray[np.int64], conditions: NDArray[np.int64] | None) -> LabelledSequences:
        bins = self._checked_bins(conditions, len(codes))
        return LabelledSequences(self.automaton.write(codes), bins, self.automaton.vocabulary + 1)

    def _train(self, sequences: LabelledSequences, schedule: Schedule, seed: int, *, soft: bool, **loop: Any) -> None:
        """Trains the weights further from where they are."""
        prompted = PromptedModel(self._model)

        def loss(step: int, chosen: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
            texts, bins, shares = sequences.batch(chosen, soft)
            log_probs = torch.log_softmax(self._scores(prompted, texts, bins), dim=-1)
            real = (texts < self.automaton.vocabulary).to(self.device)
            if shares is None:
                shares = F.one_hot(texts, self.automaton.vocabulary + 1).float()
            nats = -(shares[..., :-1].to(self.device) * log_probs).sum(-1)
            value = (nats * real).sum() / len(texts)
            return value, {"loss": value.item()}

        Loop(
            stage="prior",
            module=self._model,
            schedule=schedule,
            seed=seed,
            loss=loss,
            rows=len(sequences),
            choose=lambda rows: sequences.choose(rows, sequences.draw_mask()),
            accumulation=self.config.accumulation,
            **loop,
        ).run()

    def _scores(self, prompted: PromptedModel, texts: torch.Tensor, bins: torch.Tensor) -> torch.Tensor:
        """`b x t x vocabulary` scores of each token of `b x t` texts, before it; each different prompt is read once."""
        context, which = self._read(prompted, bins)
        tokens = texts[:, :-1].clamp_max(self.automaton.vocabulary - 1).to(self.device)  # what is behind the end is 0
        return prompted.write(context.select(which), tokens).float()

    def _read(self, prompted: PromptedModel, bins: torch.Tensor) -> tuple[Context, torch.Tensor]:
        """The different prompts of `n x k` bins, read, and which of them each row has."""
        asked, which = distinct_rows(bins)
        prompts = [self.vocabulary.prompt(self.conditions, row) for row in asked.tolist()]
        return prompted.read(prompts), which.to(self.device)

    def log_prob(self, codes: NDArray[np.int64], conditions: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        self._check(codes)
        prompted, bins = PromptedModel(self._model), torch.from_numpy(self._checked_bins(conditions, len(codes)))
        parts = []
        with torch.inference_mode():
            for start in range(0, len(codes), _CHUNK):
                written = self.automaton.write(codes[start : start + _CHUNK])
                texts = torch.from_numpy(written).to(self.device)
                scores = self._scores(prompted, texts, bins[start : start + _CHUNK]).double()
                real = texts < self.automaton.vocabulary
                allowed = torch.from_numpy(self.automaton.allowed_along(np.minimum(written, len(self.vocabulary) - 1)))
                scores = scores.masked_fill(~allowed.to(self.device) & real[:, :, None], float("-inf"))
                log_probs = torch.log_softmax(scores, dim=-1)
                picked = log_probs.gather(2, texts.clamp_max(self.automaton.vocabulary - 1)[:, :, None])[:, :, 0]
                total = torch.where(real, picked, 0.0).sum(1).cpu()
                rest = resumes(torch.from_numpy(codes[start : start + _CHUNK]), self.end)
                parts.append(total.masked_fill(rest, -torch.inf))
        result: NDArray[np.float64] = torch.cat(parts).numpy()
        return result

    def embed(self, codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """`n x (length * d)`: the last layer's state after the last token of each code."""
        self._check(codes)
        model: Any = self._model.eval()
        prompted, unconditional = PromptedModel(model), torch.from_numpy(self._checked_bins(None, len(codes)))
        widths = np.array([len(word) for word in self.vocabulary.words])[codes]
        last = (widths * counted(torch.from_numpy(codes), self.end).numpy()).cumsum(1) - 1
        seen: list[torch.Tensor] = []
        hook = model.get_output_embeddings().register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        parts = []
        try:
            with torch.inference_mode():
                for start in range(0, len(codes), _CHUNK):
                    texts = torch.from_numpy(self.automaton.write(codes[start : start + _CHUNK])).to(self.device)
                    context, which = self._read(prompted, unconditional[start : start + _CHUNK])
                    prompted.write(context.select(which), texts.clamp_max(self.automaton.vocabulary - 1))
                    at = torch.from_numpy(last[start : start + _CHUNK]).to(self.device)
                    states = seen[-1]
                    seen.clear()
                    picked = states.gather(1, at[:, :, None].expand(-1, -1, states.shape[2]))
                    parts.append(picked.flatten(1).float().cpu())
        finally:
            hook.remove()
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
        model = self._model.eval()
        prompted, bins = PromptedModel(model), torch.from_numpy(conditions)
        with torch.inference_mode():
            texts = [
                self._draw_chunk(prompted, bins[start : start + 4 * _CHUNK], temperature, generator, guidance)
                for start in range(0, n, 4 * _CHUNK)
            ]
        return self.automaton.read(np.concatenate(texts))

    def _draw_chunk(
        self,
        prompted: PromptedModel,
        conditions: torch.Tensor,
        temperature: float,
        generator: torch.Generator,
        guidance: float,
    ) -> NDArray[np.int64]:
        """`n x longest` tokens; draws that share prompt and beginning share its forward pass and its cache."""
        n, fill = len(conditions), self.automaton.vocabulary
        texts = torch.full((n, self.automaton.longest), fill, dtype=torch.long)
        context, prefix = self._read(prompted, conditions)
        steered = guidance != 1 and bool((conditions != UNCONDITIONED).any())
        free = self._read(prompted, torch.full_like(conditions, UNCONDITIONED))[0] if steered else None
        if free is not None:  # the same prefixes, without the conditions
            free = free.select(torch.zeros(len(context.logits), dtype=torch.long, device=self.device))
        legality, running, prefix = LegalCodes(self.automaton), torch.arange(n), prefix.cpu()
        for position in range(self.automaton.longest):
            scores = context.logits if free is None else guided(context.logits, free.logits, guidance)
            scores = scores.double().cpu()
            one = torch.empty(len(scores), dtype=torch.long)  # a draw with each of the prefixes
            one[prefix] = running
            scores = legality(texts[one, :position], scores)
            rows = tempered(scores, temperature).cumsum(-1)[prefix]
            uniform = torch.rand(len(running), 1, generator=generator, dtype=torch.float64)
            drawn = torch.searchsorted(rows, uniform * rows[:, -1:], right=True)[:, 0].clamp_max(fill - 1)
            texts[running, position] = drawn
            states = self.automaton.states(texts[running, : position + 1].numpy())
            going = torch.from_numpy(states != self.automaton.complete)
            if position + 1 == self.automaton.longest or not bool(going.any()):
                break
            longer = prefix[going] * fill + drawn[going]
            running = running[going]
            distinct, prefix = torch.unique(longer, return_inverse=True)
            token, parents = (distinct % fill).to(self.device), (distinct // fill).to(self.device)
            context = prompted.go_on(context.select(parents), token)
            free = prompted.go_on(free.select(parents), token) if free is not None else None
        result: NDArray[np.int64] = texts.numpy()
        return result

    def parameters(self) -> int:
        return sum(p.numel() for p in self._model.parameters() if p.requires_grad)

    def to(self, device: str) -> Self:
        self.device = device
        if self.model is not None:
            self.model.to(device)
        return self

    def _learned(self) -> Iterator[tuple[str, torch.Tensor]]:
        for name, value in self._model.named_parameters():
            if value.requires_grad:
                yield name, value.detach()

    def save(self, folder: Path) -> None:
        model: Any = self._model
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self.config.tuning == "full":
                with quiet():
                    model.save_pretrained(folder)
                    self.base.config.save_pretrained(folder / "base")
                    self.base.tokenizer.save_pretrained(folder / "base")
            else:
                tensors = {name: value.contiguous().cpu() for name, value in self._learned()}
                with replacing(folder / "adapter.safetensors") as path:
                    save_file(tensors, path)
        except (OSError, SafetensorError) as error:
            raise RunFolderError(f"can't write {folder}: {getattr(error, 'strerror', None) or error}") from error
        write_about(folder, self, space=self.space, fingerprint=self.fingerprint)

    def restore(self, folder: Path, fingerprint: str = "") -> None:
        """Takes over what was learned.

        Raises:
            RunFolderError: it is missing, damaged, or of another model.
        """
        whole = self.config.tuning == "full"
        path = folder / ("model.safetensors" if whole else "adapter.safetensors")
        if whole and path.is_file():
            self.base.check_size(path.stat().st_size)
        with seeded(0, -2):
            self._start(0, blank=whole)
        if not whole and self.fingerprint != fingerprint:
            raise RunFolderError(f"{folder} was trained on another model than the one at {self.config.base} now")
        try:
            tensors = load_file(path)
            missing, unexpected = self._model.load_state_dict(tensors, strict=False)
        except (OSError, SafetensorError) as error:
            raise RunFolderError(f"can't read {path}: {getattr(error, 'strerror', None) or error}") from error
        except RuntimeError as error:
            raise RunFolderError(f"{path} does not hold the weights that prior.json tells of: {error}") from error
        learned = {name for name, _ in self._learned()}
        if unexpected or learned & set(missing):
            raise RunFolderError(f"{path} does not hold the weights that prior.json tells of")
        self._model.eval()
