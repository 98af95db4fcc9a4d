"""How long a network takes in ONNX Runtime on this machine: graphs without the exporter, and timings to be trusted."""

from __future__ import annotations

from archllm.networks.latency.measuring import measure_members, measure_onnx
from archllm.networks.latency.setting import RuntimeSetting
from archllm.networks.latency.timing import Timing

__all__ = ["RuntimeSetting", "Timing", "measure_members", "measure_onnx"]
