"""What is installed, how fast, and which benchmark data is there."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from archllm.objectives.table import data_folder, found_tables

DEPENDENCIES = (
    "numpy",
    "torch",
    "transformers",
    "vector-quantize-pytorch",
    "safetensors",
    "cloudpickle",
    "tyro",
    "rich",
)
"""What ArchLLM can't do without."""

EXTRAS = {
    "data": ("pandas", "pyarrow"),
    "executorch": ("executorch",),
    "images": ("pillow", "scikit-learn"),
    "llm": ("peft", "accelerate", "gguf"),
    "mcp": ("mcp",),
    "mlflow": ("mlflow-skinny",),
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "peers": ("optuna", "smac", "ConfigSpace", "nevergrad"),
    "ray": ("ray",),
    "report": ("matplotlib", "jinja2"),
    "search": ("SQLAlchemy", "psycopg"),
    "tensorboard": ("tensorboard",),
    "testing": ("pytest", "hypothesis"),
    "tflite": ("litert-torch",),
    "ui": ("starlette", "uvicorn", "jinja2", "SQLAlchemy"),
}
"""What brings which optional dependency."""

_BATCH, _LENGTH, _WIDTH, _HEADS = 256, 6, 96, 4  # the size of a usual step of the prior


@dataclass(frozen=True)
class Findings:
    """What `doctor` found."""

    archllm: str
    """Version of the installed package; `source` where it runs from its source tree."""

    python: str
    """Version of Python."""

    platform: str
    """Operating system and processor."""

    packages: dict[str, str | None]
    """Version of each dependency; `None` where it is missing."""

    extras: dict[str, dict[str, str | None]]
    """The same for each optional extra."""

    cores: int
    """Cores that this process may use."""

    milliseconds: dict[int, float]
    """Thread count -> time of one training step of a small language model."""

    threads: int
    """The faster thread count of those measured."""

    device: str
    """What `--device auto` takes."""

    data_folder: str
    """Where imported tables go."""

    tables: list[str]
    """Tables that were found."""

    def to_json(self) -> dict[str, Any]:
        """What `archllm doctor --json` prints."""
        return asdict(self)


def doctor() -> Findings:
    """Looks at the installation, and measures for about a second."""
    from archllm.training.loop import resolve_device

    cores = available_cores()
    times = {threads: 1000 * step_seconds(threads) for threads in sorted({1, cores})}
    return Findings(
        archllm=version("archllm") or "source",
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        packages={name: version(name) for name in DEPENDENCIES},
        extras={extra: {name: version(name) for name in names} for extra, names in EXTRAS.items()},
        cores=cores,
        milliseconds=times,
        threads=min(times, key=lambda threads: times[threads]),
        device=resolve_device("auto"),
        data_folder=str(data_folder()),
        tables=[str(path) for path in found_tables()],
    )


def version(package: str) -> str | None:
    """The installed version of a package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def machine() -> str:
    """Cores, processor and system, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8", errors="replace").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.processor() or platform.machine()
    return f"{available_cores()} × {processor}, {platform.system()}"


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def step_seconds(threads: int, budget: float = 0.4) -> float:
    """Time of one training step of a small transformer with that many threads: the fastest within the budget."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        layer = torch.nn.TransformerEncoderLayer(_WIDTH, _HEADS, 4 * _WIDTH, dropout=0.0, batch_first=True)
        batch = torch.ones(_BATCH, _LENGTH, _WIDTH)
        best = float("inf")
        end = time.perf_counter() + budget
        steps = 0
        while steps < 3 or time.perf_counter() < end:
            start = time.perf_counter()
            layer(batch).square().mean().backward()
            best = min(best, time.perf_counter() - start)
            steps += 1
        return best
    finally:
        torch.set_num_threads(before)
