from __future__ import annotations

import math
from typing import Any

import pytest

from archllm.errors import InvalidInput
from archllm.objectives.candidate import CandidateTraining


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((name, value) for name in ("optimizer", "schedule", "augmentation") for value in ("", "other", None)),
        *((name, value) for name in ("epochs", "most_params") for value in (0, -1, 1.5, True, "3")),
        ("most_params", None),
        *(("batch_size", value) for value in (0, 1, 2.5, None)),
        *(("cutout", value) for value in (-1, 1.5, None)),
        *((name, value) for name in ("image_size", "most_images") for value in (0, -1, 1.5, True)),
        *((name, v) for name in ("learning_rate", "time_limit") for v in (0, -1.0, math.inf, math.nan, "1", None)),
        *(("clip", value) for value in (0, -1.0, math.inf, math.nan)),
        *(
            (name, value)
            for name in ("warm_up", "momentum", "weight_decay", "label_smoothing")
            for value in (-0.1, 1.0, math.nan, None)
        ),
        *((name, value) for name in ("validation_share", "test_share") for value in (0, 1, -0.1, math.nan, None)),
        ("device", 0),
        ("network", [("channels", 8)]),
    ],
)
def test_a_value_that_can_not_be_used_is_refused_by_the_name_of_its_field(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=rf"^training.{field} must be .*, got "):
        CandidateTraining(**{field: value})


@pytest.mark.parametrize("name", ["num_classes", "in_channels", "image_size"])
def test_what_the_images_say_is_no_option_of_the_network(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"network option {name} follows from the images"):
        CandidateTraining(network={name: 8})
