"""Programs under guard end as they end by themselves, and nothing of them outlives who started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archllm.guard import Guarded, marked_as_ours

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="orphans are adopted on Linux alone")
PIPE = subprocess.PIPE
ENDS_WITHIN = 30.0  # of a busy machine; some hundredths of a second are usual


def shell(code: str, **options) -> Guarded:
    return Guarded(["sh", "-c", code], **options)


@pytest.mark.parametrize(("code", "told"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9), ("kill -15 $$", -15)])
def test_a_program_ends_as_it_would_by_itself(code, told):
    assert shell(code).wait() == told


def test_streams_are_those_of_the_program():
    with shell("cat; echo no >&2; exit 3", stdin=PIPE, stdout=PIPE, stderr=PIPE) as program:
        program.stdin.write(b"yes")
        program.stdin.close()
        assert (program.stdout.read(), program.stderr.read(), program.wait()) == (b"yes", b"no\n", 3)


def test_a_program_that_can_not_be_run_says_why():
    with Guarded(["/no/such/program"], stderr=PIPE) as program:
        assert program.stderr.read() == b"/no/such/program can't be run: No such file or directory\n"
        assert program.wait() == 127


def test_a_program_may_clean_up_before_it_is_ended(tmp_path):
    program = shell(f"trap 'exit 4' TERM; touch {tmp_path}/up; while :; do sleep 0.05; done", farewell=60.0)
    wait_for(tmp_path / "up")
    assert program.end() == 4


ENDS = {"ends": "exit 0", "dies": "kill -9 $$", "kills": "kill -9 $PPID; sleep 60", "hangs": "trap '' TERM; sleep 60"}


@LINUX
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_what_left_the_session_of_a_program_ends_with_it(tmp_path, end):
    code = f"(setsid sh -c 'echo $$ > {tmp_path}/child; exec sleep 600' &); while ! [ -s {tmp_path}/child ]; do :; done"
    program = shell(f"{code}; touch {tmp_path}/up; {end}")
    wait_for(tmp_path / "up")
    if "sleep 60" not in end:
        program.wait()
    program.end()
    assert ends(int((tmp_path / "child").read_text()))


@LINUX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_program_ends_with_the_process_that_started_it(tmp_path, number):
    code = f"""
import subprocess
from archllm.guard import Guarded
program = Guarded(["sh", "-c", "setsid sh -c 'echo $$ > {tmp_path}/child; exec sleep 600'"])
program.wait()
"""
    with started(code) as process:
        child = number_in(tmp_path / "child")
        process.send_signal(number)
    assert ends(child)


@LINUX
def test_what_is_marked_as_ours_ends_with_this_process_and_nothing_else_does(tmp_path):
    code = f"""
import os, subprocess, time
from archllm.guard import marked_as_ours
with marked_as_ours():
    ours = subprocess.Popen(["sleep", "600"], start_new_session=True)
    fork = os.fork()
    if fork == 0:
        os.setsid()
        time.sleep(600)
other = subprocess.Popen(["sleep", "600"], start_new_session=True)
with open("{tmp_path}/new", "w") as file:
    file.write(f"{{ours.pid}} {{fork}} {{other.pid}}")
os.rename("{tmp_path}/new", "{tmp_path}/all")
time.sleep(600)
"""
    with started(code) as process:
        wait_for(tmp_path / "all")
        ours, fork, other = map(int, (tmp_path / "all").read_text().split())
        process.kill()
    try:
        assert ends(ours) and ends(fork) and runs(other)
    finally:
        os.kill(other, signal.SIGKILL)


def test_the_mark_is_in_the_environment_of_the_block_alone():
    before = dict(os.environ)
    with marked_as_ours():
        (mark,) = os.environ.keys() - before
    with marked_as_ours():
        assert os.environ.keys() - before == {mark}
    assert dict(os.environ) == before


DROPPED = """
import os, signal, time
from archllm.guard import sent_again

class Interrupting(BaseException):
    pass

def interrupt(number, _):
    signal.signal(number, signal.SIG_IGN)
    raise Interrupting

class Last:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000):
            pass

signal.signal(signal.SIGTERM, interrupt)
try:
    with sent_again({Interrupting: signal.SIGTERM}):
        Last()
        time.sleep(10)
except Interrupting:
    os._exit(7)
"""


def test_a_signal_that_comes_in_a_finaliser_is_heard_all_the_same():
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run([sys.executable, "-c", DROPPED], env=environment, stderr=PIPE, check=False)
    assert (found.returncode, found.stderr) == (7, b"")


def started(code: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", code], env=environment)


def wait_for(path: Path) -> None:
    until = time.monotonic() + ENDS_WITHIN
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.01)


def number_in(path: Path) -> int:
    wait_for(path)
    while not (text := path.read_text()):
        time.sleep(0.01)
    return int(text)


def ends(pid: int) -> bool:
    until = time.monotonic() + ENDS_WITHIN
    while runs(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not runs(pid)


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
