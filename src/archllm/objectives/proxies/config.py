"""ProxyConfig: what an untrained network is scored on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from archllm.errors import InvalidInput, shown

Data = Literal["noise", "digits"]
Init = Literal["torch", "kaiming"]

MOST_IMAGES = 10_000
"""No mini-batch may be larger: what is meant is a typing error."""


@dataclass(frozen=True, kw_only=True)
class ProxyConfig:
    """Images, weights and size of the untrained network; docs/results/proxies.md says what other settings give."""

    batch: int = 64
    """Images of the one mini-batch."""

    data: Data = "noise"
    """`noise` for Gaussian images with random labels, which need nothing else, or `digits` for scikit-learn's."""

    init: Init = "torch"
    """`torch` for the layers' own initial weights, or `kaiming` (He et al., 2015; normal, fan-in). SynFlow and the
    gradients depend on it; `zen` draws weights of its own."""

    repeats: int = 1
    """Draws of initial weights that the score is the mean of."""

    network: dict[str, Any] = field(default_factory=dict)
    """Fields of the space's network setting, such as channels, on top of `space.networks.small`."""

    def __post_init__(self) -> None:
        for name, options in (("data", Data), ("init", Init)):
            if getattr(self, name) not in get_args(options):
                expected = ", ".join(get_args(options))
                raise InvalidInput(f"{name} must be one of {expected}, got {shown(getattr(self, name))}")
        for name, least in (("batch", 2), ("repeats", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST_IMAGES:
                raise InvalidInput(f"{name} must be a whole number, {least} to {MOST_IMAGES:,}, got {shown(value)}")
