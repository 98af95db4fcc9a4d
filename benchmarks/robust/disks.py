"""Disks that are full, read-only or limited: what was there before stays, and the message names the cause.

Each trouble is made in a process with file systems of its own (`unshare -rm`, which takes no rights), so nothing of
this machine is filled up or mounted.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from benchmarks.robust.attack import Attack, Found, Round, Unavailable

WRONG = ("lost or doubled", "old state damaged", "errors not ours", "causes not named", "left behind")
"""What may not be."""

_SPACE = "nasbench201"
_SEARCH = ("search", "--space", _SPACE, "--objective", "params", "--method", "random")
_TRAIN = ("train", _SPACE, "--tokenizer.kind", "plain", "--prior.kind", "marginal", "--split", "0.1")
_CAUSES = (
    "No space left",
    "full",
    "Read-only",
    "read-only",
    "too large",
    "Permission denied",
    "can't be written",
    "may write to",
)


class _Trouble:
    """What was done in one trouble, and what went wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wrong: list[str] = []
        self.notes: list[str] = []

    def command(self, *words: object) -> tuple[int, str]:
        """Exit code and messages of a command."""
        from archllm.cli import main

        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            code = main([str(word) for word in words])
        if "internal error" in said.getvalue():
            self._note("errors not ours", said.getvalue())
        return code, said.getvalue()

    def refused(self, *words: object) -> None:
        """A command that can't do its work, and has to say why."""
        code, said = self.command(*words)
        if code == 0:
            self._note("causes not named", f"{words[0]} did not notice")
        elif not any(cause in said for cause in _CAUSES):
            self._note("causes not named", said)

    def works(self, *words: object) -> None:
        """A command that has to work all the same."""
        code, said = self.command(*words)
        if code:
            self._note("lost or doubled", said)

    def same(self, path: Path, content: bytes) -> None:
        """A file that may not have changed."""
        if path.read_bytes() != content:
            self._note("old state damaged", f"{path.name} was changed")

    def only(self, folder: Path, *names: str) -> None:
        """All that may lie in a folder."""
        if others := sorted({path.name for path in folder.iterdir()} - set(names)):
            self._note("left behind", ", ".join(others))

    def trials(self, store: Path, least: int = 0) -> int:
        """Finished trials of a store, each once, at least so many."""
        with closing(sqlite3.connect(store)) as rows:
            sound = rows.execute("pragma integrity_check").fetchone() == ("ok",)
            count, different, failed = rows.execute(
                "select count(*), count(distinct key), sum(state = 'failed') from archllm_trials "
                "where state in ('complete', 'failed')"
            ).fetchone()
        if not sound or failed or different != count or count < least:
            self._note("lost or doubled", f"{count} trials, {different} different, {failed} failed, of {least}")
        return int(count)

    @contextmanager
    def disk(self, size: str) -> Iterator[Path]:
        """A file system of a size, at a folder of its own."""
        place = self.folder / "disk"
        place.mkdir()
        _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place))
        yield place
        _run("umount", "-l", str(place))

    def _note(self, what: str, said: str) -> None:
        self.wrong.append(what)
        self.notes.append(f"{what}: {' '.join(said.split())[-200:]}")


def _full_search(trouble: _Trouble) -> None:
    with trouble.disk("400k") as disk:
        store = disk / "a.db"
        trouble.refused(*_SEARCH, "--budget", 6000, "--store", store)
        kept = trouble.trials(store)
        _run("mount", "-o", "remount,size=30m", str(disk))
        trouble.works(*_SEARCH, "--budget", kept + 20, "--store", store, "--resume")
        trouble.trials(store, kept + 20)


def _full_training(trouble: _Trouble) -> None:
    with trouble.disk("16k") as disk:
        trouble.refused(*_TRAIN, "--out", disk / "run")
        if (disk / "run").exists():
            trouble.wrong.append("left behind")
        _run("mount", "-o", "remount,size=30m", str(disk))
        trouble.works(*_TRAIN, "--out", disk / "run", "--overwrite")
        trouble.works("sample", disk / "run", "-n", 2)


def _full_export(trouble: _Trouble) -> None:
    with trouble.disk("4k") as disk:
        for name in ("a.py", "a.onnx", "a.pt2"):
            (disk / name).write_bytes(b"# mine")
            trouble.refused("export", 1, "--space", _SPACE, "--out", disk / name)
            trouble.same(disk / name, b"# mine")
            (disk / name).unlink()
            trouble.only(disk)


def _full_report(trouble: _Trouble) -> None:
    store = trouble.folder / "a.db"
    trouble.works(*_SEARCH, "--budget", 5, "--store", store)
    with trouble.disk("4k") as disk:
        (disk / "a.html").write_bytes(b"old")
        trouble.refused("report", store, "--out", disk / "a.html")
        trouble.refused("trials", store, "--out", disk / "a.csv")
        trouble.same(disk / "a.html", b"old")
        trouble.only(disk, "a.html")


def _full_temporary(trouble: _Trouble) -> None:
    with trouble.disk("4k") as disk:
        with suppress(OSError):
            (disk / "fill").write_bytes(b"x" * 8192)
        os.environ["TMPDIR"] = str(disk)
        for name in ("a.py", "a.onnx", "a.pt2"):
            options = ("--channels", 4, "--image-size", 8)
            trouble.works("export", 1, "--space", _SPACE, "--out", trouble.folder / name, *options)
        trouble.works(*_SEARCH, "--budget", 5, "--store", trouble.folder / "a.db")
        trouble.works("report", trouble.folder / "a.db")


def _read_only(trouble: _Trouble) -> None:
    with trouble.disk("30m") as disk:
        trouble.works(*_SEARCH, "--budget", 5, "--store", disk / "a.db")
        trouble.works(*_TRAIN, "--out", disk / "run")
        before = {path: path.read_bytes() for path in disk.rglob("*") if path.is_file()}
        _run("mount", "-o", "remount,ro", str(disk))
        trouble.works("report", disk / "a.db", "--out", trouble.folder / "a.html")
        trouble.works("trials", disk / "a.db", "--out", trouble.folder / "a.csv")
        trouble.works("sample", disk / "run", "-n", 2)
        with contextlib.chdir(trouble.folder):  # where a page goes that can't be written beside its store
            trouble.works("report", disk / "a.db")
        trouble.refused(*_SEARCH, "--budget", 9, "--store", disk / "a.db", "--resume")
        trouble.refused("export", 1, "--space", _SPACE, "--out", disk / "a.py", "--channels", 4)
        trouble.refused(*_TRAIN, "--out", disk / "other")
        words = ("compare", *_SEARCH[1:5], "--methods", "random", "--seeds", 1, "--budget", 2)
        trouble.refused(*words, "--out", disk / "compared")
        for path, content in before.items():
            trouble.same(path, content)


def _quota(trouble: _Trouble) -> None:
    store = trouble.folder / "a.db"
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
    trouble.refused(*_SEARCH, "--budget", 6000, "--store", store)
    trouble.refused("export", 1, "--space", _SPACE, "--out", trouble.folder / "a.pt2")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    kept = trouble.trials(store)
    trouble.works(*_SEARCH, "--budget", kept + 20, "--store", store, "--resume")
    trouble.trials(store, kept + 20)


TROUBLES: dict[str, Callable[[_Trouble], None]] = {
    "a full disk under a search": _full_search,
    "a full disk under a training": _full_training,
    "a full disk under an export": _full_export,
    "a full disk under a report": _full_report,
    "a full folder of temporary files": _full_temporary,
    "read-only media": _read_only,
    "a limit on the size of files": _quota,
}


def trouble(round_: Round) -> Found:
    """Makes the first so many of the troubles."""
    if shutil.which("unshare") is None or _apart("true").returncode:
        raise Unavailable("no file systems of one's own can be mounted here (unshare -rm)")
    wrong = dict.fromkeys(WRONG, 0)
    notes: list[str] = []
    names = list(TROUBLES)[: round_.count]
    for number, name in enumerate(names):
        folder = round_.folder / str(number)
        folder.mkdir()
        done = _apart(sys.executable, "-m", __name__, name, str(folder))
        try:
            found = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            found = {"wrong": ["errors not ours"], "notes": [done.stderr[-300:]]}
        for what in found["wrong"]:
            wrong[what] += 1
        notes += [f"{name}: {note}" for note in found["notes"]]
    return Found(len(names), wrong, notes=tuple(notes[:5]))


def _apart(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", "-rm", *words],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def _main() -> None:
    made = _Trouble(Path(sys.argv[2]))
    os.environ["HOME"] = str(made.folder)  # what a store can't take is put there
    os.chdir(made.folder)
    TROUBLES[sys.argv[1]](made)
    print(json.dumps({"wrong": made.wrong, "notes": made.notes}), flush=True)


ATTACKS = {"disks": Attack("machines", "full, read-only and limited disks", trouble, len(TROUBLES), brief=1)}

if __name__ == "__main__":
    _main()
