from __future__ import annotations

import math

import pytest

from archllm.errors import InvalidInput
from archllm.tokenizer import TokenizerConfig


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((name, value) for name in ("kind", "quantizer", "context") for value in ("", "other", None)),
        *((name, v) for name in ("codebook_size", "width", "layers", "code_width", "steps", "batch") for v in (0, -1)),
        ("code_length", -1),
        *(
            (name, value)
            for name in ("commitment", "predictability", "weight_decay")
            for value in (-0.1, math.inf, math.nan)
        ),
        *(("warm_up", value) for value in (-0.1, 1.1, math.nan)),
        *(("learning_rate", value) for value in (0.0, -1.0, math.inf, math.nan)),
    ],
)
def test_a_value_that_can_not_be_used_is_refused_by_the_name_of_its_field(field: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=rf"tokenizer\.{field} "):
        TokenizerConfig(**{field: value})  # type: ignore[arg-type]


def test_nodes_that_attend_to_each_other_need_features_for_every_head() -> None:
    assert TokenizerConfig(width=18).width == 18
    for context in ("causal", "full"):
        with pytest.raises(InvalidInput, match=r"tokenizer\.width .* 18"):
            TokenizerConfig(width=18, context=context)
