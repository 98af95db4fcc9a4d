"""Prompts are read together, with the same result as each by itself; what is told has words of its own."""

from __future__ import annotations

import pytest
import torch
from tests.prior.text.tiny import FAMILIES, tiny_model

from archllm.prior.text.pretrained import find_base
from archllm.prior.text.prompted import PromptedModel
from archllm.prior.text.vocabulary import Vocabulary, vocabulary_of

PROMPTS = {
    "one": [(5, 6, 7, 8)],
    "no common beginning": [(5, 6, 7), (6, 6, 7, 8)],
    "different lengths": [(5, 6, 7, 8), (5, 6, 9, 7, 8), (5, 6, 8)],
    "one is the beginning of another": [(5, 6), (5, 6, 7)],
    "equal": [(5, 6, 7), (5, 6, 7)],
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", PROMPTS)
def test_prompts_read_together_are_continued_as_each_by_itself(family: str, name: str) -> None:
    prompts, model = PROMPTS[name], PromptedModel(find_base(tiny_model(family)).load().eval())
    tokens = torch.tensor([[9, 10, 11]])
    with torch.inference_mode():
        together = model.write(model.read(prompts), tokens.expand(len(prompts), -1))
        alone = torch.cat([model.write(model.read([prompt]), tokens) for prompt in prompts])
    assert torch.allclose(together, alone, atol=1e-4)


def vocabulary(family: str, *, numbers: bool) -> Vocabulary:
    base = find_base(tiny_model(family))
    return vocabulary_of(base, "nasbench201", 20, ("params", "macs"), 12, numbers=numbers)


@pytest.mark.parametrize("family", FAMILIES)
def test_each_bucket_is_a_new_token_where_each_code_is(family: str) -> None:
    words = vocabulary(family, numbers=False)
    prompts = [words.prompt(("params", "macs"), (bucket, -1)) for bucket in range(12)]
    apart = [set(tokens) for tokens in zip(*prompts, strict=True)]
    assert sorted(map(len, apart)) == [1] * (len(apart) - 1) + [12]  # one token says which
    told = {token for both in words.asked.values() for token in both if token >= len(words.tokens)}
    codes = {token for word in words.words for token in word}
    assert len(told) == 24 and not told & codes and max(told | codes) == len(words) - 1


@pytest.mark.parametrize("family", FAMILIES)
def test_buckets_are_decimal_where_codes_are(family: str) -> None:
    words = vocabulary(family, numbers=True)
    assert not words.new and len(set(words.asked.values())) == len(words.asked)
    tokenizer = find_base(tiny_model(family)).tokenizer
    text = tokenizer.decode([words.tokens[token] for token in words.prompt(("params", "macs"), (7, 11))])
    assert text.replace(" ", "").endswith(("params7macs11:", "params7macs11:</s>"))
