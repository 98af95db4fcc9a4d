"""What ArchLLM stands: searches and trainings that are killed, processes in crowds, hostile and damaged inputs.

`python -m benchmarks.robustness` makes every attack of `benchmarks/robust` as often as the target asks for, round by
round, each round in a process of its own unless `--folder` has its file already; `--rounds 1 --only kill` does less.
Writes `docs/results/robustness.json` and `.md`. `--brief` makes each attack a few times, writes nothing, and ends with
exit code 1 if something gave way: `make attack`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness import ROOT
from benchmarks.harness.jobs import Benchmark, Job, Work
from benchmarks.harness.results import Result
from benchmarks.robust.attack import Attack, Found, Round, Unavailable
from benchmarks.robust.catalogue import ATTACKS

_MEMORY = Path("/dev/shm")  # a folder in memory: a process that is killed loses nothing of it, and it spares the disk


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """All rounds by name, the first round of every attack first."""
    found: dict[str, Job] = {}
    most = max(attack.rounds for attack in ATTACKS.values())
    for number in range(most if arguments.rounds is None else arguments.rounds):
        for name, attack in ATTACKS.items():
            if number < attack.rounds:
                found[f"{name}-{number}"] = {"attack": name, "round": number, "count": attack.count}
    return found


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Finds the attack of a job."""
    attack = ATTACKS[job["attack"]]

    def work() -> Result:
        found = attacked(attack, job["count"], job["round"])
        return {"done": found.done, "wrong": found.wrong, "figures": found.figures, "notes": list(found.notes)}

    return work


def attacked(attack: Attack, count: int, seed: int) -> Found:
    """Makes an attack so many times, in a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="archllm-attack-", dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        return attack.run(Round(count, seed, Path(folder)))


def brief(prefixes: tuple[str, ...]) -> int:
    """Makes every attack a few times and tells how it went; the exit code."""
    bad = 0
    for name, attack in ATTACKS.items():
        if not name.startswith(prefixes) or not attack.brief:
            continue
        start = time.monotonic()
        try:
            found = attacked(attack, attack.brief, 0)
        except Unavailable as error:
            print(f"not here  {name}: {error}", flush=True)
            continue
        except Exception as error:  # noqa: BLE001 - the other attacks are still made
            print(f"BROKEN    {name}: {type(error).__name__}: {error}", flush=True)
            bad += 1
            continue
        seconds = time.monotonic() - start
        said = ", ".join(f"{what}: {times}" for what, times in found.gave_way.items())
        told = f"GAVE WAY  {name}: {said}; {'; '.join(found.notes)}" if said else f"held      {name}: {found.done}"
        print(f"{told} ({seconds:.0f} s)", flush=True)
        bad += bool(said)
    return 1 if bad else 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds how much is done."""
    parser.add_argument("--rounds", type=int, help="only so many rounds of each attack")
    parser.add_argument("--brief", action="store_true", help="a small part of each attack; writes no page")


BENCHMARK = Benchmark("robustness", __doc__, jobs, prepare, add_arguments)


def main() -> None:
    """Makes one round, or all that are missing, and writes the page; or a small part of each."""
    arguments = BENCHMARK.parse()
    if arguments.brief:
        os.environ.setdefault("ARCHLLM_DATA", str(ROOT.parent / "shared" / "data"))
        sys.exit(brief(tuple(arguments.only)))
    BENCHMARK.main()


if __name__ == "__main__":
    main()
