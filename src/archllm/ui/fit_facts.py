"""How far a fit is, and what came out of it: read from its record, which is written whenever something was done."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archllm.classifier.folder import RECORD, STORE, FitFolder
from archllm.classifier.limits import Limits
from archllm.errors import ArchLLMError, RunFolderError
from archllm.reporting.words import duration
from archllm.study.loop import SILENCE
from archllm.ui.jobs import Job
from archllm.workflows.fit import PAGE

FILES = {
    "model.onnx": "application/octet-stream",
    "model.py": "text/x-python; charset=utf-8",
    "model.safetensors": "application/octet-stream",
    "model.pt2": "application/zip",
    "model.pte": "application/octet-stream",
    "model.tflite": "application/octet-stream",
    PAGE: "text/html; charset=utf-8",
}
"""What a fit can be downloaded as, and what each file is."""

PHASES = {
    "look": "looking at the images",
    "search": "searching: many short trainings",
    "training": "training the best fully",
    "files": "writing and testing the files",
    "end": "writing and testing the files",
}
"""Phases of a fit, and what happens in them."""

Tile = tuple[str, str, str]
"""Name, value, remark."""


@dataclass(frozen=True)
class FitNow:
    """A fit at one moment."""

    state: str
    """`starting`, `running`, `stopping`, `interrupted`, `complete` or `failed`."""

    phase: str = ""
    """What is under way, in words."""

    at: str = ""
    """Phase that is under way, one of `PHASES`."""

    best: float | None = None
    """Best validation accuracy of the phase, percent."""

    left: float | None = None
    """Seconds that are left of its minutes, where it says how many it has."""

    minutes: float | None = None
    """How many it has."""

    mark: str = ""
    """Differs where something has been written in between."""

    result: Mapping[str, Any] | None = None
    """What came out."""

    @property
    def there(self) -> bool:
        """Whether it has a record; one that fails before it has a plan has none."""
        return self.mark != ""

    @property
    def active(self) -> bool:
        """Whether a process is at work on it."""
        return self.state in ("starting", "running", "stopping")


def now(folder: Path, job: Job | None) -> FitNow:
    """How far a fit is.

    Args:
        folder: its run folder, which need not be there yet.
        job: the command of this page that works or worked on it last.

    Raises:
        RunFolderError: its record is damaged.
    """
    ours = job is not None and job.running
    state = ("starting" if not job.stopped else "stopping") if job is not None and ours else "failed"
    try:
        changed = (folder / RECORD).stat().st_mtime
    except OSError:
        return FitNow(state)
    record = FitFolder.open(folder).record
    result = record.get("result")
    doing = record.get("now")
    doing = doing if isinstance(doing, dict) else {}
    phase = str(doing.get("phase", ""))
    fresh = phase in PHASES and changed > time.time() - SILENCE
    if ours:
        state = state if phase not in PHASES or state == "stopping" else "running"
    elif isinstance(result, dict):
        state = "complete"
    elif fresh and job is None:
        state = "running"  # started elsewhere
    else:
        state = "failed" if job is not None and job.state == "failed" else "interrupted"
    active = state in ("starting", "running", "stopping")
    spent, minutes = _number(record.get("spent")), _number(record.get("minutes"))
    left = None if spent is None or minutes is None else max(0.0, 60 * minutes - spent)
    return FitNow(
        state,
        PHASES.get(phase, "") if active else "",
        phase if active and phase in PHASES else "",
        _number(doing.get("best")) if active else None,
        left,
        minutes,
        f"{changed:.3f}",
        result if isinstance(result, dict) else None,
    )


def tiles_of(found: FitNow, trials: int) -> list[Tile]:
    """What is known of a fit that is not complete, in numbers."""
    shown: list[Tile] = []
    if found.phase:
        shown.append(("under way", found.phase.partition(":")[0], found.phase.partition(": ")[2]))
    if found.best is not None:
        remark = "of a short training" if found.at == "search" else "of a full training"
        shown.append(("best so far", f"{found.best:.1f} %", f"validation accuracy {remark}"))
    if found.left is not None:
        shown.append(("time left", duration(found.left), "search, training, files and report"))
    if trials:
        shown.append(("short trainings", f"{trials:,}", ""))
    return shown


@dataclass(frozen=True)
class Kept:
    """A limit, and what the network has."""

    name: str
    """Of what."""

    asked: str
    """The limit; empty without one."""

    has: str
    """What the network has."""

    kept: bool
    """Whether it keeps to the limit."""


@dataclass(frozen=True)
class Outcome:
    """What came out of a fit, as its page shows it."""

    tiles: tuple[Tile, ...]
    """In numbers."""

    limits: tuple[Kept, ...]
    """Sizes and latency beside their limits."""

    careful: bool
    """Whether it is no better than chance."""

    space: str
    """Name of the space."""

    text: str
    """The architecture."""

    files: tuple[tuple[str, int], ...]
    """Files that are there, and their bytes."""

    classes: tuple[str, ...]
    """Names of the classes."""


def outcome(folder: Path, result: Mapping[str, Any]) -> Outcome:
    """What came out of a fit.

    Raises:
        RunFolderError: its record is damaged.
    """
    try:
        low, high = map(float, result["test_interval"])
        accuracy, chance = float(result["test_accuracy"]), float(result["chance"])
        images = int(result["test_images"])
        params, macs, latency = (float(result[name]) for name in ("params", "macs", "latency_ms"))
        fastest, slowest = map(float, result["latency_interval_ms"])
        limits = Limits(**{name: _number(result["limits"][name]) for name in ("params", "macs", "latency")})
        space, text = str(result["space"]), str(result["architecture"])
        classes = tuple(map(str, result["classes"]))
        seconds = dict(result.get("seconds", {}))
    except (KeyError, TypeError, ValueError) as error:
        raise RunFolderError(f"{folder / RECORD} is damaged: {error!r} in its result") from error
    took = sum(each for each in map(_number, seconds.values()) if each is not None)
    tiles: tuple[Tile, ...] = (
        ("test accuracy", f"{accuracy:.1f} %", f"95 % interval {low:.1f} to {high:.1f} %"),
        ("test images", f"{images:,}", "that neither search nor training has seen"),
        ("chance", f"{chance:.1f} %", "always the commonest class"),
        ("classes", f"{len(classes):,}", ""),
        ("time", duration(took), ""),
    )
    each_image = f"{latency:.3g} ms ({fastest:.3g} to {slowest:.3g})"
    kept = (
        _kept("parameters", limits.params, params, f"{params:,.0f}", "{:,.0f}"),
        _kept("multiply-accumulates for one image", limits.macs, macs, f"{macs:,.0f}", "{:,.0f}"),
        _kept("latency of one image, one thread", limits.latency, latency, each_image, "{:g} ms"),
    )
    there = tuple((name, (folder / name).stat().st_size) for name in FILES if (folder / name).is_file())
    return Outcome(tiles, kept, low <= chance, space, text, there, classes)


def trials_at(at: str) -> str:
    """The store of a fit's short trainings, as a path from the folder."""
    return f"{at}/{STORE}"


def state_of(folder: Path, job: Job | None) -> str:
    """The state alone, for a list; `failed` where the record is damaged."""
    try:
        return now(folder, job).state
    except ArchLLMError:
        return "failed"


def _kept(name: str, limit: float | None, has: float, told: str, form: str) -> Kept:
    return Kept(name, "" if limit is None else form.format(limit), told, limit is None or has <= limit)


def _number(value: Any) -> float | None:
    """A number of a file of anybody's; `None` for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18:
        return float(value)
    return None
