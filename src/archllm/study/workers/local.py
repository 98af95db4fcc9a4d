"""LocalProcesses: evaluations in processes of their own, on this machine."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import wait

from archllm.errors import InvalidInput, WorkersError
from archllm.objectives.base import Objective
from archllm.objectives.evaluation import Evaluation
from archllm.spaces import Architecture
from archllm.study.workers.base import Workers

_GRACE = 0.1, 10.0  # what an objective that minds its own time limit may take longer: a share, and seconds at least
_FAREWELL = 2.0  # seconds that a process has to clean up before it is killed
_START = 300.0  # seconds that a process has to start, on a machine that is very busy
_GLANCE = 1.0  # seconds between two looks at processes that say nothing
_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_BOOT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from archllm.study.workers.serving import serve
serve(int(sys.argv[2]), int(sys.argv[3]))
"""

Done = tuple[int, Evaluation]


class LocalProcesses(Workers):
    """So many processes, each with one torch thread; one that crashes or hangs is replaced.

    Args:
        objectives: the objectives; each process gets a copy.
        count: how many processes.

    Raises:
        InvalidInput: the count is not positive.
        WorkersError: an objective can't be sent to another process.
    """

    def __init__(self, objectives: Sequence[Objective], count: int) -> None:
        if count < 1:
            raise InvalidInput(f"the number of processes must be at least 1, got {count}")
        self.objectives = tuple(objectives)
        self._processes: list[_Process] = []
        try:
            for _ in range(count):
                self._processes.append(_Process(self.objectives))
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> int:
        return len(self._processes)

    def submit(self, number: int, arch: Architecture) -> None:
        next(each for each in self._processes if each.number is None).take(number, arch)

    def wait(self, seconds: float) -> list[Done]:
        until = time.monotonic() + seconds
        while True:
            nearest = min(until, time.monotonic() + _GLANCE, *(each.deadline for each in self._processes))
            ready = wait([each.pipe for each in self._processes], max(nearest - time.monotonic(), 0.0))
            for place, each in enumerate(self._processes):
                done = each.hear() if each.pipe in ready else each.judge()
                if each.ended:
                    self._processes[place] = _Process(self.objectives)
                if done is not None:
                    return [done]
            if time.monotonic() >= until:
                return []

    def close(self) -> None:
        for each in self._processes:
            each.process.terminate()
        for each in self._processes:
            each.stop()
        self._processes.clear()


class _Process:
    """One process, and what it is doing."""

    def __init__(self, objectives: Sequence[Objective]) -> None:
        self.objectives = objectives
        self.number: int | None = None
        """Of the evaluation under way."""
        self.begun = time.monotonic()
        """When that, or the process, was started."""
        self.deadline = self.begun + _START
        """When to stop waiting for the process."""
        self.ready = self.ended = False
        self._objective = 0
        self.pipe, theirs = multiprocessing.Pipe()
        lifeline, self._life = os.pipe()  # the system closes it when this process dies, however it does
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, json.dumps(sys.path), str(theirs.fileno()), str(lifeline)],
                pass_fds=(theirs.fileno(), lifeline),
                stdin=subprocess.DEVNULL,
                stdout=sys.__stderr__.fileno() if sys.__stderr__ is not None else subprocess.DEVNULL,
                env=os.environ | dict.fromkeys(_ONE_THREAD, "1"),
                start_new_session=True,  # all that it starts can be stopped with it, and Ctrl-C is for us to answer
            )
        except OSError as error:
            raise WorkersError(f"a process can't be started: {error.strerror}") from error
        finally:
            theirs.close()
            os.close(lifeline)
        try:
            self._send(self.objectives)
        except Exception as error:
            self.stop()
            specs = ", ".join(objective.spec for objective in objectives)
            raise WorkersError(
                f"{specs} can't be sent to another process ({type(error).__name__}: {error}); a function must be found "
                "by its module and name"
            ) from error

    def take(self, number: int, arch: Architecture) -> None:
        """Begins an evaluation."""
        self.number, self.begun, self._objective = number, time.monotonic(), 0
        if self.ready:
            self.deadline = float("inf")  # until it says which objective it is at
        self._send(arch)

    def hear(self) -> Done | None:
        """Takes one message; what was found, if the evaluation is done."""
        try:
            what, content = self.pipe.recv()
        except (EOFError, OSError):
            return self._lost()
        if what == "ready":
            self.ready, self.deadline = True, float("inf")
        elif what == "begin":
            now = time.monotonic()
            self.begun = now if content == 0 else self.begun
            self._objective, self.deadline = content, now + self._limit(content)
        elif what == "done":
            number, self.number, self.deadline = self.number, None, float("inf")
            assert number is not None
            return number, content
        else:
            raise WorkersError(content)
        return None

    def judge(self) -> Done | None:
        """What becomes of a process that is silent: nothing, until it has died or its time is over."""
        if self.process.poll() is not None:
            return None if self.pipe.poll() else self._lost()  # what it said last is heard first
        if time.monotonic() < self.deadline:
            return None
        if not self.ready:
            raise WorkersError(f"a process did not start within {_START:g} s; is this machine out of memory?")
        objective = self.objectives[self._objective]
        return self._failed(f"{objective.spec} gave no answer within {objective.time_limit or 0:g} s")

    def stop(self) -> None:
        """Ends it and all that it started; it may clean up first."""
        self.ended = True
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_FAREWELL)
        with suppress(ProcessLookupError, PermissionError):  # nobody is left
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if not self.pipe.closed:
            self.pipe.close()
            os.close(self._life)

    def _send(self, content: object) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # it has just died: `hear` finds out
            self.pipe.send(content)

    def _lost(self) -> Done | None:
        self.stop()
        code = self.process.returncode
        how = f"ended with exit code {code}" if code >= 0 else f"was killed by signal {-code}"
        if -code == signal.SIGKILL:
            how += ", as systems do when memory is short"
        if not self.ready:
            raise WorkersError(f"a process {how} before it could evaluate anything")
        spec = f"{self.objectives[self._objective].spec}: " if len(self.objectives) > 1 else ""
        return self._failed(f"{spec}the process that evaluated it {how}")

    def _failed(self, reason: str) -> Done | None:
        self.stop()
        if self.number is None:
            return None
        return self.number, Evaluation(None, cost=time.monotonic() - self.begun, failure=reason)

    def _limit(self, number: int) -> float:
        objective = self.objectives[number]
        if objective.time_limit is None:
            return float("inf")
        if objective.foreign:
            return objective.time_limit
        return objective.time_limit + max(_GRACE[0] * objective.time_limit, _GRACE[1])
