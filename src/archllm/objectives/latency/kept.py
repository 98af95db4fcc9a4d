"""Timings that were made on this machine, kept in the user's folder for caches: no member is measured twice."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import ArchLLMError
from archllm.files import cache_folder, make_folder, write_text
from archllm.graphs import Graphs, concatenate
from archllm.networks.latency import RuntimeSetting, Timing, measure_members
from archllm.networks.latency.runtime import runtime_version
from archllm.networks.latency.timing import Clock
from archllm.networks.setting import NetworkSetting
from archllm.objectives.identity import Identity, fingerprint
from archllm.spaces import SearchSpace

_LARGEST = 1_000_000  # bytes of a cached file


class KeptTimings:
    """Milliseconds of a space's members on this machine, by processor, version of ONNX Runtime and network setting.

    Args:
        space: a space with networks.
        setting: setting of the networks; by default that of the space's paper.
        runtime: how ONNX Runtime computes; by default on one thread, an image at a time.
        clock: the time.

    Raises:
        InvalidInput: no networks are made of the space's members.
        MissingExtra: ONNX Runtime is not installed.
    """

    def __init__(
        self,
        space: SearchSpace,
        setting: NetworkSetting | None = None,
        runtime: RuntimeSetting | None = None,
        clock: Clock = time.perf_counter,
    ) -> None:
        self.space, self.networks, self.clock = space, space.require_networks(), clock
        self.runtime = runtime or RuntimeSetting()
        self.setting: NetworkSetting = setting or self.networks.setting()
        about = [machine_facts(self.runtime), space.identity, _network(self.setting)]
        self.file: Path = cache_folder() / "latency" / f"{fingerprint(json.dumps(about, sort_keys=True))}.json"
        self._found = self._read()

    def of(self, graphs: Graphs) -> NDArray[np.float64]:
        """`n` milliseconds of `n` members; those that were never measured are measured now, against each other.

        Raises:
            InvalidArchitecture: a graph is not a member.
            InvalidInput: there is no such provider.
        """
        keys = self.space.keys(graphs).tolist()
        new = [row for row, key in enumerate(keys) if key not in self._found and key not in keys[:row]]
        if new:
            ms = usual_milliseconds(measure_members(self.networks, graphs[new], self.setting, self.runtime, self.clock))
            texts = [arch.text for arch in self.space.architectures(graphs[new])]
            self._found |= {keys[row]: each for row, *each in zip(new, texts, ms.tolist(), strict=True)}
            with suppress(ArchLLMError, OSError):  # a cache that can't be written costs time, not the result
                self._write()
        return np.array([self._found[key][1] for key in keys], dtype=np.float64)

    def _write(self) -> None:
        texts, ms = zip(*self._found.values(), strict=True)
        make_folder(self.file.parent)
        write_text(self.file, json.dumps({"about": machine_facts(self.runtime), "texts": texts, "ms": ms}) + "\n")

    def _read(self) -> dict[int, list[Any]]:
        """Keys -> texts and milliseconds of what was measured before; nothing, where that can't be used."""
        try:
            if self.file.stat().st_size > _LARGEST:
                return {}
            document = json.loads(self.file.read_text(encoding="utf-8"))
            texts, ms = list(document["texts"]), np.array(document["ms"], dtype=np.float64)
            members = concatenate([self.space.parse(text).graph for text in texts])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, ArchLLMError):
            return {}
        if ms.shape != (len(members),) or not np.isfinite(ms).all() or not (ms > 0).all():
            return {}
        found = zip(self.space.keys(members).tolist(), texts, ms.tolist(), strict=True)
        return {key: [text, each] for key, text, each in found}


def usual_milliseconds(timings: Sequence[Timing]) -> NDArray[np.float64]:
    """Medians, with the repeatability of the fastest runs: those times what a median is longer than they usually."""
    fastest = np.array([timing.fastest for timing in timings])
    return fastest * float(np.median([timing.ms for timing in timings] / fastest))


def machine_facts(runtime: RuntimeSetting) -> dict[str, Any]:
    """What decides how long a network takes here: processor, ONNX Runtime, and how it computes.

    Raises:
        MissingExtra: ONNX Runtime is not installed.
    """
    return {"processor": _processor(), "onnxruntime": runtime_version(), **vars(runtime)}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    with suppress(OSError):
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _network(setting: NetworkSetting) -> Mapping[str, Any]:
    return Identity.of("latency", network=setting).network or {}
