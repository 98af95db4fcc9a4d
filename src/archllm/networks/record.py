"""BlockRecord: what a training writes down of the blocks of others that its space names.

With it a run folder can be counted, drawn and reported on wherever it is sent, and nothing has to be imported; who does
import the blocks is told if their source is no longer the one of the training.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from archllm.errors import DataError, shown
from archllm.networks.counting import MOST_COUNTED
from archllm.plugins import find_module

Place = tuple[int, int, int]
"""Where an operation stands in a network: channels, height of its input, stride."""

Size = tuple[int, int]
"""Parameters and multiply-accumulates."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BlockRecord:
    """Sources and sizes of blocks, as they were when a run was trained.

    Example:
        >>> record = BlockRecord({"mine": "9f86d0…"}, {("gate", (16, 32, 1)): (272, 262144)})
        >>> BlockRecord.read(record.to_json(), "blocks.json") == record
        True
    """

    sources: Mapping[str, str]
    """Module -> SHA-256 of its source."""

    sizes: Mapping[tuple[str, Place], Size]
    """Operation and place -> its size, for the places of the network of the default setting."""

    def to_json(self) -> str:
        """The text of `blocks.json`."""
        at: dict[str, list[list[int]]] = {}
        for (op, place), size in self.sizes.items():
            at.setdefault(op, []).append([*place, *size])
        return json.dumps({"sources": dict(self.sources), "sizes": at}) + "\n"

    @classmethod
    def read(cls, text: str, origin: str) -> BlockRecord:
        """The record in a text, which may come from anybody.

        Raises:
            DataError: it is not such a record.
        """
        try:
            data = json.loads(text)
            sources = {str(module): str(found) for module, found in data["sources"].items()}
            sizes = {}
            for op, rows in data["sizes"].items():
                for channels, height, stride, params, macs in rows:
                    sizes[op, (_whole(channels), _whole(height), _whole(stride))] = _whole(params), _whole(macs)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(f"{origin} is no record of blocks: {type(error).__name__}: {error}") from error
        return cls(sources, sizes)

    def tell_of_change(self, module: str, file: Path | None) -> None:
        """Logs a warning if the source of a module that is to be imported is another one than recorded."""
        recorded = self.sources.get(module)
        if recorded is not None and file is not None and fingerprint(file) != recorded:
            _log.warning("%s (%s) is not what the run was trained with: its source was changed since", module, file)


NOTHING_RECORDED = BlockRecord({}, {})


def sources_of(modules: Mapping[str, Path | None]) -> dict[str, str]:
    """Fingerprints of the modules that have a source which can be read; nothing is imported."""
    return {module: found for module, file in modules.items() if (found := fingerprint(file)) is not None}


def modules_of(callables: Mapping[str, str]) -> dict[str, Path | None]:
    """The modules of others that blocks are made by, and the files that Python would import them from.

    Args:
        callables: operation -> `module:function`.
    """
    names = {where.partition(":")[0] for where in callables.values()}
    return {name: find_module(name) for name in sorted(names) if not is_ours(name)}


def is_ours(module: str) -> bool:
    """Whether a module comes with ArchLLM."""
    return module.partition(".")[0] == __name__.partition(".")[0]


def fingerprint(file: Path | None) -> str | None:
    """SHA-256 of a source file; `None` where there is none that can be read."""
    try:
        return sha256(file.read_bytes()).hexdigest() if file is not None else None
    except OSError:
        return None


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MOST_COUNTED:
        raise ValueError(f"sizes are whole numbers from 0 to {MOST_COUNTED:,}, found {shown(value)}")
    return value
