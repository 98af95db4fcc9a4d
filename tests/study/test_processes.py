"""Searches in processes of their own: killed in the middle, and two at work on one study."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from archllm.objectives import load_objective
from archllm.spaces import load_space
from archllm.study.result import result
from archllm.study.store import Study, open_store
from archllm.study.store.rescue import restore
from archllm.study.workers import start_workers
from archllm.testing.functions import FOLDER

SCRIPT = """
import sys
from archllm.objectives import load_objective
from archllm.study.loop import LoopOptions, run_search
from archllm.study.store import Study, open_store
from archllm.spaces import load_space
from tests.searchers.searchers import Blind

url, function, budget, workers = sys.argv[1:5]
space = load_space("nasbench201")
objective = load_objective(f"python:archllm.testing.functions:{function}", space)
with open_store(url) as store:
    if not store.studies():
        store.create(Study("s", space.name, (objective.spec,), ("maximise",), "blind", 0))
    run_search(Blind(space), [objective], store, "s", LoopOptions(budget=int(budget), workers=workers))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    return tmp_path


def begin(url: Path, function: str, budget: int, workers: str = "own") -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)])}
    words = [sys.executable, "-c", SCRIPT, str(url), function, str(budget), workers]
    return subprocess.Popen(words, env=environment, cwd=url.parent)


def calls(folder: Path) -> Counter[int]:
    """How often each key was evaluated."""
    return Counter(int(path.name.removeprefix("key-").partition(".")[0]) for path in folder.glob("key-*"))


@pytest.mark.parametrize("workers", ["own", "2"])
def test_a_search_that_is_killed_loses_nothing_and_evaluates_nothing_twice(folder, workers):
    url = folder / "search.db"
    process = begin(url, "third_never_ends", 6, workers)
    with process:
        until = time.monotonic() + 120
        while not (folder / "stuck").exists() or (workers == "2" and len(calls(folder)) < 6):
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    with open_store(url) as store:
        before = store.trials("s")
        (stuck,) = [trial for trial in before if trial.state == "running" or trial.place is None][:1]
    (folder / "free").touch()
    assert begin(url, "third_never_ends", 6, workers).wait() == 0
    with open_store(url) as store:
        after = result(store, "s").trials
    assert len(after) == 6 and {trial.state for trial in after} == {"complete"}
    done = {trial.key for trial in before if trial.state == "complete"}
    assert len(done) >= 2 and all(after[trial.number] == trial for trial in before if trial.state == "complete")
    counts = calls(folder)
    assert set(counts) == {trial.key for trial in after}
    assert all(counts[key] == 1 for key in done)
    if workers == "own":
        assert {key for key, count in counts.items() if count > 1} == {stuck.key}


def test_a_trial_whose_search_is_killed_again_and_again_has_not_failed(folder):
    url = folder / "search.db"
    for _ in range(3):
        (folder / "held").unlink(missing_ok=True)
        with begin(url, "held", 1, "1") as process:
            until = time.monotonic() + 120
            while not (folder / "held").exists():
                assert process.poll() is None and time.monotonic() < until
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
    (folder / "free").touch()
    assert begin(url, "held", 1, "1").wait() == 0
    with open_store(url) as store:
        (trial,) = store.trials("s")
    assert trial.state == "complete" and trial.attempts >= 3


def test_an_evaluation_that_takes_the_search_with_it_again_and_again_fails_apart(folder):
    url = folder / "search.db"
    assert [begin(url, "deadly", 2).wait() for _ in range(4)] == [-9, -9, -9, 0]
    with open_store(url) as store:
        harmless, deadly = store.trials("s")
    assert harmless.state == "complete" and deadly.state == "failed"
    assert "the process that evaluated it was killed by signal 9" in (deadly.evaluation.failure or "")


KILLED_BEFORE_IT_STORES = """
import os, signal, sys
from archllm.objectives import load_objective
from archllm.spaces import load_space
from archllm.study.store import Study, open_store
from archllm.study.store.rescue import Rescue
from archllm.study.workers import start_workers

space = load_space("nasbench201")
with open_store(sys.argv[1]) as store:
    store.create(Study("s", space.name, ("x",), ("maximise",), "blind", 0))
    store.add("s", space.architectures(space.enumerate()[:2]), 2)
    workers = start_workers("2", [load_objective("python:archllm.testing.functions:logged", space)], 2,
        Rescue(store.where, "s", "me"))
    for owner in ("me", "somebody who came later"):
        trial = store.claim("s", owner)
        workers.submit(trial.number, space.parse(trial.text))
    found = []
    while len(found) < 2:
        found += workers.wait(60.0)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_evaluated_when_the_search_was_killed_is_taken_in_by_the_next(folder):
    url = folder / "search.db"
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)])}
    done = subprocess.run([sys.executable, "-c", KILLED_BEFORE_IT_STORES, str(url)], env=environment, check=False)
    assert done.returncode == -9
    until = time.monotonic() + 60
    while len(list(folder.glob(".rescued-*.json"))) < 2 and time.monotonic() < until:
        time.sleep(0.02)
    with open_store(url) as store:
        assert restore(store, "s") == 1  # a trial takes what its own owner found
        mine, other = store.trials("s")
    assert mine.values == (float(mine.key),) and other.state == "running"
    assert not list(folder.glob(".rescued-*"))


def test_workers_end_when_the_search_is_killed(folder):
    process = begin(folder / "search.db", "starts_another", 2, "1")
    with process:
        until = time.monotonic() + 120
        while not (folder / "child").exists() or not (folder / "child").read_text():
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.02)
        child = int((folder / "child").read_text())
        process.send_signal(signal.SIGKILL)
    until = time.monotonic() + 60
    while _runs(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _runs(child)


def test_processes_that_evaluate_import_nothing_that_lies_in_the_working_directory(folder, monkeypatch):
    (folder / "json.py").write_text("open('ran', 'w')\n")
    monkeypatch.chdir(folder)
    space = load_space("nasbench201")
    with start_workers("1", [load_objective("params", space)]) as workers:
        workers.submit(0, space.parse("0"))
        while not (done := workers.wait(60.0)):
            pass
    assert done[0][1].values == (float(space.parse("0").params),)
    assert not (folder / "ran").exists()


def test_two_processes_share_one_study(folder):
    url = folder / "search.db"
    study = Study("s", "nasbench201", ("python:archllm.testing.functions:together",), ("maximise",), "blind", 0)
    with open_store(url) as store:
        store.create(study)
    processes = [begin(url, "together", 30) for _ in range(2)]  # with one seed: both want to ask for the same
    assert [process.wait() for process in processes] == [0, 0]
    with open_store(url) as store:
        trials = store.trials("s")
    assert len(trials) == 30 and {trial.state for trial in trials} == {"complete"}
    assert len({trial.worker for trial in trials}) == 2
    assert calls(folder) == Counter({trial.key: 1 for trial in trials})


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] not in "ZX"
