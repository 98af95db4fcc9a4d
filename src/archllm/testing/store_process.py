"""One of several processes that share a study in the suite of stores: `python -m archllm.testing.store_process`."""

from __future__ import annotations

import json
import sys
from typing import Any

from archllm.errors import StoreError
from archllm.objectives.evaluation import Evaluation
from archllm.plugins import resolve
from archllm.spaces import load_space
from archllm.study.store import Study


def work(opener: str, url: str, budget: int, about: dict[str, Any], worker: str) -> tuple[bool, list[int]]:
    """Begins the study, or joins it, and evaluates trials until there are none; whether it began it, and which ones."""
    space = load_space("nasbench201")
    cells = space.architectures(space.enumerate()[: 2 * budget])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    created, claimed = True, []
    with resolve(opener)(url) as store:
        try:
            texts: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in about.items()}
            store.create(Study(**texts))
        except StoreError:
            created = False
        for first in range(0, len(cells), 3):
            store.add("first", cells[first : first + 3], budget)
            while (trial := store.claim("first", worker)) is not None:
                claimed.append(trial.number)
                store.beat("first", worker)
                assert store.finish("first", trial.number, Evaluation((float(trial.key), 0.0)))
    return created, claimed


if __name__ == "__main__":
    opener, url, budget, about, worker = sys.argv[1:]
    sys.stdout.write(json.dumps(work(opener, url, int(budget), json.loads(about), worker)) + "\n")
