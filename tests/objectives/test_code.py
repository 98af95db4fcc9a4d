"""The fingerprint of a function follows what it computes, as far as its module says."""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from archllm.objectives.callable import CallableObjective
from archllm.objectives.code import code_fingerprint

MINE = """
import math

from numpy import log1p

EPOCHS = 20
UNRELATED = 1


def helper(arch):
    return math.sqrt(len(arch.text)) + log1p(1)


class Scale:
    factor = 2.0

    def __call__(self, arch):
        return self.factor * helper(arch)


def score(arch, share=0.5):
    "Scores it."
    # more epochs are better
    return EPOCHS * share * helper(arch) + (lambda x: x + 1)(0) + Scale()(arch)


scale = Scale()
calls = []


def counting(arch):
    calls.append(arch)
    return 1.0


def by(factor):
    return lambda arch: factor * helper(arch)


double, triple = by(2), by(3)
listed = by([2])


class Awkward:
    def __getattr__(self, name):
        raise RuntimeError(name)


awkward = by(Awkward())
"""


def module(text: str, folder: Path) -> ModuleType:
    path = folder / "mine_to_print.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("mine_to_print", path)
    found = importlib.util.module_from_spec(spec)
    sys.modules["mine_to_print"] = found
    exec(compile(text, str(path), "exec"), vars(found))  # noqa: S102 - our own text, without the cache of compiled files
    return found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("EPOCHS = 20", "EPOCHS = 30"),
        ("math.sqrt", "math.log"),
        ("share=0.5", "share=0.6"),
        ("x + 1", "x + 2"),
        ("factor = 2.0", "factor = 3.0"),
        ("self.factor *", "self.factor +"),
    ],
)
def test_what_changes_the_score_changes_it(tmp_path, old, new):
    before = code_fingerprint(module(MINE, tmp_path).score)
    after = code_fingerprint(module(MINE.replace(old, new), tmp_path).score)
    assert before[1] and after[1] and before != after


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# more epochs are better\n", "# fewer\n\n\n"),
        ("UNRELATED = 1", "UNRELATED = 2"),
        ('"Scores it."', '"Scores an architecture."'),
        ("\nimport math\n", "\n\n\n\nimport math\nimport json\n"),
    ],
)
def test_what_changes_nothing_does_not(tmp_path, old, new):
    assert old in MINE
    before = code_fingerprint(module(MINE, tmp_path).score)
    assert before == code_fingerprint(module(MINE.replace(old, new), tmp_path).score)


def test_captured_values_count(tmp_path):
    mine = module(MINE, tmp_path)
    assert code_fingerprint(mine.double) != code_fingerprint(mine.triple)
    assert code_fingerprint(mine.double) == code_fingerprint(mine.by(2))
    assert code_fingerprint(functools.partial(mine.score, share=1.0)) != code_fingerprint(mine.score)


def test_what_can_change_or_has_no_plain_value_is_not_told(tmp_path):
    mine = module(MINE, tmp_path)
    assert code_fingerprint(mine.scale)[1] and code_fingerprint(mine.score)[1]
    assert not code_fingerprint(mine.counting)[1] and not code_fingerprint(mine.listed)[1]
    assert not code_fingerprint(mine.awkward)[1]
    before = code_fingerprint(mine.counting)
    mine.calls.append(1)
    assert code_fingerprint(mine.counting) == before  # what it does to itself is no other function


def test_two_functions_that_can_not_be_told_apart_never_share_scores(nasbench201, tmp_path):
    mine = module(MINE, tmp_path)
    one, other = (CallableObjective(nasbench201, mine.by([factor]), name="by") for factor in (2, 3))
    assert one.identity.differences(other.identity) == [] and one.identity.digest != other.identity.digest
    assert one.identity == one.identity
    same, again = (CallableObjective(nasbench201, mine.double) for _ in range(2))
    assert same.identity == again.identity


def test_a_function_that_names_itself_comes_to_an_end(tmp_path):
    text = MINE + "\n\ndef deep(arch, n=3):\n    return deep(arch, n - 1) if n else helper(arch)\n"
    assert code_fingerprint(module(text, tmp_path).deep)[1]
