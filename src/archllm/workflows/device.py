"""Devices whose latency is predicted from timings: write a kit, import timings, list and remove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archllm.errors import DataError, InvalidInput
from archllm.objectives.latency.device import Device, Timings, devices, import_device, remove_device
from archllm.objectives.latency.kit import Kit, write_kit
from archllm.spaces import SearchSpace
from archllm.spaces.registry import stored_space
from archllm.training.progress import Event, Listener
from archllm.workflows.inputs import as_space
from archllm.workflows.studies import network_options

__all__ = ["devices", "import_timings", "kit", "remove_device"]


def kit(
    space: str | SearchSpace,
    out: Path,
    network: Mapping[str, Any] | Sequence[str] = (),
    *,
    seed: int = 0,
    overwrite: bool = False,
    listener: Listener | None = None,
) -> Kit:
    """Writes ten networks of a space and a program that times them on another device.

    Args:
        space: the space, or its name.
        out: folder to write.
        network: fields of the network setting, by name or as `KEY=VALUE`; the rest is as in the space's paper.
        seed: another one chooses other networks.
        overwrite: whether an existing folder is replaced.
        listener: told of the progress.

    Raises:
        InvalidInput: the space has no networks or too few members, or an option can't be used.
        RunFolderError: the folder exists, or can't be written.
        MissingExtra: what ONNX needs is not installed.
    """
    home = as_space(space)

    def told(done: int, total: int) -> None:
        if listener is not None:
            listener(Event("kit", done, total, {}))

    return write_kit(home, out, network_options(network, home), seed=seed, overwrite=overwrite, told=told)


def import_timings(file: Path, name: str, space: str | SearchSpace | None = None, *, overwrite: bool = False) -> Device:
    """Makes `latency:NAME` an objective and a limit.

    Args:
        file: a file of timings, as the program of a kit writes it.
        name: what the device is to be called.
        space: the space that was timed; needed for a custom one, else the file says it.
        overwrite: whether timings that are kept under the name are replaced.

    Raises:
        InvalidInput: the name can't be used, or is in use.
        DataError: the file can't be used.
    """
    if space is None:
        try:
            space = stored_space(Timings.read(file).space, file)
        except InvalidInput as error:
            raise DataError(f"{error}; name the file of a custom space (--space)") from error
    return import_device(file, name, as_space(space), overwrite=overwrite)
