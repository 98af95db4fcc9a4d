from __future__ import annotations

import pytest

from archllm.errors import InvalidInput, RunFolderError
from archllm.workflows.evaluate import evaluate
from archllm.workflows.sample import sample


def test_arguments_are_checked_before_the_run_is_looked_for(tmp_path):
    for wrong in ({"n": 0}, {"n": 1, "temperature": 0.0}, {"n": 1, "seed": -1}, {"n": 1, "raw": True, "novel": True}):
        with pytest.raises(InvalidInput):
            sample(run=tmp_path, **wrong)
    for wrong in ({"n": 0}, {"seeds": ()}, {"seeds": (1, 1)}, {"temperature": float("nan")}):
        with pytest.raises(InvalidInput):
            evaluate(run=tmp_path, **wrong)


def test_a_missing_run_is_told(tmp_path):
    for work in (sample, evaluate):
        with pytest.raises(RunFolderError, match="no run folder"):
            work(run=tmp_path / "none", n=1)
