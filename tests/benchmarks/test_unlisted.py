"""Members that no table lists are good or not by scoring them, and searches among them tell how they went."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from benchmarks import good_members, unlisted
from benchmarks.pages import unlisted as page

import archllm
from archllm.graphs import Graphs
from archllm.spaces import SearchSpace

ABOUT = {"command": "c", "commit": "abc1234", "machine": "m", "threads": 1, "torch": "2", "date": "2026-01-01"}


@pytest.fixture(scope="module")
def grammar() -> SearchSpace:
    return archllm.load_space("conv-grammar")


def drawing(space: SearchSpace, known: int) -> Any:
    """A model that draws 40 members, so many of which it was trained on."""
    graphs = space.sample(40, np.random.default_rng(1))
    keys = space.keys(graphs)

    def draw(n: int, temperature: float, generator: object) -> tuple[None, Graphs]:
        return None, graphs

    return SimpleNamespace(space=space, training_keys=keys[:known], draw=draw)


def test_about_half_of_the_members_keep_the_limit(grammar: SearchSpace) -> None:
    members = grammar.sample(200, np.random.default_rng(7))
    assert 0.35 < good_members.within_limit(grammar)(members).mean() < 0.65


def test_new_members_within_the_limit_are_good_from_the_threshold_on(
    grammar: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(good_members, "JUDGED", 4)
    model = drawing(grammar, known=10)
    everything = good_members.truly_best(model, float("-inf"), 40)
    assert everything["new"] == 30 and everything["good"] == everything["scored"] == 4
    assert everything["share"] == everything["within"] < 1
    assert good_members.truly_best(model, float("inf"), 40)["share"] == 0


def test_what_was_trained_on_does_not_count_as_found(grammar: SearchSpace) -> None:
    told = good_members.truly_best(drawing(grammar, known=40), float("-inf"), 40)
    assert told["new"] == 0 and told["share"] is None


def test_a_search_notes_each_better_value(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHLLM_DATA", str(data_dir))
    job = {"task": "enas6-pool", "method": "random", "budget": 12, "seed": 0}
    found = unlisted.prepare(job, unlisted.BENCHMARK.parse([]))()
    values = [value for _, value in found["incumbents"]]
    assert found["queries"] == 12 and found["incumbents"][0][0] == 1
    assert values == sorted(set(values)) and values[-1] <= found["surrogate"]["optimum"]


def searched(method: str, incumbents: list[tuple[int, float]], task: str = "enas6-pool") -> dict[str, Any]:
    job = {"name": f"{task}-{method}-0", "task": task, "method": method, "budget": 200, "seed": 0}
    told = {"incumbents": incumbents, "queries": 200, "method_seconds": 30.0, "surrogate": {"optimum": 0.75}}
    return job | told | {"about": ABOUT}


def test_the_page_tells_when_learning_has_what_no_learning_has_in_the_end() -> None:
    fixed = [(1, 0.7), (150, 0.74)]
    text = page.page(
        [
            searched("sequence-plain", [(1, 0.7), (60, 0.74)]),
            searched("sequence-plain-fixed", fixed),
            searched("sequence-learned", [(1, 0.7), (199, 0.73)]),
            searched("sequence-learned-fixed", fixed),
        ]
    )
    assert "| 1 | 60 | met | 1 | ≥ 200 | missed by 100 |" in text and "plain tokens on 1, learned codes on 0" in text
    assert "| `sequence`, plain tokens | 1 | 70.00 | 74.00 | 74.00 | 15.0 |" in text


def test_what_methods_were_tried_on_does_not_judge_them() -> None:
    pair = [searched("sequence-plain", [(1, 0.9)], "conv-grammar"), searched("sequence-plain-fixed", [(9, 0.8)])]
    pair[1]["task"] = "conv-grammar"
    text = page.page(pair)
    assert "| 1 | 1 | met |" in text and "plain tokens on 0, learned codes on 0, of 0 measured and 5 in all" in text
    assert "tried on `conv-grammar`, so the target is not judged by it" in text


def test_searches_that_are_the_same_do_not_count_as_learning() -> None:
    same = [(1, 0.7), (60, 0.74)]
    text = page.page([searched("sequence-plain", same), searched("sequence-plain-fixed", same)])
    assert "| 1 | 60 | the same search | 0 | – | – |" in text
