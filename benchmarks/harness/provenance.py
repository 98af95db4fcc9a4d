"""How a measurement came about: command, commit, machine, threads, versions, date."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.harness import ROOT

About = dict[str, Any]


def provenance(command: str) -> About:
    """Provenance of a measurement that ends now.

    Args:
        command: the command line that makes it again.
    """
    import torch

    changed = _git("status", "--porcelain", "--", "src", "benchmarks")
    return {
        "command": command,
        "commit": _git("rev-parse", "--short", "HEAD") + ("+" if changed else ""),
        "machine": f"{os.cpu_count()} x {_processor()}",
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "date": datetime.now(UTC).date().isoformat(),
    }


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
