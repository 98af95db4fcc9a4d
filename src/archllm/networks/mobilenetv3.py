"""Networks around MobileNetV3 (Howard et al., 2019), as Once-for-All has them (Cai et al., 2020).

A stem, a first block without expansion, five stages of inverted residuals, a wide layer, a hidden layer, classes. The
first block of a stage changes the width and may halve the resolution. Stages 2, 4 and 5 squeeze and excite; the last
three use hard swish.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

from archllm.config import Bounds
from archllm.networks.choices.builder import Builder, Choices, Layer, Layers
from archllm.networks.mobile_layers import Classifier, ConvNormAct, InvertedResidual
from archllm.networks.setting import NetworkSetting, Size
from archllm.networks.widths import halvings, rounded


class _Stage(NamedTuple):
    width: int
    halves: bool
    squeezes: bool
    activation: str


_STAGES = (
    _Stage(24, True, False, "relu"),
    _Stage(40, True, True, "relu"),
    _Stage(80, True, False, "hardswish"),
    _Stage(112, False, True, "hardswish"),
    _Stage(160, True, True, "hardswish"),
)
_STEM, _WIDE, _HIDDEN = 16, 960, 1280
_HALVINGS = 1 + sum(stage.halves for stage in _STAGES)


@dataclass(frozen=True, kw_only=True)
class MobileNetV3Setting(NetworkSetting):
    """Network of MobileNetV3 as in Once-for-All, on images of 224 pixels; smaller images are halved less often.

    The paper's 5 halvings take images of 128 pixels or more. With fewer, the last stage works on 4 to 7 pixels: layers
    halve from the end on, and the first ones, among them the stem, keep the resolution.
    """

    channels: Size = _STEM
    """Channels of the stem, all others in proportion, each rounded to a multiple of 8; 16 stands for the paper's."""

    width_multiplier: Annotated[float, Bounds(0.01, 100)] = 1.0
    """All channels times this before they are rounded, such as Once-for-All's 1.2."""

    image_size: Size = 224
    """Height and width of the images in pixels."""


class MobileNetV3(Builder):
    """Layers of MobileNetV3's networks."""

    setting_type = MobileNetV3Setting
    small: Mapping[str, Any] = MappingProxyType({"channels": 8, "image_size": 32})

    def layers(self, choices: Choices, setting: MobileNetV3Setting) -> Layers:
        def width(channels: int) -> int:
            return rounded(channels * setting.channels / _STEM * setting.width_multiplier)

        skipped = _HALVINGS - halvings(setting.image_size, _HALVINGS)
        c_in = width(_STEM)
        found: list[Layer] = [
            partial(ConvNormAct, setting.in_channels, c_in, stride=1 if skipped else 2, activation="hardswish"),
            partial(InvertedResidual, c_in, c_in, c_in),
        ]
        seen = 1
        for number, stage in enumerate(_STAGES, start=1):
            seen += stage.halves
            c_out, stride = width(stage.width), 2 if stage.halves and seen > skipped else 1
            for block in range(1, int(choices[f"depth{number}"]) + 1):
                hidden = rounded(c_in * int(choices[f"expansion{number}_{block}"]))
                found.append(
                    partial(
                        InvertedResidual,
                        c_in,
                        hidden,
                        c_out,
                        kernel=int(choices[f"kernel{number}_{block}"]),
                        stride=stride,
                        activation=stage.activation,
                        squeeze=rounded(hidden // 4) if stage.squeezes else 0,
                    )
                )
                c_in, stride = c_out, 1
        wide = width(_WIDE)
        return [
            *found,
            partial(ConvNormAct, c_in, wide, 1, activation="hardswish"),
            partial(Classifier, wide, setting.num_classes, hidden=width(_HIDDEN), activation="hardswish", dropout=0.1),
        ]
