"""The process between ours and a program of a user's: it ends the program, and all that it started, when we are gone.

`python -I -S warden.py PARENT TOKEN FAREWELL PROGRAM [ARGUMENT …]` runs the program and ends as it ends. As soon as the
program has ended, the parent is gone, or SIGTERM asks for it, every descendant of the program is killed, too; a program
that still runs is first asked to end and given FAREWELL seconds. Without a program, it waits until the parent is gone,
and kills what has TOKEN in its environment or holds the pipe that is its standard input.

Nothing of a user's runs in this process, so it can't hang or crash with it. It imports the standard library alone, and
little of that: it is started once for each program.

On Linux, orphans of the program become children of this process (`PR_SET_CHILD_SUBREAPER`), so that none gets away by
leaving its session or by forking twice, and the program dies if this process is killed (`PR_SET_PDEATHSIG`). Elsewhere,
and where this process was killed, descendants are known by the token, which they inherit in their environment.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_GLANCE = 0.25  # seconds between two looks whether the parent is there
_PATIENCE = 3.0  # seconds that killing may take: processes that wait for a disk die late
_NOT_RUN = 127  # exit code of a program that can't be run, as shells have it
_DIE_WITH_PARENT, _ADOPT_ORPHANS = 1, 36  # options of prctl
_PROC = "/proc"


class Warden:
    """Runs one program.

    Args:
        parent: number of the process that it ends with.
        token: what stands in the environment of the program.
        farewell: seconds that the program has to clean up.
        words: the program and its arguments.
    """

    def __init__(self, parent: int, token: str, farewell: float, words: list[str]) -> None:
        self.parent, self.token, self.farewell = parent, token, farewell
        self.asked = False
        self.status: int | None = None
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # wakes `select`
        os.environ[token] = "1"
        self.adopts = _prctl(_ADOPT_ORPHANS, 1)
        self.child = os.fork()
        if self.child == 0:
            _become(words)
        self.ears = _only_a_pipe()

    def run(self) -> int:
        """Waits for the end of the program or of the parent; how the program ended, as `os.waitpid` has it."""
        while self._runs() and not self.asked and os.getppid() == self.parent:
            select.select([self.ears], [], [], _GLANCE)
        if self._runs() and self.farewell > 0:
            os.kill(self.child, signal.SIGTERM)
            until = time.monotonic() + self.farewell
            while self._runs() and time.monotonic() < until:
                time.sleep(0.01)
        sweep(None if self.adopts else self.token, os.getpid(), self._runs)
        return int(signal.SIGKILL) if self._runs() or self.status is None else self.status

    def _runs(self) -> bool:
        """Whether the program still runs; takes leave of those that have ended."""
        while True:
            try:
                ended, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if ended == 0:
                return self.status is None
            if ended == self.child:
                self.status = status

    def _ask(self, *_: object) -> None:
        self.asked = True


def watch(parent: int, token: str) -> None:
    """Waits until the parent is gone, and ends what it left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while os.getppid() == parent:
        time.sleep(_GLANCE)
    sweep(token, pipe=_pipes(str(os.getpid())).pop())


def sweep(
    token: str | None, root: int | None = None, between: Callable[[], object] | None = None, pipe: str | None = None
) -> None:
    """Kills processes until none is left.

    Args:
        token: those that have this name in their environment.
        root: those that descend from this process.
        between: called after each round of killing.
        pipe: those that hold this pipe.
    """
    until = time.monotonic() + _PATIENCE
    while (found := _found(token, root, pipe)) and time.monotonic() < until:
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):  # gone meanwhile, or another user's
                continue
        time.sleep(0.01)
        if between is not None:
            between()


def _found(token: str | None, root: int | None, pipe: str | None) -> set[int]:
    """Numbers of processes that run, without this one."""
    table = _of_proc(token, pipe) if os.path.exists(f"{_PROC}/self/stat") else _of_ps(token)  # noqa: PTH110
    found = {pid for pid, (_, chosen) in table.items() if chosen}
    while root is not None:
        descend = {pid for pid, (parent, _) in table.items() if parent == root or parent in found} - found
        if not descend:
            break
        found |= descend
    return found - {os.getpid()}


def _of_proc(token: str | None, pipe: str | None) -> dict[int, tuple[int, bool]]:
    """Process -> its parent, and whether it has the token or the pipe; without those that have ended."""
    table = {}
    for name in os.listdir(_PROC):  # noqa: PTH208
        if not name.isdigit():
            continue
        try:
            fields = _read(f"{_PROC}/{name}/stat").rpartition(b")")[2].split()
            chosen = token is not None and f"{token}=".encode() in _read(f"{_PROC}/{name}/environ")
            chosen = chosen or (pipe is not None and pipe in _pipes(name))
        except OSError:  # it has just ended, or is another user's
            continue
        if fields[0] not in (b"Z", b"X"):
            table[int(name)] = int(fields[1]), chosen
    return table


def _of_ps(token: str | None) -> dict[int, tuple[int, bool]]:
    """The same where there is no /proc; `ps -E` shows environments there."""
    import subprocess

    words = ["ps", "-axww", "-E", "-o", "pid=,ppid=,stat=,command="]
    listed = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False).stdout
    table = {}
    for line in listed.splitlines():
        pid, parent, state, command = [*line.split(None, 3), ""][:4]
        if not state.startswith("Z"):
            table[int(pid)] = int(parent), token is not None and f" {token}=" in command
    return table


def _pipes(process: str) -> set[str]:
    """What the system calls the pipes that a process holds."""
    folder, found = f"{_PROC}/{process}/fd", set()
    for name in os.listdir(folder):  # noqa: PTH208
        try:
            held = os.readlink(f"{folder}/{name}")  # noqa: PTH115
        except OSError:
            continue
        if held.startswith("pipe:"):
            found.add(held)
    return found


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123
        return file.read()


def _become(words: list[str]) -> None:
    """Turns a child of this process into the program."""
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        _prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        os.execvp(words[0], words)
    except OSError as error:
        os.write(2, f"{words[0]} can't be run: {error.strerror}\n".encode())
    finally:
        os._exit(_NOT_RUN)


def _only_a_pipe() -> int:
    """Lets go of all files, which would stay open for those at their other ends; an end that tells of signals."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for place in range(3):
        os.dup2(nowhere, place)
    os.closerange(3, max(map(int, os.listdir("/dev/fd"))) + 1)  # noqa: PTH208
    ears, mouth = os.pipe()
    for end in (ears, mouth):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
    return ears


def _prctl(option: int, value: int) -> bool:
    """Asks Linux for something; whether it does it."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    try:
        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def _end_as(status: int) -> None:
    """Ends this process as the program ended."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        watch(int(sys.argv[1]), sys.argv[2])
    else:
        _end_as(Warden(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4:]).run())
