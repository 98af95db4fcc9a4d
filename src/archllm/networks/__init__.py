"""What becomes of an architecture: its network, how large it is, and files of it that other tools read.

`space.networks` leads here: one `SpaceNetworks` for each space whose members become networks.
"""

from archllm.networks.base import SpaceNetworks
from archllm.networks.setting import NetworkSetting

__all__ = ["NetworkSetting", "SpaceNetworks"]
