"""Forms of files for phones and small boards, and the libraries that write them; none of these is loaded here."""

from __future__ import annotations

from importlib.util import find_spec

from archllm.errors import MissingExtra
from archllm.spaces.network_interface import DeviceFormat

RUNTIMES: dict[DeviceFormat, str] = {"executorch": "ExecuTorch", "tflite": "LiteRT"}
"""What runs the files of each form."""

_LIBRARIES: dict[DeviceFormat, tuple[str, ...]] = {
    "executorch": ("executorch",),
    "tflite": ("litert_torch", "ai_edge_litert"),
}


def installed_forms() -> list[DeviceFormat]:
    """The forms whose libraries are installed."""
    return [to for to, libraries in _LIBRARIES.items() if all(map(find_spec, libraries))]


def need_device_format(to: DeviceFormat) -> None:
    """Makes sure that what a form needs is installed.

    Raises:
        MissingExtra: it is not.
    """
    if to not in installed_forms():
        raise MissingExtra(f"writing a file for {RUNTIMES[to]}", to)
