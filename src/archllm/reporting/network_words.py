"""The networks of a study in words."""

from __future__ import annotations

from archllm.networks.setting import NetworkSetting
from archllm.spaces import SearchSpace
from archllm.spaces.registry import is_name

FULL_SIZE = "the full-size network of the space's paper"


def network_words(space: SearchSpace, setting: NetworkSetting) -> str:
    """A network setting for people, who are told where it is the full size of a paper.

    Example:
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench201")
        >>> network_words(space, space.networks.setting(channels=8))
        'num_classes 10, channels 8, in_channels 3, image_size 32, cells 5'
        >>> network_words(space, space.networks.setting()).partition(":")[0]
        "the full-size network of the space's paper"
    """
    told = ", ".join(f"{name} {value}" for name, value in vars(setting).items())
    if setting != type(setting)():
        return told
    return f"{FULL_SIZE if is_name(space.name) else 'the default network of the space'}: {told}"
