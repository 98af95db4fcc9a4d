"""Standard streams as they may be found: closed, full, in another encoding; and texts that would steer a terminal."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from archllm.cli.console import Console, fields

INFO = "info 1 --space nasbench201"
SEARCH = "search --space nasbench201 --objective params --method random --budget 3"
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def shell(folder: Path, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a command line does; `archllm` is this one."""
    line = command.replace("archllm", f"'{sys.executable}' -m archllm", 1)
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )


@pytest.mark.parametrize("words", [INFO, f"{INFO} --json", "info --help", "--help"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is of Linux")
def test_a_full_disk_behind_the_output_is_told(tmp_path, words):
    done = shell(tmp_path, f"archllm {words} > /dev/full")
    assert done.returncode == 1
    assert done.stderr == "archllm: can't write the result to standard output: No space left on device\n"


def test_with_all_streams_closed_the_work_is_done_and_nothing_lands_in_the_store(tmp_path):
    assert shell(tmp_path, f"archllm {SEARCH} --store a.db <&- >&- 2>&-").returncode == 0
    with sqlite3.connect(tmp_path / "a.db") as store:
        assert store.execute("pragma integrity_check").fetchone() == ("ok",)
        assert store.execute("select count(*) from archllm_trials where state = 'complete'").fetchone() == (3,)


def test_an_architecture_is_not_read_from_a_closed_stream(tmp_path):
    done = shell(tmp_path, "archllm info - --space nasbench201 <&-")
    assert done.returncode == 2 and "standard input is empty" in done.stderr


def test_a_locale_of_ascii_bears_other_paths_and_other_characters(tmp_path):
    found = shell(tmp_path, f"archllm {SEARCH} --store ö.db --json", **ASCII)
    assert found.returncode == 0 and found.stdout.isascii() and len(json.loads(found.stdout)["trials"]) == 3
    assert (tmp_path / "ö.db").is_file()
    assert shell(tmp_path, "archllm report ö.db --out ü.html", **ASCII).returncode == 0
    assert (tmp_path / "ü.html").is_file()


def test_what_could_steer_a_terminal_is_shown_as_its_escape(capsys):
    console = Console()
    console.say("\n".join(fields({"about": "a\x1b[2J\x07\u202eb\ud800é"})))
    console.note("\x9b31m")
    said = capsys.readouterr()
    assert said.out == "about  a\\x1b[2J\\x07\\u202eb\\ud800é\n" and said.err == "\\x9b31m\n"


def test_a_document_holds_every_text_as_it_is(capsys):
    Console(json=True).document({"é\ud800": "\x1b\u202e"})
    assert json.loads(capsys.readouterr().out) == {"é\ud800": "\x1b\u202e"}


def test_ctrl_c_while_modules_load_shows_no_traceback():
    code = """
import os, signal, sys
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "archllm.cli":
            os.kill(os.getpid(), signal.SIGINT)
            signal.pause()
sys.meta_path.insert(0, Slow())
from archllm.__main__ import program
program()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


@pytest.mark.parametrize("moment", ["while it works", "while the first is answered"])
def test_ctrl_c_at_any_moment_shows_no_traceback(tmp_path, moment):
    second = {"while it works": "pass", "while the first is answered": "os.kill(os.getpid(), signal.SIGINT)"}[moment]
    code = f"""
import os, signal
import archllm.cli
def command(words):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()
    finally:
        {second}
archllm.cli.main = lambda: command([])
archllm.cli.program()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (130, "")
