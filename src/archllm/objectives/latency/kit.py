"""The kit for another device: ten networks as ONNX files, and a program that times them there."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from archllm.files import assembling, write_text
from archllm.networks.latency import timing
from archllm.objectives.identity import plain
from archllm.objectives.latency.features import LatencyFeatures
from archllm.objectives.latency.model import chosen_for_timing
from archllm.spaces import SearchSpace

NETWORKS = 10
"""Networks of a kit."""

_OWN_IMPORT = f"from {timing.__name__} import timings"  # in the runner; beside it lies a copy of that file


@dataclass(frozen=True)
class Kit:
    """A kit that was written."""

    folder: Path
    """Its folder."""

    space: str
    """Name of the space."""

    network: Mapping[str, Any]
    """Every field of the network setting."""

    texts: tuple[str, ...]
    """The architectures, in the order of their files."""


def write_kit(
    space: SearchSpace,
    folder: Path,
    options: Mapping[str, Any] | None = None,
    *,
    count: int = NETWORKS,
    seed: int = 0,
    overwrite: bool = False,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Kit:
    """Writes the networks whose timings tell most about the others, and what times them.

    Args:
        space: a space with networks.
        folder: folder to write.
        options: fields of the network setting; the rest is as in the space's paper.
        count: how many networks.
        seed: of the candidates, see `chosen_for_timing`.
        overwrite: whether an existing folder is replaced.
        told: hears how many files of how many are written.

    Raises:
        InvalidInput: no networks are made of the space's members, an option is wrong, or the space has too few members.
        RunFolderError: the folder exists, or can't be written.
        MissingExtra: what ONNX needs is not installed.
    """
    networks = space.require_networks()
    setting = networks.setting(**(options or {}))
    network = plain(vars(setting))
    with assembling(folder, overwrite) as aside:
        members = chosen_for_timing(LatencyFeatures(space, setting), count, seed)
        archs = space.architectures(members)
        (aside / "networks").mkdir()
        listed = []
        for at, arch in enumerate(archs):
            file = f"networks/{at:02}.onnx"
            networks.export(arch.graph, aside / file, "onnx", setting=setting)
            listed.append({"file": file, "architecture": arch.text})
            told(at + 1, len(archs))
        document = {"space": space.name, "network": network, "networks": listed}
        write_text(aside / "kit.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        source = (resources.files("archllm.objectives.latency") / "runner.py").read_text(encoding="utf-8")
        assert _OWN_IMPORT in source
        write_text(aside / "run.py", source.replace(_OWN_IMPORT, "from timing import timings"))
        write_text(aside / "timing.py", inspect.getsource(timing))
    return Kit(folder, space.name, network, tuple(arch.text for arch in archs))
