"""What a result says about how it came about, and jobs that each write one JSON file."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def provenance() -> dict[str, Any]:
    """Commit, machine and date of a measurement."""
    import torch

    return {
        "commit": _git("rev-parse", "--short", "HEAD")
        + ("+" if _git("status", "--porcelain", "--", "src", "benchmarks") else ""),
        "machine": f"{os.cpu_count()} x {_processor()}",
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "load": round(os.getloadavg()[0], 1),
        "date": datetime.now(UTC).date().isoformat(),
    }


def run_all(module: str, names: list[str], folder: Path, workers: int, more: Sequence[str | Path] = ()) -> None:
    """Runs `python -m module --job NAME` for each job without a file yet, so many at a time.

    Args:
        module: the benchmark.
        names: its jobs.
        folder: where jobs write.
        workers: jobs at a time.
        more: further words of the command line.
    """
    waiting = deque(name for name in names if not (folder / f"{name}.json").exists())
    total, running = len(waiting), {}
    folder.mkdir(parents=True, exist_ok=True)
    while waiting or running:
        while waiting and len(running) < workers:
            name = waiting.popleft()
            log = (folder / f"{name}.log").open("w")
            command = [sys.executable, "-m", module, "--folder", str(folder), "--job", name, *map(str, more)]
            environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
            running[name] = (subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=environment), time.time())
        for name, (process, start) in list(running.items()):
            if process.poll() is not None:
                del running[name]
                state = "done" if process.returncode == 0 else f"FAILED ({process.returncode}), see {name}.log"
                left = f"{len(waiting) + len(running)} of {total} left"
                print(f"{time.strftime('%H:%M:%S')} {name}: {state} in {time.time() - start:.0f} s, {left}", flush=True)
        time.sleep(0.5)


def write_json(path: Path, data: Any) -> None:
    """Writes JSON as a whole or not at all."""
    from archllm.files import write_text

    write_text(path, json.dumps(data, indent=1) + "\n")


def put_into_readme(name: str, text: str, root: Path = ROOT) -> None:
    """Puts what was measured into the README, between the markers of that name."""
    from archllm.files import write_text

    path = root / "README.md"
    whole = path.read_text(encoding="utf-8")
    start, end = whole.index(f"<!-- {name}"), whole.index(f"<!-- end of {name} -->")
    start = whole.index("-->", start) + len("-->")
    write_text(path, f"{whole[:start]}\n{text}\n{whole[end:]}")


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
