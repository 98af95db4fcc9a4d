"""Names of processes: who has certainly died, who is certainly there, and of whom nothing is known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from archllm.study.store.owner import life, owning

LINUX = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="the system does not tell when processes started"
)


def test_every_name_is_another_and_is_there_as_long_as_its_work():
    with owning() as first, owning() as second:
        assert first != second and life(first) == life(second) == "there"
    assert life(first) != "there"


@LINUX
def test_work_that_ended_is_gone_though_its_process_lives():
    with owning() as name:
        pass
    assert life(name) == "gone"


@LINUX
def test_a_process_that_ended_is_gone_and_so_is_one_whose_number_was_used_again():
    code = "from archllm.study.store.owner import owning\nwith owning() as name: print(name, flush=True), input()"
    words = [sys.executable, "-c", code]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert life(name) == "there"
        process.kill()
    assert life(name) == "gone"
    with owning() as name:
        own = name.split("/")
        assert life("/".join([*own[:4], "1", own[5]])) == "gone"


@LINUX
def test_of_other_machines_containers_and_systems_nothing_is_certain():
    with owning() as name:
        host, boot, namespace, _, start, token = name.split("/")
    gone = ["999999999", start, token]
    assert life("/".join([host, boot, namespace, *gone])) == "gone"
    for elsewhere in ([host, "another boot", namespace], [host, boot, "pid:[1]"], [host, "-", "-"]):
        assert life("/".join([*elsewhere, *gone])) == "unknown"


@pytest.mark.parametrize("name", ["", "me", "a/b/c/d/e/f", "a/b/c/1", "a/b/c/99999999999999999999/e/f"])
def test_of_foreign_names_nothing_is_known(name):
    assert life(name) == "unknown"
