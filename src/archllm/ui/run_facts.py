"""What the list of runs says of each: read from small files, so that a generator is loaded only when it is opened."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from archllm.classifier.folder import FitFolder
from archllm.errors import ArchLLMError
from archllm.files import LARGEST_JSON, read_text
from archllm.generation.run_folder import read_info, read_report
from archllm.reporting.words import figure
from archllm.ui.home import Found, Home, Kind, folder_bytes


@dataclass(frozen=True)
class RunFacts:
    """A run as the list shows it."""

    path: str
    """Where it is, from the folder of the page."""

    kind: Kind
    """What it is."""

    changed: float
    """When it was last written, in seconds since 1970."""

    space: str = ""
    """Name of its space."""

    about: str = ""
    """How it was made, in a line."""

    size: int = 0
    """Bytes of its files."""

    figures: tuple[tuple[str, str, str], ...] = ()
    """Name, value and remark of what was measured."""

    problem: str = ""
    """Why it can't be used; empty where it can."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2].removeprefix(".").removesuffix(".training")


def facts_of(home: Home, found: Found) -> RunFacts:
    """The facts of a run; one that is damaged says why instead."""
    return _facts(home.root / found.path, found)


@lru_cache(maxsize=4_096)  # by when it was last written
def _facts(folder: Path, found: Found) -> RunFacts:
    size = folder_bytes(folder)
    try:
        space, about, figures = _READERS[found.kind](folder)
    except ArchLLMError as error:
        return RunFacts(found.path, found.kind, found.changed, size=size, problem=str(error))
    return RunFacts(found.path, found.kind, found.changed, space, about, size, figures)


_Read = tuple[str, str, tuple[tuple[str, str, str], ...]]


def _of_run(folder: Path) -> _Read:
    info, report = read_info(folder), read_report(folder)
    conditions = ", ".join(info.config.condition_names)
    about = f"{info.config.tokenizer.kind} tokenizer, {info.config.prior.kind} prior, seed {info.seed}"
    about += f", conditioned on {conditions}" if conditions else ""
    figures = [("valid draws", *_valid(folder))] if (folder / "evaluation.json").is_file() else []
    if _number(report, "reconstruction"):
        figures.append(("reconstruction", f"{report['reconstruction']:.2%}", "of held-out architectures"))
    if _number(report, "held_out_nats") and _number(report, "ideal_nats"):
        above = report["held_out_nats"] - report["ideal_nats"]
        figures.append(("nats above ideal", f"{above:.3f}", "per held-out architecture"))
    sizes = report.get("parameters")
    if isinstance(sizes, dict) and all(type(each) is int for each in sizes.values()):
        figures.append(("parameters", figure(float(sum(sizes.values()))), ""))
    return info.space, about, tuple(figures)


def _valid(folder: Path) -> tuple[str, str]:
    """The share of valid draws of the last measurement."""
    try:
        measured = json.loads(read_text(folder / "evaluation.json", LARGEST_JSON))["evaluations"][-1]
        return f"{float(measured['valid']['mean']):.2%}", f"of {int(measured['n']):,}"
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return "?", "evaluation.json is damaged"


def _of_training(folder: Path) -> _Read:
    info = read_info(folder)
    out = folder.with_name(folder.name.removeprefix(".").removesuffix(".training"))
    words = ["archllm", "train", info.space, "--out", str(out), "--resume"]
    return info.space, f"interrupted, or still training; go on with: {shlex.join(words)}", ()


def _of_fit(folder: Path) -> _Read:
    opened = FitFolder.open(folder)
    asked, result = opened.record["asked"], opened.result
    space = str(asked.get("space", ""))
    if result is None:
        return space, "not complete", ()
    figures = []
    if _number(result, "test_accuracy"):
        figures.append(
            ("test accuracy", f"{result['test_accuracy']:.1f} %", f"of {result.get('test_images', '?')} images")
        )
    if _number(result, "params"):
        figures.append(("parameters", figure(float(result["params"])), ""))
    if _number(result, "latency_ms"):
        figures.append(("latency", f"{result['latency_ms']:.3g} ms", "an image, one thread"))
    classes = result.get("classes")
    told = f"{len(classes)} classes" if isinstance(classes, list) else ""
    return space, told, tuple(figures)


_READERS = {"run": _of_run, "training": _of_training, "fit": _of_fit}


def _number(data: Any, name: str) -> bool:
    return isinstance(data.get(name), int | float) and not isinstance(data[name], bool)
