"""What all networks share: blocks, blueprints, counting of parameters and multiply-accumulates, verified export."""

from archllm.networks.config import NetworkConfig

__all__ = ["NetworkConfig"]
