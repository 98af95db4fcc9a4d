"""Latency as an objective and a limit: measured on this machine, or predicted for a device from ten timings."""

from __future__ import annotations

from archllm.objectives.latency.device import device_latency
from archllm.objectives.latency.machine import machine_latency
from archllm.objectives.latency.model import LatencyModel, LatencyPrediction
from archllm.objectives.latency.objective import DeviceLatency, Latency

__all__ = ["DeviceLatency", "Latency", "LatencyModel", "LatencyPrediction", "device_latency", "machine_latency"]
