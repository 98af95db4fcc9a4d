"""One way to use causal and sequence-to-sequence models: read prompts once, then continue each many times."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import DynamicCache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput

from archllm.errors import ModelUnusable
from archllm.prior.text.vocabulary import Vocabulary


@dataclass
class Context:
    """Texts that were read, in a state to go on from."""

    cache: Any
    """Keys and values of all layers."""

    logits: torch.Tensor
    """`n x vocabulary` scores of the next token."""

    mask: torch.Tensor
    """`n x t` booleans: which of the tokens read are real; of a sequence-to-sequence model, those of the prompt."""

    written: torch.Tensor
    """`n` numbers of real tokens before the next one, in the decoder."""

    encoded: torch.Tensor | None
    """`n x t x d` states of the encoder, where there is one."""

    def select(self, rows: torch.Tensor) -> Context:
        """The texts `rows`, repeats allowed. The cache goes over to the result: this context is used up."""
        self.cache.batch_select_indices(rows)
        encoded = self.encoded[rows] if self.encoded is not None else None
        return Context(self.cache, self.logits[rows], self.mask[rows], self.written[rows], encoded)


class PromptedModel:
    """A language model that continues prompts.

    Args:
        model: a causal or sequence-to-sequence model of the library.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.seq2seq = bool(model.config.is_encoder_decoder)
        self._positions = "position_ids" in inspect.signature(model.forward).parameters

    def read(self, prompts: Sequence[Sequence[int]]) -> Context:
        """Reads prompts, each at least one token long; what all begin with is read only once."""
        device = self.model.get_input_embeddings().weight.device
        shared = 0 if self.seq2seq else _shared(prompts)
        begin, prompts = prompts[0][:shared], [prompt[shared:] for prompt in prompts]
        longest = max(map(len, prompts))
        tokens = torch.tensor([[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts], device=device)
        mask = torch.tensor(
            [[False] * (longest - len(prompt)) + [True] * len(prompt) for prompt in prompts], device=device
        )
        none = torch.zeros(len(prompts), dtype=torch.long, device=device)
        if self.seq2seq:
            encoded = self.model.get_encoder()(input_ids=tokens, attention_mask=mask.long()).last_hidden_state
            cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
            start = Context(cache, torch.empty(0), mask, none, encoded)
            first = torch.full((len(prompts), 1), self.model.config.decoder_start_token_id, device=device)
            return self._advance(start, first)
        rows = 1 if shared else len(prompts)
        context = Context(DynamicCache(config=self.model.config), torch.empty(0), mask[:rows, :0], none[:rows], None)
        if shared:
            context = self._advance(context, torch.tensor([list(begin)], device=device)).select(none)
        return self._advance(context, tokens, mask)

    def write(self, context: Context, tokens: torch.Tensor) -> torch.Tensor:
        """`n x (t + 1) x vocabulary` scores: of each of the `n x t` tokens to come, and of the one after them.

        The context is used up.
        """
        if tokens.shape[1] == 0:
            return context.logits[:, None]
        logits = self._run(context, tokens, torch.ones_like(tokens, dtype=torch.bool))[0]
        return torch.cat([context.logits[:, None], logits], dim=1)

    def go_on(self, context: Context, tokens: torch.Tensor) -> Context:
        """The context with one more token each (`n`). The old one is used up."""
        return self._advance(context, tokens[:, None])

    def _advance(self, context: Context, tokens: torch.Tensor, mask: torch.Tensor | None = None) -> Context:
        mask = torch.ones_like(tokens, dtype=torch.bool) if mask is None else mask
        logits, cache = self._run(context, tokens, mask)
        seen = context.mask if self.seq2seq else torch.cat([context.mask, mask], dim=1)
        return Context(cache, logits[:, -1], seen, context.written + mask.sum(1), context.encoded)

    def _run(self, context: Context, tokens: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, Any]:
        """`n x t x vocabulary` scores after each token, and the cache that holds them."""
        if self.seq2seq:
            output = self.model(
                decoder_input_ids=tokens,
                encoder_outputs=BaseModelOutput(last_hidden_state=context.encoded),
                attention_mask=context.mask.long(),
                past_key_values=context.cache,
                use_cache=True,
            )
            return output.logits, output.past_key_values
        seen = torch.cat([context.mask, mask], dim=1)
        options: dict[str, Any] = {}
        if not bool(seen.all()):  # without padding the library's own positions and causal mask are right, and faster
            options["attention_mask"] = seen.long()
            if self._positions:
                options["position_ids"] = (context.written[:, None] + mask.cumsum(1) - 1).clamp_min(0)
        output = self.model(input_ids=tokens, past_key_values=context.cache, use_cache=True, **options)
        return output.logits, output.past_key_values


def _shared(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens all of several prompts begin with; at least one of each is left."""
    if len(prompts) == 1:
        return 0
    least = min(map(len, prompts)) - 1
    return next((at for at in range(least) if len({prompt[at] for prompt in prompts}) > 1), least)


def cut_vocabulary(model: Any, tokens: Sequence[int], new: Sequence[Sequence[int]] = ()) -> None:
    """Leaves the model only the tokens that can occur, so that no other logits are computed; in place.

    The rows of input and output embedding become parameters of their own, free to be trained without the others.

    Args:
        model: the model.
        tokens: the tokens that stay; token `i` of the cut model is `tokens[i]` of the whole.
        new: tokens to add behind them, each starting as the mean of these tokens of the whole model.

    Raises:
        ModelUnusable: the tokenizer has tokens that the model has no row for.
    """
    old_in, old_out = model.get_input_embeddings(), model.get_output_embeddings()
    groups = [[token] for token in tokens] + [list(parts) for parts in new]
    rows, least, most = len(old_in.weight), min(map(min, groups)), max(map(max, groups))
    if not 0 <= least <= most < rows:
        raise ModelUnusable(
            f"the tokenizer of the language model has the token {least if least < 0 else most}, and the model has rows "
            f"for 0 to {rows - 1}; its files are not of one model"
        )
    with torch.no_grad():
        rows_in = torch.stack([old_in.weight[group].mean(0) for group in groups])
        rows_out = torch.stack([old_out.weight[group].mean(0) for group in groups])
        bias = getattr(old_out, "bias", None)
        rows_bias = torch.stack([bias[group].mean() for group in groups]) if bias is not None else None
    embedding = nn.Embedding(len(groups), rows_in.shape[1])
    head = nn.Linear(rows_out.shape[1], len(groups), bias=rows_bias is not None)
    with torch.no_grad():
        embedding.weight.copy_(rows_in)
        head.weight.copy_(rows_out)
        if rows_bias is not None:
            head.bias.copy_(rows_bias)
    model.config.tie_word_embeddings = False
    model.set_input_embeddings(embedding)
    model.set_output_embeddings(head)
    model.config.vocab_size = len(groups)
    if hasattr(model, "vocab_size"):
        model.vocab_size = len(groups)


def copy_state(old: Any, spoken: Vocabulary, new: Any, words: Vocabulary) -> None:
    """Gives a cut model the weights of another one that was cut from the same whole, token by token.

    Args:
        old: the model whose weights are taken.
        spoken: its vocabulary.
        new: the model that gets them; tokens that the old one does not know stay as they are.
        words: its vocabulary.
    """
    here = {token: row for row, token in enumerate(spoken.tokens)}
    pairs = [(here[token], row) for row, token in enumerate(words.tokens) if token in here]
    codes = len(words.words) if words.new else 0  # of the new tokens, those of codes come first
    pairs += [(len(spoken.tokens) + code, len(words.tokens) + code) for code in range(codes)]
    source, target = (torch.tensor(side) for side in zip(*pairs, strict=True))
    parts = [(each.get_input_embeddings(), each.get_output_embeddings()) for each in (old, new)]
    cut = {id(value) for part in parts[1] for value in part.parameters()}
    state = dict(old.named_parameters())
    with torch.no_grad():
        for name, value in new.named_parameters():
            if id(value) in cut:
                value[target] = state[name][source]
            elif value.requires_grad:
                value.copy_(state[name])
