"""RuntimeSetting: how ONNX Runtime computes where latency is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from archllm.config import Bounds, Settings


@dataclass(frozen=True, kw_only=True)
class RuntimeSetting(Settings):
    """How ONNX Runtime computes where latency is measured.

    Example:
        >>> RuntimeSetting(threads=2).provider
        'cpu'
    """

    section = "latency"

    threads: Annotated[int, Bounds(1, 1024)] = 1
    """Threads of one network."""

    batch: Annotated[int, Bounds(1, 65536)] = 1
    """Images that are classified at once."""

    provider: str = "cpu"
    """What computes, as ONNX Runtime calls it: cpu, cuda, coreml, …"""
