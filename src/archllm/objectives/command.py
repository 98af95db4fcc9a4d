"""Any program as an objective: it gets the architecture's text and prints a number."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import threading
import time
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from archllm.errors import EvaluationFailed, InvalidInput, shown
from archllm.guard import Guarded
from archllm.objectives.base import Objective
from archllm.objectives.callable import TIME_LIMIT, check_limit
from archllm.objectives.evaluation import Direction, Evaluation
from archllm.objectives.identity import Identity, fingerprint
from archllm.spaces import Architecture, SearchSpace

_KEPT = 65_536  # bytes of output that are looked at; a program may print for days
_PATIENCE = 2.0  # seconds that are waited for the end of the output; something that got away may keep it open

_SCRIPTS = (".py", ".sh", ".bash", ".r", ".jl", ".pl", ".rb", ".js", ".lua", ".m")
"""Endings of files whose content is what a command computes."""


class CommandObjective(Objective):
    """The number on the last line that a command prints.

    The command is run without a shell, once for each architecture; the text of the architecture is its last argument,
    and comes on its standard input, too. What it prints before the last line, and on its error stream, is for people.
    A last line that is no finite number, an exit code other than 0, and too long a time are failed evaluations. When
    the program has ended, is stopped, or the process that evaluates is gone, all that it started ends with it.

    Args:
        space: the space.
        command: program and arguments, quoted as in a shell.
        direction: which numbers are better.
        time_limit: seconds that the program may take.

    Raises:
        InvalidInput: the command is empty or badly quoted, or there is no such program.
    """

    def __init__(
        self,
        space: SearchSpace,
        command: str,
        direction: Direction = "maximise",
        time_limit: float = TIME_LIMIT,
    ) -> None:
        self.space, self.direction = space, direction
        self.command, self.time_limit = command, check_limit(time_limit)
        self.spec: str = f"command:{command}"
        try:
            self.words = shlex.split(command)
        except ValueError as error:
            raise InvalidInput(f"the command {command!r} can't be read: {error}") from error
        if not self.words:
            raise InvalidInput("the command is empty; it is written command:PROGRAM ARGUMENTS")
        if shutil.which(self.words[0]) is None:
            raise InvalidInput(f"there is no program {self.words[0]!r} that can be run")

    def __reduce__(self) -> Any:
        kept = {"spec": self.spec}
        return CommandObjective, (self.space, self.command, self.direction, self.time_limit), kept

    @cached_property
    def identity(self) -> Identity:
        """The command, and the content of the program and the scripts that it names as files."""
        named = [word for word in self.words if Path(word).suffix.lower() in _SCRIPTS]
        named += [self.words[0]] if os.sep in self.words[0] else []
        contents = {}
        for word in dict.fromkeys(named):
            with suppress(OSError):  # what can't be read is known by its name
                contents[f"file {word}"] = fingerprint(Path(word).read_bytes())
        return Identity.of(self.spec, data=contents)

    def _evaluate(self, arch: Architecture) -> Evaluation:
        start = time.monotonic()
        try:
            value = self._run(arch.text)
        except EvaluationFailed as error:
            raise EvaluationFailed(str(error), time.monotonic() - start) from error
        return Evaluation(value, cost=time.monotonic() - start)

    def _run(self, text: str) -> float:
        pipe = subprocess.PIPE
        try:
            program = Guarded([*self.words, text], stdin=pipe, stdout=pipe, stderr=pipe)
        except OSError as error:
            raise EvaluationFailed(f"{self.words[0]} can't be run: {error.strerror}") from error
        with program:
            out, err = _Tail(program.stdout), _Tail(program.stderr)
            try:
                with suppress(BrokenPipeError):  # it need not read
                    program.stdin.write(text.encode())  # type: ignore[union-attr]
                    program.stdin.close()  # type: ignore[union-attr]
                code = program.wait(self.time_limit)
            except subprocess.TimeoutExpired as error:
                raise EvaluationFailed(f"{self.words[0]} gave no answer within {self.time_limit:g} s") from error
            finally:
                program.end()
                out.join(_PATIENCE)
                err.join(_PATIENCE)
        return self._number(code, out.last_line(), err.last_line())

    def _number(self, code: int, printed: str, complaint: str) -> float:
        said = f": {complaint}" if complaint else ""
        if code < 0:
            raise EvaluationFailed(f"{self.words[0]} was stopped by signal {-code}{said}")
        if code:
            raise EvaluationFailed(f"{self.words[0]} ended with exit code {code}{said}")
        try:
            return float(printed)
        except ValueError:
            what = f"printed {shown(printed)}, which is no number" if printed else "printed nothing"
            raise EvaluationFailed(f"{self.words[0]} {what}{said}") from None


class _Tail(threading.Thread):
    """Reads a stream to its end and keeps the last of it."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        super().__init__(daemon=True)
        assert stream is not None
        self.stream, self.kept = stream, b""
        self.start()

    def run(self) -> None:
        with suppress(OSError, ValueError):  # closed while it is read
            while piece := os.read(self.stream.fileno(), _KEPT):
                self.kept = (self.kept + piece)[-_KEPT:]

    def last_line(self) -> str:
        """The last line that is not empty."""
        lines = [line.strip() for line in self.kept.decode(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else ""
