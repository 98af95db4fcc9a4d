"""Builder: of which layers the network of a member of a `choices` space consists.

A space file names one under `[network]`: a function, or a subclass of `Builder` where there are settings of its own. It
is given the choices of a member and a setting, and gives the layers, each as a `functools.partial` of a class or
function and numbers, texts or truth values; the network is one layer after the other. So a network is known layer by
layer before anything is built: equal layers are counted once, and exported code can show each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from archllm.networks.setting import NetworkSetting
from archllm.spaces.definition import Value

Layer = partial[Any]
"""A layer that is not made yet: what gives the torch module, and the literals to call it with."""

Layers = Sequence[Layer]
"""Layers of a network, in order."""

Choices = Mapping[str, Value]
"""Slot -> value; slots that are inactive are left out."""


class Builder(ABC):
    """Layers of networks whose settings are more than the usual ones.

    Example:
        >>> from functools import partial
        >>> from torch import nn
        >>> class Linear(Builder):
        ...     small = {"image_size": 8}
        ...
        ...     def layers(self, choices, setting):
        ...         pixels = setting.in_channels * setting.image_size**2
        ...         return [partial(nn.Flatten), partial(nn.Linear, pixels, setting.num_classes, bias=choices["bias"])]
        >>> Linear().layers({"bias": True}, NetworkSetting(image_size=8))[1]
        functools.partial(<class 'torch.nn.modules.linear.Linear'>, 192, 10, bias=True)
    """

    setting_type: type[NetworkSetting] = NetworkSetting
    """Class of the settings."""

    small: Mapping[str, Any] = MappingProxyType({})
    """Options for small images and short trainings on a CPU; see `archllm.spaces.network_interface.Networks`."""

    @abstractmethod
    def layers(self, choices: Choices, setting: Any) -> Layers:
        """The layers of one member, from images `n x c x h x w` to logits `n x classes`.

        Raises:
            InvalidInput: the setting can't be used.
        """


class FunctionBuilder(Builder):
    """A builder of the usual settings: a function of choices and setting.

    Args:
        function: the function.
    """

    def __init__(self, function: Callable[[Choices, NetworkSetting], Layers]) -> None:
        self._function = function

    def layers(self, choices: Choices, setting: Any) -> Layers:
        return self._function(choices, setting)
