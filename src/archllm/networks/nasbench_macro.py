"""Networks of NAS-Bench-Macro (Su et al., 2021): a stem, three stages of 2, 3 and 3 layers, a wide layer, classes.

The first layer of each stage doubles the channels and halves the resolution; an identity there is a strided pointwise
convolution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from archllm.networks.choices.builder import Builder, Choices, Layer, Layers
from archllm.networks.mobile_layers import Classifier, ConvNormAct, InvertedResidual
from archllm.networks.setting import NetworkSetting, Size
from archllm.spaces.definition import Value

STAGES = (2, 3, 3)
"""Layers of each stage."""

_BLOCKS = {"mb3_k3": (3, 3), "mb6_k5": (6, 5)}  # expansion, kernel
_WIDE = 40  # channels of the last layer, in those of the stem


@dataclass(frozen=True, kw_only=True)
class NASBenchMacroSetting(NetworkSetting):
    """Network of NAS-Bench-Macro: stem, three stages that halve the resolution, a wide layer, classifier."""

    channels: Size = 32
    """Channels of the stem; they double with each stage, and the last layer has 40 times as many."""


class NASBenchMacro(Builder):
    """Layers of NAS-Bench-Macro's networks."""

    setting_type = NASBenchMacroSetting
    small: Mapping[str, Any] = MappingProxyType({"channels": 8})

    def layers(self, choices: Choices, setting: NASBenchMacroSetting) -> Layers:
        width = setting.channels
        found: list[Layer] = [partial(ConvNormAct, setting.in_channels, width)]
        number = 0
        for depth in STAGES:
            for place in range(depth):
                number += 1
                narrow, stride = width, 1 if place else 2
                width *= stride
                found += _layer(choices[f"layer{number}"], narrow, width, stride)
        wide = _WIDE * setting.channels
        return [*found, partial(ConvNormAct, width, wide, 1), partial(Classifier, wide, setting.num_classes)]


def _layer(choice: Value, c_in: int, c_out: int, stride: int) -> Layers:
    if choice in _BLOCKS:
        expansion, kernel = _BLOCKS[str(choice)]
        return [partial(InvertedResidual, c_in, expansion * c_in, c_out, kernel=kernel, stride=stride)]
    return [partial(ConvNormAct, c_in, c_out, 1, stride=stride, activation="none")] if stride > 1 else []
