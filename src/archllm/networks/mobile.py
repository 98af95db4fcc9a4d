"""Small mobile networks of ours: a stem, three stages of residual blocks, a pointwise layer if wanted, classes.

Stages 2 and 3 halve the resolution, and the stem does so if its stride is 2. An image of 64 pixels is halved once more,
by stage 1, and each further doubling of the image size once more before the stem, so that one choice means much the
same on images of any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from archllm.networks.choices.builder import Builder, Choices, Layer, Layers
from archllm.networks.mobile_layers import BasicResidual, Classifier, ConvNormAct, FusedResidual, InvertedResidual
from archllm.networks.setting import NetworkSetting, Size
from archllm.networks.widths import rounded

UNIT = 16
"""The number of channels that stands for the widths as they are named."""

_USUAL_SIZE = 32  # pixels up to which images are halved by stem and stages 2 and 3 alone


@dataclass(frozen=True, kw_only=True)
class MobileSetting(NetworkSetting):
    """Small mobile network for images of 28 pixels or more, grey or coloured."""

    channels: Size = UNIT
    """Channels in place of 16; other widths in proportion, rounded to multiples of 4."""


class Mobile(Builder):
    """Layers of our mobile networks."""

    setting_type = MobileSetting

    def layers(self, choices: Choices, setting: MobileSetting) -> Layers:
        def width(channels: float) -> int:
            return rounded(channels * setting.channels / UNIT, multiple=4)

        activation = str(choices["activation"])
        more = max(0, (setting.image_size // _USUAL_SIZE).bit_length() - 1)
        c_in, c_out = setting.in_channels, width(float(choices["stem"]))
        found: list[Layer] = []
        for stride in [2] * (more - 1) + [int(choices["stem_stride"])]:
            found.append(partial(ConvNormAct, c_in, c_out, stride=stride, activation=activation))
            c_in = c_out
        for stage, stride in enumerate((2 if more else 1, 2, 2), start=1):
            c_out = width(float(choices[f"width{stage}"]))
            for place in range(int(choices[f"depth{stage}"])):
                found.append(_block(choices, stage, c_in, c_out, 1 if place else stride))
                c_in = c_out
        if choices["head"]:
            c_out = width(float(choices["head"]))
            found.append(partial(ConvNormAct, c_in, c_out, 1, activation=activation))
        return [*found, partial(Classifier, c_out, setting.num_classes)]


def _block(choices: Choices, stage: int, c_in: int, c_out: int, stride: int) -> Layer:
    """A block of a stage; those that widen, by its expansion, squeeze between their convolutions."""
    kind, activation = choices[f"block{stage}"], str(choices["activation"])

    def squeeze(channels: int) -> int:
        return rounded(channels / 4, multiple=4) if choices["squeeze"] else 0

    if kind == "basic":
        return partial(BasicResidual, c_in, c_out, stride, activation=activation, squeeze=squeeze(c_out))
    hidden = c_in * int(choices[f"expansion{stage}"])
    return partial(
        FusedResidual if kind == "fused" else InvertedResidual,
        c_in,
        hidden,
        c_out,
        kernel=int(choices.get(f"kernel{stage}", 3)),
        stride=stride,
        activation=activation,
        squeeze=squeeze(hidden),
    )
