"""Times the networks of this kit on this device, and writes timings.json.

    python run.py [--threads N] [--provider NAME] [--out timings.json]

It needs Python with onnxruntime (and numpy, which comes with that), nothing else. Run it while the device does nothing
else, then hand the file to `archllm device import timings.json --name NAME` on the machine that searches.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from archllm.networks.latency.timing import timings


def main() -> None:
    """Times all networks of the folder that this file is in."""
    parser = argparse.ArgumentParser(description="Times the networks of this kit on this device.")
    parser.add_argument("--threads", type=int, default=1, help="threads of one network (default 1)")
    parser.add_argument("--provider", default="CPUExecutionProvider", help="what computes, as onnxruntime calls it")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to measure at most (default 60)")
    parser.add_argument("--out", type=Path, default=Path("timings.json"), help="file to write")
    chosen = parser.parse_args()
    available = onnxruntime.get_available_providers()
    if chosen.provider not in available:
        parser.error(f"there is no provider {chosen.provider}; there are {', '.join(available)}")
    folder = Path(__file__).resolve().parent
    kit = json.loads((folder / "kit.json").read_text(encoding="utf-8"))
    runs = [ready(folder / each["file"], chosen.threads, chosen.provider) for each in kit["networks"]]
    found = timings(runs, chosen.seconds)
    rows = [
        {"architecture": each["architecture"], **vars(timing)}
        for each, timing in zip(kit["networks"], found, strict=True)
    ]
    about = {
        "machine": platform.machine(),
        "system": platform.system(),
        "onnxruntime": onnxruntime.__version__,
        "provider": chosen.provider,
        "threads": chosen.threads,
    }
    document = {"space": kit["space"], "network": kit["network"], "device": about, "timings": rows}
    chosen.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        print(f"{row['ms']:9.3f} ms  ({row['low']:.3f} to {row['high']:.3f})  {row['architecture']}")  # noqa: T201
    print(f"wrote {chosen.out}")  # noqa: T201


def ready(file: Path, threads: int, provider: str) -> Callable[[], None]:
    """A network made ready: a call runs it once on one image."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session: Any = onnxruntime.InferenceSession(str(file), options, providers=[provider])
    images = session.get_inputs()[0]
    shape = [size if isinstance(size, int) else 1 for size in images.shape]
    fed = {images.name: np.random.default_rng(0).standard_normal(shape).astype(np.float32)}

    def run() -> None:
        session.run(None, fed)

    return run


if __name__ == "__main__":
    main()
