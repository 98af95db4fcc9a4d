"""Any program as an objective."""

from __future__ import annotations

import os
import pickle
import shlex
import sys
import time

import pytest

from archllm.errors import InvalidInput
from archllm.objectives import Evaluation, load_objective
from archllm.spaces import SearchSpace

CELL = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|"


def run(space: SearchSpace, command: str, time_limit: float | None = None) -> Evaluation:
    return load_objective(f"command:{command}", space, time_limit).evaluate(space.parse(CELL))


def python(code: str) -> str:
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"


def test_the_text_is_the_last_argument(nasbench201):
    found = run(
        nasbench201, python("import sys; print(len(sys.argv[-1]), sys.argv[1:] == ['-x', sys.argv[2]], 1)") + " -x"
    )
    assert found.failure is not None and f"{len(CELL)} True 1" in found.failure
    assert run(nasbench201, python("import sys; print(len(sys.argv[-1]))")).value == len(CELL)


def test_the_text_comes_on_standard_input_too(nasbench201):
    assert run(nasbench201, "sh -c 'wc -c'").value == len(CELL)


def test_no_shell_reads_the_text(nasbench201):
    assert run(nasbench201, 'sh -c \'test "$0" = "$(cat)" && echo 4\'').value == 4.0


def test_the_last_line_counts_and_the_rest_is_for_people(nasbench201):
    found = run(nasbench201, "sh -c 'echo loading; echo 17 warnings >&2; echo; echo \"  -1.5e2 \"; echo'")
    assert found.value == -150.0 and found.cost > 0


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("echo", "which is no number"),
        ("true", "true printed nothing"),
        ("sh -c 'echo 0.5 %'", "printed '0.5 %', which is no number"),
        ("sh -c 'echo nan'", "the score is nan"),
        ("sh -c 'echo inf'", "the score is inf"),
        ("sh -c 'echo 3; exit 7'", "ended with exit code 7"),
        ("sh -c 'echo 3; echo no licence >&2; exit 1'", "ended with exit code 1: no licence"),
        ("sh -c 'echo 3; kill -9 $$'", "was stopped by signal 9"),
        ("sh -c 'printf \"\\377\\376\"'", "which is no number"),
    ],
)
def test_a_program_that_gives_no_number_has_failed_with_the_reason(nasbench201, command, told):
    found = run(nasbench201, command)
    assert found.value is None and told in (found.failure or "")


def test_a_program_that_hangs_is_stopped_with_all_that_it_started(nasbench201, tmp_path):
    found = run(nasbench201, f"sh -c 'sleep 600 & echo $! > {tmp_path}/child; wait'", time_limit=1.0)
    assert found.failure == "sh gave no answer within 1 s" and found.cost >= 1.0
    child = int((tmp_path / "child").read_text())
    until = time.monotonic() + 30
    while _runs(child) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _runs(child)


def test_what_outlives_a_program_is_not_waited_for(nasbench201):
    assert run(nasbench201, "sh -c 'sleep 600 & echo 3'").value == 3.0


def test_a_program_that_never_stops_printing_needs_no_memory(nasbench201):
    found = run(nasbench201, "sh -c 'yes | head -c 30000000; echo 5'")
    assert found.value == 5.0
    assert run(nasbench201, "yes", time_limit=0.5).failure == "yes gave no answer within 0.5 s"


def test_a_program_that_is_gone_later_is_a_failed_evaluation(nasbench201, tmp_path):
    program = tmp_path / "score.sh"
    program.write_text("#!/bin/sh\necho 1\n")
    program.chmod(0o755)
    objective = load_objective(f"command:{program}", nasbench201)
    assert objective.evaluate(nasbench201.parse(CELL)).value == 1.0
    program.unlink()
    assert "can't be run: No such file" in (objective.evaluate(nasbench201.parse(CELL)).failure or "")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (" ", "the command is empty"),
        ("no-such-program-anywhere 1", "there is no program 'no-such-program-anywhere'"),
        ("/etc", "there is no program '/etc'"),
        ("sh -c 'echo", "can't be read: No closing quotation"),
    ],
)
def test_a_command_that_can_not_be_run_is_refused(nasbench201, command, told):
    with pytest.raises(InvalidInput, match=told):
        load_objective(f"command:{command}", nasbench201)


def test_it_goes_to_other_processes(nasbench201):
    objective = load_objective("minimise:command:sh -c 'echo 2'", nasbench201, time_limit=9.0)
    again = pickle.loads(pickle.dumps(objective))  # noqa: S301
    assert (again.spec, again.direction, again.time_limit) == (objective.spec, "minimise", 9.0)
    assert again.evaluate(nasbench201.parse(CELL)).value == 2.0


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
