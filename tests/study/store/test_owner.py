"""Names of processes: who has certainly died, and who may be alive."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from archllm.study.store.owner import is_gone, owner_name

LINUX = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="the system does not tell when processes started"
)


def test_every_name_is_another_and_its_process_is_alive():
    first, second = owner_name(), owner_name()
    assert first != second and not is_gone(first) and not is_gone(second)


@LINUX
def test_a_process_that_ended_is_gone_and_so_is_one_whose_number_was_used_again():
    code = "import sys; from archllm.study.store.owner import owner_name as name; print(name(), flush=True); input()"
    words = [sys.executable, "-c", code]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert not is_gone(name)
        process.kill()
    assert is_gone(name)
    own = owner_name().split("/")
    assert is_gone("/".join([*own[:4], "1", own[5]]))


@LINUX
def test_of_other_machines_containers_and_systems_nothing_is_certain():
    host, boot, namespace, _, start, token = owner_name().split("/")
    gone = ["999999999", start, token]
    assert is_gone("/".join([host, boot, namespace, *gone]))
    assert not is_gone("/".join([host, "another boot", namespace, *gone]))
    assert not is_gone("/".join([host, boot, "pid:[1]", *gone]))
    assert not is_gone("/".join([host, "-", "-", *gone]))


@pytest.mark.parametrize("name", ["", "me", "a/b/c/d/e/f", "a/b/c/1"])
def test_foreign_names_are_not_taken_for_dead(name):
    assert not is_gone(name)
