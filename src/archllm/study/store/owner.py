"""Names of processes by which others on the same machine can tell that one has died."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

_PROC = Path("/proc")
_UNKNOWN = "-"


Life = Literal["gone", "there", "unknown"]
"""What is known of an owner: it has certainly ended, its process certainly runs, or it may be anywhere."""

_at_work: set[str] = set()  # owners of this process


@contextmanager
def owning() -> Iterator[str]:
    """A name for what this process does in the block, different each time.

    It reads HOST/BOOT/NAMESPACE/PROCESS/START/TOKEN; where the system does not tell a part, it is `-`.
    """
    pid = os.getpid()
    start = _start(pid) or _UNKNOWN
    name = "/".join([socket.gethostname(), _boot(), _namespace(), str(pid), start, secrets.token_hex(4)])
    _at_work.add(name)
    try:
        yield name
    finally:
        _at_work.discard(name)


def life(owner: str) -> Life:
    """What is known of an owner; on the machine that it works on, whether its process is there."""
    if owner in _at_work:
        return "there"
    parts = owner.split("/")
    if len(parts) != 6 or not parts[3].isdecimal() or _UNKNOWN in (parts[1], parts[2], parts[4]):
        return "unknown"
    if (parts[1], parts[2]) != (_boot(), _namespace()):
        return "unknown"
    pid, start = int(parts[3]), parts[4]
    found = _start(pid)
    if found is not None:
        return "there" if found == start and pid != os.getpid() else "gone"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return "gone"
    except (OSError, OverflowError):
        return "unknown"
    return "unknown"


def _boot() -> str:
    """What names the running system of this machine until it is started again."""
    return _read(_PROC / "sys" / "kernel" / "random" / "boot_id") or _UNKNOWN


def _namespace() -> str:
    """Of process numbers: a container has its own."""
    try:
        return str((_PROC / "self" / "ns" / "pid").readlink()).replace("/", "")
    except OSError:
        return _UNKNOWN


def _start(pid: int) -> str | None:
    """When a process was started (numbers of processes are used again), `ended` for a dead one; `None`: not told."""
    fields = _read(_PROC / str(pid) / "stat").rpartition(")")[2].split()
    if len(fields) < 20:
        return None
    return "ended" if fields[0] in "ZX" else fields[19]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
