from __future__ import annotations

import math

import pytest

from archllm.errors import InvalidInput
from archllm.prior import PriorConfig


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((name, value) for name in ("kind", "keep") for value in ("", "other", None)),
        *((name, value) for name in ("width", "layers", "heads", "steps", "batch", "patience") for value in (0, -1)),
        ("width", 9),
        *(("learning_rate", value) for value in (0.0, -1.0, math.inf, math.nan)),
        *(("validation", value) for value in (0.0, 1.0, -0.1, math.nan)),
        *((name, value) for name in ("weight_decay", "dropout") for value in (-0.1, 1.0, math.nan)),
    ],
)
def test_a_value_that_can_not_be_used_is_refused_by_the_name_of_its_field(field: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=rf"prior\.{field} "):
        PriorConfig(**{field: value})  # type: ignore[arg-type]
