"""How latency is written as an objective or in a requirement. Nothing here needs ONNX Runtime or torch."""

from __future__ import annotations

from archllm.networks.latency.setting import RuntimeSetting

FORMS = ("latency", "latency?KEY=VALUE&…", "latency:DEVICE")
"""How latency is written: on this machine, on it with settings, or on a device."""


def is_latency(spec: str) -> bool:
    """Whether a spec is one of latency.

    Example:
        >>> is_latency("latency?threads=2"), is_latency("latency:phone"), is_latency("params")
        (True, True, False)
    """
    return spec == "latency" or spec.startswith(("latency?", "latency:"))


def written(runtime: RuntimeSetting) -> str:
    """The spec of latency on this machine with these settings.

    Example:
        >>> written(RuntimeSetting(batch=8, threads=2)), written(RuntimeSetting())
        ('latency?threads=2&batch=8', 'latency')
    """
    default = vars(RuntimeSetting())
    words = [f"{name}={value}" for name, value in vars(runtime).items() if value != default[name]]
    return "latency?" + "&".join(words) if words else "latency"
