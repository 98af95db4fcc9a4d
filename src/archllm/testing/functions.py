"""Objectives as workers meet them: right, wrong, slow, and deadly to their process.

Workers import them by name, `archllm.testing.functions:NAME`.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from archllm.spaces import Architecture

FOLDER = "ARCHLLM_TEST_FOLDER"
"""Environment variable: where functions leave their traces, and look for those of others."""

PATIENCE = 60.0
"""Seconds that a function waits for a trace of another; only a failing test waits so long."""


def key(arch: Architecture) -> float:
    """The key of the architecture."""
    return float(arch.key)


def logged(arch: Architecture) -> float:
    """Leaves a trace of each call; a trace of a second one would be called `KEY.2`."""
    leave(str(arch.key))
    return float(arch.key)


def crooked(arch: Architecture) -> float | str:
    """Goes wrong in a way that the key says."""
    way = arch.key % 8
    if way == 1:
        raise ValueError("no luck")
    if way == 2:
        return "text"
    if way == 3:
        return float("nan")
    if way == 4:
        os._exit(3)
    if way == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    if way == 6:
        time.sleep(PATIENCE)
    return float(arch.key)


def first_is_slow(arch: Architecture) -> float:
    """The first one that is called waits until five others are done."""
    count = leave(str(arch.key))
    if count == 1:
        waits_for(lambda: len(traces()) >= 6)
    return float(arch.key)


def third_never_ends(arch: Architecture) -> float:
    """The third one leaves `stuck` and waits to be killed; with `free` there, none does."""
    count = leave(str(arch.key))
    if count == 3 and not (folder() / "free").exists():
        (folder() / "stuck").touch()
        waits_for(lambda: False)
    return float(arch.key)


def held(arch: Architecture) -> float:
    """Leaves `held` and waits until there is `free`."""
    (folder() / "held").touch()
    waits_for((folder() / "free").exists)
    return float(arch.key)


def deadly(arch: Architecture) -> float:
    """Kills its process, leaving a trace; but the first one is harmless."""
    if leave(str(arch.key)) > 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return float(arch.key)


def interrupts(arch: Architecture) -> float:
    """Raises what Ctrl-C raises."""
    raise KeyboardInterrupt


def together(arch: Architecture) -> float:
    """Goes on once a second process evaluates, too."""
    leave(str(arch.key))
    (folder() / f"process-{os.getpid()}").touch()
    waits_for(lambda: len(list(folder().glob("process-*"))) >= 2)
    return float(arch.key)


def process(arch: Architecture) -> float:
    """The number of the process that it runs in."""
    return float(os.getpid())


def threads(arch: Architecture) -> float:
    """Number of threads that torch computes with."""
    import torch

    return float(torch.get_num_threads())


def starts_another(arch: Architecture) -> float:
    """Starts a program that outlives it, leaves its number, and hangs."""
    import subprocess

    child = subprocess.Popen(["sleep", "600"])
    (folder() / "child").write_text(str(child.pid))
    time.sleep(PATIENCE)
    return 0.0


def folder() -> Path:
    """Where traces are."""
    return Path(os.environ[FOLDER])


def traces() -> list[str]:
    """Names of the traces of architectures."""
    return sorted(path.name for path in folder().glob("key-*"))


def leave(name: str) -> int:
    """Leaves a trace; how many there are now. Two traces of one name are two files."""
    for attempt in range(1, 100):
        try:
            (folder() / f"key-{name}.{attempt}").touch(exist_ok=False)
        except FileExistsError:
            continue
        break
    return len(traces())


def waits_for(condition: Callable[[], bool]) -> None:
    """Waits until a condition holds, or patience ends."""
    until = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)


def talks(arch: Architecture) -> float:
    """Prints to standard output."""
    print("for people")  # noqa: T201 - that is what is tested
    return 1.0
