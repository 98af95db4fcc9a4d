"""`archllm` and `python` for tests that start many of them: one process imports what is slow to import, and is forked.

A guide has dozens of commands, each of which would import torch for seconds before it works for a moment. Here,
`archllm` and `python` are small programs first on the PATH that hand their words, working directory, environment and
streams to that process, and exit as the fork does. Only the imports are not what they would be for a command by itself.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parent.parent

CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    request = json.dumps([{name!r}, sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(request).to_bytes(8, "big")], [0, 1, 2])
    server.sendall(request)
    answer = server.recv(1)
os._exit(answer[0] if answer else 70)
"""


@contextmanager
def preloaded(folder: Path) -> Iterator[dict[str, str]]:
    """An environment in which `archllm` and `python` are forks of one process.

    Args:
        folder: an empty folder for the two programs.

    Yields:
        The variables for a subprocess.
    """
    address = str(folder / "socket")
    for name in ("archllm", "python"):
        program = folder / name
        program.write_text(CLIENT.format(python=sys.executable, address=address, name=name), encoding="utf-8")
        program.chmod(0o700)
    environment = os.environ | {
        "PATH": os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT / "src"),
        "OMP_NUM_THREADS": "1",
    }
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        server = subprocess.Popen(
            [sys.executable, __file__, str(listener.fileno())],
            env=environment,
            pass_fds=[listener.fileno()],
            stdin=subprocess.PIPE,  # ends with this process, and the server with it
        )
    try:
        yield environment
    finally:
        assert server.stdin is not None
        server.stdin.close()
        server.wait()


def serve(listener: socket.socket) -> socket.socket:
    """Forks for each caller until standard input ends; returns in the forks.

    Returns:
        The caller that the fork is for.
    """
    wake, woken = socket.socketpair()
    for end in (wake, woken):
        end.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    callers: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as waiting:
        for source in (listener, woken, sys.stdin):
            waiting.register(source, selectors.EVENT_READ)
        while True:
            ready = [key.fileobj for key, _ in waiting.select()]
            if sys.stdin in ready:
                os._exit(0)
            if woken in ready:
                woken.recv(4096)
                for process in list(callers):
                    ended, status = os.waitpid(process, os.WNOHANG)
                    if ended:
                        code = os.waitstatus_to_exitcode(status)
                        with callers.pop(process) as caller, suppress(OSError):
                            caller.send(bytes([code if code >= 0 else 128 - code]))
            if listener in ready:
                caller = listener.accept()[0]
                process = os.fork()
                if process:
                    callers[process] = caller
                    continue
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for other in (listener, wake, woken, *callers.values()):
                    other.close()
                return caller


def take_over(caller: socket.socket) -> tuple[str, list[str]]:
    """Takes on a caller's streams, working directory and environment.

    Returns:
        The name of the program and its words.
    """
    size, descriptors, *_ = socket.recv_fds(caller, 8, 3)
    with caller, caller.makefile("rb") as stream:
        name, words, folder, environment = json.loads(stream.read(int.from_bytes(size, "big")))
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    return name, words


def run(name: str, words: list[str]) -> None:
    """Does what the program of that name does with these words."""
    del sys.path[0]  # the folder of this file
    match name, words:
        case "archllm", _:
            from archllm.cli import main as archllm

            sys.argv = [name, *words]
            sys.exit(archllm())
        case _, ["-c", code, *rest]:
            sys.argv, module = ["-c", *rest], types.ModuleType("__main__")
            sys.path.insert(0, "")
            sys.modules["__main__"] = module
            exec(compile(code, "<string>", "exec"), module.__dict__)  # noqa: S102  words of the test
        case _, ["-m", module_name, *_]:
            sys.argv = words[1:]
            sys.path.insert(0, str(Path.cwd()))
            runpy.run_module(module_name, run_name="__main__", alter_sys=True)
        case _, [script, *_]:
            sys.argv = words
            sys.path.insert(0, str(Path(script).resolve().parent))
            runpy.run_path(script, run_name="__main__")


def load() -> None:
    """Imports what commands need. None of it starts a thread, which a fork would be without."""
    import archllm
    import archllm.cli
    import archllm.prior.code_lm
    import archllm.tokenizer.vq

    for name in archllm.__all__:
        getattr(archllm, name)
    gc.collect()
    gc.freeze()  # what is here stays: no collection of a fork touches, and so copies, its memory


def main() -> None:
    """Serves; in a fork, runs what its caller asked for."""
    load()
    caller = serve(socket.socket(fileno=int(sys.argv[1])))
    code = 1

    # The first of these functions is called last. To take the modules apart as well would cost more than most commands.
    @atexit.register
    def end() -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)

    try:
        run(*take_over(caller))
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)


if __name__ == "__main__":
    main()
