"""ProxyConfig: what an untrained network is scored on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from archllm.config import Bounds, Settings

Data = Literal["noise", "digits"]
Init = Literal["torch", "kaiming"]

MOST_IMAGES = 10_000
"""No mini-batch may be larger: what is meant is a typing error."""


@dataclass(frozen=True, kw_only=True)
class ProxyConfig(Settings):
    """Images, weights and size of the untrained network; docs/results/proxies.md says what other settings give.

    Example:
        >>> ProxyConfig(batch=16, init="kaiming").data
        'noise'
    """

    batch: Annotated[int, Bounds(2, MOST_IMAGES)] = 64
    """Images of the one mini-batch."""

    data: Data = "noise"
    """`noise` for Gaussian images with random labels, which need nothing else, or `digits` for scikit-learn's."""

    init: Init = "torch"
    """`torch` for the layers' own initial weights, or `kaiming` (He et al., 2015; normal, fan-in). SynFlow and the
    gradients depend on it; `zen` draws weights of its own."""

    repeats: Annotated[int, Bounds(1, MOST_IMAGES)] = 1
    """Draws of initial weights that the score is the mean of."""

    network: dict[str, Any] = field(default_factory=dict)
    """Fields of the space's network setting, such as channels, on top of `space.networks.small`."""
