"""Stands in for `archllm fit` where the page is tested: the same words, record and files, without a training.

A phase ends once the file `PHASE.go` lies in the working directory, so a test sees each for as long as it likes.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from archllm.classifier.config import FitRequest
from archllm.classifier.folder import STORE, STUDY, FitFolder
from archllm.cli.fit import Fit
from archllm.cli.parsing import parse
from archllm.config import field_names
from archllm.errors import ArchLLMError
from archllm.objectives.evaluation import Evaluation
from archllm.spaces import load_space
from archllm.study.store import Study, open_store

SCRIPT = "<script>document.title = 'taken over'</script>"
"""What a report of somebody else might hold."""

FILES = ("model.onnx", "model.py", "model.safetensors", "model.pt2", "report.html")


def main(words: list[str]) -> None:
    assert words[0] == "fit"
    options = parse(Fit, words[1:], {}, "archllm fit").options
    request = FitRequest(**{name: getattr(options, name) for name in field_names(FitRequest)})
    folder = FitFolder.resume(options.out, request) if options.resume else FitFolder.begin(options.out, request)
    try:
        _phases(folder, request)
    except KeyboardInterrupt:
        folder.note(now={})
        _say("What is done is kept. Go on with: --resume")
        sys.exit(143)


def _phases(folder: FitFolder, request: FitRequest) -> None:
    space = load_space("nasbench201")
    arch = space.parse("7")
    folder.note(plan={}, spent=6.0, now={"phase": "look", "best": None})
    _say("120 grey images in 2 classes")
    with open_store(folder.path / STORE) as store:
        if STUDY not in {each.name for each in store.studies()}:
            store.create(Study(STUDY, space.name, ("train:images",), ("maximise",), "random", 0))
            store.add(STUDY, [arch], 1)
            store.claim(STUDY, "me")
            store.finish(STUDY, 0, Evaluation(71.5, {"params": float(arch.params)}))
    folder.note(spent=12.0, now={"phase": "search", "best": 71.5})
    _wait("search")
    folder.note(spent=30.0, now={"phase": "training", "best": 84.5})
    _say("finalist 1 of 2: 84.5 %")
    _wait("training")
    end(folder, request)


def end(folder: FitFolder, request: FitRequest) -> None:
    """Files and record of a fit that is complete."""
    arch = load_space("nasbench201").parse("7")
    for name in FILES:
        (folder.path / name).write_text(SCRIPT if name == "report.html" else name)
    result = {
        "space": "nasbench201",
        "architecture": arch.text,
        "classes": ["cats", "<b>dogs"],
        "test_accuracy": 83.3,
        "test_interval": [60.8, 94.2],
        "test_images": 18,
        "chance": 50.0,
        "params": 12_345,
        "macs": 678_900,
        "latency_ms": 0.42,
        "latency_interval_ms": [0.4, 0.45],
        "limits": vars(request.limits),
        "seconds": {"look": 6.0, "search": 24.0},
    }
    folder.note(now={})
    folder.complete(result)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def _wait(phase: str) -> None:
    while not Path(f"{phase}.go").exists():
        time.sleep(0.05)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main(sys.argv[1:])
    except ArchLLMError as error:
        sys.exit(str(error))
