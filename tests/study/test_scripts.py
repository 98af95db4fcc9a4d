"""Functions and classes that only a script has, evaluated in other processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import archllm

FACTOR = 2.0

def doubled(arch):
    return arch.params * FACTOR

def score(arch):
    return doubled(arch)

class Doubled(archllm.Objective):
    spec, direction = "doubled", "minimise"

    def __init__(self, space):
        self.space = space

    def _evaluate(self, arch):
        return archllm.Evaluation(doubled(arch))

if __name__ == "__main__":
    for objective in (score, lambda arch: doubled(arch), Doubled):
        found = archllm.search(
            space="nasbench201", objective=objective, workers=2, budget=3, method="random", progress=False
        )
        space = archllm.load_space("nasbench201")
        print(all(each.values == (FACTOR * space.parse(each.text).params,) for each in found.trials), found.queries)
"""


@pytest.mark.slow
def test_what_a_script_defines_is_sent_to_other_processes(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SCRIPT)
    done = subprocess.run([sys.executable, "mine.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["True 3"] * 3, done.stderr
