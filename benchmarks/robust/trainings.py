"""`kill -9` of a training at random moments: resumed, it writes the files that it would have written."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import time
from hashlib import sha256
from pathlib import Path

from benchmarks.robust.attack import Attack, Found, Round
from benchmarks.robust.searching import Search, forked

SPACE = 'kind = "edge_dag"\nnodes = 3\nops = ["none", "skip", "a", "b", "c", "d", "e", "f"]\n'
SMALL = [
    *("--tokenizer.steps", "250", "--tokenizer.width", "16", "--tokenizer.layers", "1", "--tokenizer.batch", "32"),
    *("--prior.steps", "200", "--prior.width", "16", "--prior.layers", "1", "--prior.heads", "2"),
    *("--prior.batch", "32"),
]
_MOST = 12  # kills of one training, which is then left alone


def killed(round_: Round) -> Found:
    """Trains with as many kills, over as many trainings as that takes, and compares every file."""
    chance, folder = random.Random(round_.seed), round_.folder
    (folder / "tiny.toml").write_text(SPACE, encoding="utf-8")
    straight = _begin(folder, "straight")
    start = time.monotonic()
    straight.wait()
    seconds, expected = time.monotonic() - start, _digests(folder / "straight")
    wrong = {"files that differ": 0, "files too many or too few": 0, "not resumable": int(straight.code != 0)}
    notes: list[str] = []
    kills = trainings = 0
    while kills < round_.count:
        killed_here = 0
        while True:
            aside, run = folder / ".run.training", folder / "run"
            training = _begin(folder, "run", *(["--resume"] if aside.exists() else []))
            if kills < round_.count and killed_here < _MOST:
                training.wait(chance.uniform(0.1, 0.6) * seconds)
            if training.poll() is None and kills < round_.count and killed_here < _MOST:
                training.send(signal.SIGKILL)
                kills, killed_here = kills + 1, killed_here + 1
            training.wait()
            if run.exists():
                break
            if training.code not in (0, -signal.SIGKILL):
                wrong["not resumable"] += 1
                notes.append(training.said()[-300:])
                break
        found = _digests(run)
        wrong["files too many or too few"] += len(found.keys() ^ expected.keys())
        wrong["files that differ"] += sum(found[name] != expected[name] for name in found.keys() & expected.keys())
        notes += [f"{name} differs" for name in found.keys() & expected.keys() if found[name] != expected[name]][:2]
        shutil.rmtree(run, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)
        trainings += 1
    return Found(kills, wrong, {"trainings": trainings, "seconds of one": seconds}, tuple(notes[:5]))


def _begin(folder: Path, run: str, *more: str) -> Search:
    """Begins a training with a checkpoint after every step that is worth one."""

    def often() -> None:
        import archllm.training.loop

        archllm.training.loop.CHECKPOINT_SECONDS = 0.2

    errors = folder / f"errors-{run}"
    return Search(
        forked(["train", "tiny.toml", "--out", run, *SMALL, *more], folder, dict(os.environ), errors, often), errors
    )


def _digests(run: Path) -> dict[str, str]:
    """Name of a file -> its hash, leaving out what says how long it took."""
    found = {}
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run).as_posix()
        if path.is_file() and name != "seal.json" and not name.startswith("figures/training"):
            content = re.sub(rb'"seconds": ?(\{[^}]*\}|[\d.e-]+)', b"", path.read_bytes())
            found[name] = sha256(content).hexdigest()
    return found


ATTACKS = {"kill-training": Attack("trainings", "tokenizer and prior of a small space", killed, 10, 5, 2)}
