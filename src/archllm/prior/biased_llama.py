"""BiasedLlama: a Llama over code sequences that starts from how often each code occurs at each position.

The score of a code is what the transformer says, plus the logarithm of its share among the training codes at that
position, plus a trained correction of that. With an output layer that starts at zero, the untrained model is the
distribution of the marginals, and training learns how sequences depart from it. No code is ruled out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM
from transformers.modeling_outputs import CausalLMOutputWithPast

from archllm.prior.marginal import log_shares

_UNSEEN = 0.01  # of a count at each position: hardly a draw is lost to it, and no code is out of reach
_NO_CODE = -1e4  # score of a token that is none, where a code has to come


class BiasedLlamaConfig(LlamaConfig):
    """The configuration of a Llama, and of how many codes, after how many other tokens, it knows the shares."""

    model_type = "archllm-biased-llama"

    codes: int = 1
    """Number of codes; their tokens are the first ones of the vocabulary."""

    length: int = 1
    """Codes of a sequence."""

    end: int | None = None
    """The code that ends a sequence, if any does."""

    first: int = 0
    """The token, counted from 0, whose successor is the first code."""


class BiasedLlama(LlamaForCausalLM):
    """A Llama with a bias for each position and code.

    Its state holds `marginals`, logarithms of shares that stay as they were counted, and `bias`, which is trained; so
    weight decay pulls towards the marginals, not away from them. Both are `length x codes`.
    """

    config_class = BiasedLlamaConfig
    config: BiasedLlamaConfig
    marginals: torch.Tensor

    def __init__(self, config: BiasedLlamaConfig) -> None:
        super().__init__(config)
        shape = (config.length, config.codes)
        self.register_buffer("marginals", torch.zeros(shape))
        self.bias = torch.nn.Parameter(torch.zeros(shape))

    def start_from(self, codes: NDArray[np.int64]) -> None:
        """Makes the model the product of the marginal distributions of `n x length` sequences.

        Args:
            codes: training sequences.
        """
        # logits_t(c) = z_t(c) + log p_t(c) + b_t(c), with z = 0 and b = 0 at the start: softmax gives p_t, the entropy
        # sum_t H(p_t) is the first loss, and training learns departures from it. The same trick for a classifier's rare
        # class: b = log(p / (1 - p)) (Lin et al., 2017, section 4.1).
        with torch.no_grad():
            self.marginals.copy_(log_shares(codes, self.config.codes, _UNSEEN, self.config.end))
            self.bias.zero_()
            torch.nn.init.zeros_(self.lm_head.weight)

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        past_key_values: Any = None,
        position_ids: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        **more: Any,
    ) -> CausalLMOutputWithPast:
        """`b x tokens x vocabulary` logits, and what else the model of the library gives."""
        given = input_ids if input_ids is not None else inputs_embeds
        assert given is not None
        if position_ids is None:
            past = 0 if past_key_values is None else past_key_values.get_seq_length()
            position_ids = torch.arange(past, past + given.shape[1], device=given.device)[None]
        output: CausalLMOutputWithPast = super().forward(
            input_ids=input_ids,
            past_key_values=past_key_values,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            logits_to_keep=logits_to_keep,
            **more,
        )
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        assert output.logits is not None
        output.logits = output.logits + self._scores(position_ids[:, kept]).to(output.logits.dtype)
        if labels is not None:
            output.loss = self.loss_function(logits=output.logits, labels=labels, vocab_size=self.config.vocab_size)
        return output

    def _scores(self, positions: torch.Tensor) -> torch.Tensor:
        """`… x vocabulary` to be added to the logits after the tokens at these positions; 0 where no code follows."""
        config = self.config
        table = F.pad(self.marginals + self.bias, (0, config.vocab_size - config.codes), value=_NO_CODE)
        table = F.pad(table, (0, 0, config.first, 1))
        return table[positions.clamp_max(len(table) - 1)]


AutoConfig.register(BiasedLlamaConfig.model_type, BiasedLlamaConfig)
AutoModelForCausalLM.register(BiasedLlamaConfig, BiasedLlama)
