"""Names of processes by which others on the same machine can tell that one has died."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

_PROC = Path("/proc")
_UNKNOWN = "-"


def owner_name() -> str:
    """A name for what this process is about to do, different at every call.

    It reads HOST/BOOT/NAMESPACE/PROCESS/START/TOKEN; where the system does not tell a part, it is `-`.
    """
    pid = os.getpid()
    start = _start(pid) or _UNKNOWN
    return "/".join([socket.gethostname(), _boot(), _namespace(), str(pid), start, secrets.token_hex(4)])


def is_gone(owner: str) -> bool:
    """Whether the process has certainly ended: it ran on this machine since it was started, and is not there now."""
    parts = owner.split("/")
    if len(parts) != 6 or not parts[3].isdecimal() or _UNKNOWN in (parts[1], parts[2], parts[4]):
        return False
    if (parts[1], parts[2]) != (_boot(), _namespace()):
        return False
    pid, start = int(parts[3]), parts[4]
    found = _start(pid)
    if found is not None:
        return found != start
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


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
