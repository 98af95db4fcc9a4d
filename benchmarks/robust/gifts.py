"""Run folders that somebody sends, made to run code or to hurt: nothing of theirs runs, in bounded time and memory."""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

from archllm.errors import ArchLLMError
from archllm.files import check_own_files
from archllm.generation.config import TrainConfig
from archllm.generation.run_folder import seal
from benchmarks.robust.attack import Attack, Found, Round
from benchmarks.robust.mutating import damaged, mutated
from benchmarks.robust.watching import WRONG, watched_apart

SPACE = """name = "gift"
kind = "genotype"
nodes = 2
cells = ["normal"]
cell_inputs = ["one", "two"]
[ops]
a = "gift_blocks:make"
skip = "archllm.networks.operations:skip"
"""
CELL = "Genotype(normal=[('a', 0), ('skip', 1), ('a', 0), ('a', 2)], normal_concat=range(2, 4))"

_MODULE = """
from pathlib import Path
Path({ran!r}).touch()
import os
from torch import nn
from archllm.spaces.kinds.edge_dag import EdgeDag
def make(*sizes): return nn.Identity()
class Space(EdgeDag): ...
"""
_NAMES = (
    *("gift_blocks:make", "os:system", "os:_exit", "posix:abort", "builtins:exec", "torch:os._exit", "pytest:main"),
    *("archllm.cli:main", "archllm.networks.operations:nn.Identity", "run.gift_blocks:make", "ctypes:string_at"),
)
_HOSTILE = (
    *('x"""\nimport os; os.system("touch RAN")\n"""', "</script><script>alert(1)</script>", "=cmd|'/c calc'!A0"),
    *("\u202etxt\u2066", "\x1b[2J", "{__import__('os').system('touch RAN')}", "\\", "$(touch RAN)", "%s%n", "\ud800"),
)
_NUMBERS: tuple[object, ...] = (
    0,
    -1,
    1,
    2**31,
    10**9,
    10**18,
    1e308,
    float("nan"),
    True,
    None,
    "x",
    [],
    {},
    [[1]],
    "9" * 5000,
)
_TEXTS = ("config.toml", "space.toml", "blocks.json", "metrics.json", "seal.json", "tokenizer.json", "prior/prior.json")


def hostile(round_: Round) -> Found:
    """Reads so many run folders, with a marker that is there once something in one of them ran."""
    chance = random.Random(round_.seed)
    seed = _seed(round_.folder)
    ran = round_.folder / "ran"
    wrong = dict.fromkeys(("executed", *WRONG), 0)
    notes: dict[str, str] = {}
    slowest = largest = 0.0
    os.chdir(round_.folder)
    for number in range(round_.count):
        folder = round_.folder / "run"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(seed, folder)
        change = chance.choice(_CHANGES)
        change(folder, chance)
        for name in ("gift_blocks.py", "gift_space.py", "sitecustomize.py", "torch.py", "conftest.py"):
            (folder / name).write_text(_MODULE.format(ran=str(ran)))
        with suppress(ArchLLMError, OSError):
            if chance.random() < 0.7 and change is not _huge:
                check_own_files(folder)
                seal(folder)
        use = chance.choice(_USES)
        found = watched_apart(partial(use, folder))
        slowest, largest = max(slowest, found.seconds), max(largest, found.megabytes)
        what = (
            "executed" if ran.exists() or (folder / "RAN").exists() or (round_.folder / "RAN").exists() else found.wrong
        )
        ran.unlink(missing_ok=True)
        if what:
            wrong[what] += 1
            notes.setdefault(what, f"{change.__name__} {use.__name__} {number}: {what} {found.message[:160]}")
    figures = {"slowest, s": slowest, "most memory, MB": largest}
    return Found(round_.count, wrong, figures, tuple(notes.values())[:5])


def _seed(place: Path) -> Path:
    """A run folder of a space whose blocks are there when it is trained, and not any more."""
    from archllm.workflows.train import train

    modules = place / "modules"
    modules.mkdir()
    (modules / "gift_blocks.py").write_text("from torch import nn\ndef make(*sizes): return nn.Identity()\n")
    (place / "gift.toml").write_text(SPACE)
    sys.path.append(str(modules))
    try:
        parts = {"tokenizer": {"kind": "plain"}, "prior": {"kind": "marginal"}, "cells": 500}
        train(str(place / "gift.toml"), TrainConfig.from_mapping(parts), out=place / "seed", progress=False)
    finally:
        sys.path.remove(str(modules))
        sys.modules.pop("gift_blocks", None)
    return place / "seed"


# --- what is changed -------------------------------------------------------------------------------------------------


def _names_code(folder: Path, chance: random.Random) -> None:
    path, name = folder / "space.toml", chance.choice(_NAMES)
    path.write_text(path.read_text().replace("gift_blocks:make", name))
    if chance.random() < 0.5:
        (folder / "blocks.json").unlink()


def _names_class(folder: Path, chance: random.Random) -> None:
    path = folder / "config.toml"
    name = chance.choice(("python:gift_space:Space", "python:run.gift_space:Space", *(f"python:{n}" for n in _NAMES)))
    path.write_text(path.read_text().replace('space = "gift"', f'space = "{name}"'))


def _names_text(folder: Path, chance: random.Random) -> None:
    path, text = folder / "space.toml", json.dumps(chance.choice(_HOSTILE))
    path.write_text(path.read_text().replace('"one"', text).replace("[ops]", f"about = {text}\n[ops]"))


def _number(folder: Path, chance: random.Random) -> None:
    """One value of a file in JSON is another."""
    path = folder / chance.choice([name for name in _TEXTS if name.endswith(".json")])
    data = json.loads(path.read_text())
    places = list(_places(data))
    inside, key = chance.choice(places)
    inside[key] = chance.choice(_NUMBERS)
    path.write_text(json.dumps(data))


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in list(entries):
        yield data, key
        yield from _places(value)


def _setting(folder: Path, chance: random.Random) -> None:
    """One setting of `config.toml` is another."""
    path = folder / "config.toml"
    lines = path.read_text().splitlines()
    at = chance.choice([number for number, line in enumerate(lines) if " = " in line])
    value = chance.choice(("1000000000", "-1", '"x"', "inf", "[]", f"{10**18}", "true"))
    lines[at] = f"{lines[at].partition(' = ')[0]} = {value}"
    path.write_text("\n".join(lines))


def _text(folder: Path, chance: random.Random) -> None:
    path = folder / chance.choice(_TEXTS)
    text = path.read_text()
    path.write_bytes(mutated(text, [text], chance).encode("utf-8", "surrogatepass"))


def _bytes(folder: Path, chance: random.Random) -> None:
    path = chance.choice([path for path in sorted(folder.rglob("*")) if path.is_file()])
    path.write_bytes(damaged(path.read_bytes(), chance))


def _link(folder: Path, chance: random.Random) -> None:
    path = folder / chance.choice((*_TEXTS, "tokenizer.safetensors", "search.db", "prior/marginal.safetensors"))
    path.unlink(missing_ok=True)
    path.symlink_to(chance.choice(("/dev/zero", "/etc/passwd", "../../etc/passwd", str(path), "/proc/self/environ")))


def _pipe(folder: Path, chance: random.Random) -> None:
    path = folder / chance.choice((*_TEXTS, "tokenizer.safetensors", "search.db", "prior/extra"))
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _huge(folder: Path, chance: random.Random) -> None:
    with (folder / chance.choice(_TEXTS)).open("r+b") as file:
        file.truncate(1 << 35)


def _gone(folder: Path, chance: random.Random) -> None:
    chance.choice([path for path in sorted(folder.rglob("*")) if path.is_file()]).unlink()


_CHANGES: tuple[Callable[[Path, random.Random], None], ...] = (
    *(_names_code, _names_class, _names_text, _number, _number, _setting, _text, _text, _bytes, _link, _pipe, _huge),
    _gone,
)


# --- what is done with it --------------------------------------------------------------------------------------------


def _load(folder: Path) -> None:
    from archllm.generation.generator import load

    load(folder).generate(3, max_draws=2_000)


def _report(folder: Path) -> None:
    from archllm.workflows.report import report

    report(folder)


def _search(folder: Path) -> None:
    from archllm.workflows.search import search

    search(run=folder, objective="params", budget=3, method="random", progress=False)


def _network(folder: Path) -> None:
    from archllm.spaces import load_space

    load_space(folder / "space.toml").parse(CELL).export(folder / "out.py", channels=4, cells=1, image_size=8)


def _commands(folder: Path) -> None:
    from archllm.cli import main

    with redirect_stdout(StringIO()):
        main(["spaces", "check", str(folder / "space.toml")])
        main(["info", CELL, "--space", str(folder / "space.toml")])


_USES: tuple[Callable[[Path], None], ...] = (_load, _report, _search, _network, _commands)

ATTACKS = {"gifts": Attack("hostile", "run folders that somebody sends", hostile, 400, rounds=2, brief=40)}
