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

import cloudpickle

from archllm.errors import InvalidInput, WorkersError
from archllm.guard import Guarded
from archllm.objectives.base import Objective
from archllm.objectives.evaluation import Evaluation
from archllm.spaces import Architecture
from archllm.study.store.rescue import Rescue
from archllm.study.workers.base import Workers
from archllm.study.workers.serving import STORED

_GRACE = 0.1, 10.0  # what an objective that minds its own time limit may take longer: a share, and seconds at least
_FAREWELL = 2.0  # seconds that a process has to clean up before it is killed
_START = 300.0  # seconds that a process has to start, on a machine that is very busy
_GLANCE = 1.0  # seconds between two looks at processes that say nothing
_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_BOOT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from archllm.study.workers.serving import serve
serve(int(sys.argv[2]))
"""

Done = tuple[int, Evaluation]


class LocalProcesses(Workers):
    """So many processes, each with one torch thread; one that crashes or hangs is replaced.

    Args:
        objectives: the objectives; each process gets a copy.
        count: how many processes.
        rescue: where they keep an evaluation if this process ends before it has stored it; `None` for nowhere.

    Raises:
        InvalidInput: the count is not positive.
        WorkersError: an objective can't be sent to another process.
    """

    def __init__(self, objectives: Sequence[Objective], count: int, rescue: Rescue | None = None) -> None:
        if count < 1:
            raise InvalidInput(f"the number of processes must be at least 1, got {count}")
        self.objectives, self.rescue = tuple(objectives), rescue
        self._processes: list[_Process] = []
        try:
            for _ in range(count):
                self._processes.append(_Process(self.objectives, self.rescue))
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> int:
        return len(self._processes)

    def submit(self, number: int, arch: Architecture, attempt: int = 1) -> None:
        next(each for each in self._processes if each.number is None).take(number, arch)

    def wait(self, seconds: float) -> list[Done]:
        until = time.monotonic() + seconds
        while True:
            nearest = min(until, time.monotonic() + _GLANCE, *(each.deadline for each in self._processes))
            wait([each.pipe for each in self._processes], max(nearest - time.monotonic(), 0.0))
            found = []
            for place, each in enumerate(self._processes):
                done = each.news()
                if each.ended:
                    self._processes[place] = _Process(self.objectives, self.rescue)
                if done is not None:
                    found.append(done)
            if found or time.monotonic() >= until:
                return found

    def done(self) -> list[Done]:
        return [done for each in self._processes if (done := each.said()) is not None]

    def confirm(self, number: int) -> None:
        for each in self._processes:
            each.confirm(number)

    def close(self) -> None:
        for each in self._processes:
            each.program.ask_to_end()
        for each in self._processes:
            each.stop()
        self._processes.clear()


class _Process:
    """One process, and what it is doing."""

    def __init__(self, objectives: Sequence[Objective], rescue: Rescue | None) -> None:
        self.objectives = objectives
        self.number: int | None = None
        """Of the evaluation under way."""
        self.begun = time.monotonic()
        """When that, or the process, was started."""
        self.deadline = self.begun + _START
        """When to stop waiting for the process."""
        self.ready = self.ended = False
        self._objective = 0
        self._unconfirmed: int | None = None  # the evaluation that it may have to keep
        self.pipe, theirs = multiprocessing.Pipe()
        try:
            self.program = Guarded(  # -P: the working directory may be somebody else's
                [sys.executable, "-P", "-c", _BOOT, json.dumps(sys.path), str(theirs.fileno())],
                _FAREWELL,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=sys.__stderr__.fileno() if sys.__stderr__ is not None else subprocess.DEVNULL,
                env=os.environ | dict.fromkeys(_ONE_THREAD, "1"),
            )
        except OSError as error:
            raise WorkersError(f"a process can't be started: {error.strerror}") from error
        finally:
            theirs.close()
        try:
            self._send((cloudpickle.dumps(self.objectives), rescue))  # by value, what no other process could import
        except Exception as error:
            self.stop()
            specs = ", ".join(objective.spec for objective in objectives)
            raise WorkersError(
                f"{specs} can't be sent to another process ({type(error).__name__}: {error}); move the function into a "
                "module, and what it uses with it"
            ) from error

    def take(self, number: int, arch: Architecture) -> None:
        """Begins an evaluation."""
        self.number, self.begun, self._objective = number, time.monotonic(), 0
        if self.ready:
            self.deadline = float("inf")  # until it says which objective it is at
        self._send((number, arch))

    def news(self) -> Done | None:
        """What was found, if the evaluation is done or has failed by now."""
        while not self.ended and self.pipe.poll():
            if (done := self._hear()) is not None:
                return done
        return None if self.ended else self._judge()

    def said(self) -> Done | None:
        """What was found, if it has said so; a process that has died since, or can't work, has not."""
        with suppress(EOFError, OSError):
            while not self.ended and self.pipe.poll():
                what, content = self.pipe.recv()
                if what == "done":
                    return self._done(content)
        return None

    def confirm(self, number: int) -> None:
        """Tells the process that its last evaluation is stored."""
        if self._unconfirmed == number and not self.ended:
            self._unconfirmed = None
            self._send(STORED)

    def _hear(self) -> Done | None:
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
            return self._done(content)
        else:
            raise WorkersError(content)
        return None

    def _done(self, evaluation: Evaluation) -> Done:
        number, self.number, self.deadline = self.number, None, float("inf")
        assert number is not None
        self._unconfirmed = number
        return number, evaluation

    def _judge(self) -> Done | None:
        """What becomes of a process that is silent: nothing, until it has died or its time is over."""
        if self.program.poll() is not None:
            return None if self.pipe.poll() else self._lost()  # what it said last is heard first
        if time.monotonic() < self.deadline:
            return None
        if not self.ready:
            raise WorkersError(f"a process did not start within {_START:g} s; is this machine out of memory?")
        objective = self.objectives[self._objective]
        return self._failed(f"{objective.spec} gave no answer within {objective.time_limit or 0:g} s")

    def stop(self) -> int:
        """Ends it and all that it started; it may clean up first. Its exit code."""
        self.ended = True
        code = self.program.end()
        self.pipe.close()
        return code

    def _send(self, content: object) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # it has just died: `hear` finds out
            self.pipe.send(content)

    def _lost(self) -> Done | None:
        code = self.stop()
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
