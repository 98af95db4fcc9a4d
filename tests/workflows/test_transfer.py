"""`--transfer`: scores of other tables and searches, what is refused, and what a comparison says of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from archllm.cli import main
from archllm.errors import DataMissing, InvalidInput, StoreError
from archllm.predictor.knowledge import Knowledge, Source
from archllm.searchers.domain import Domain
from archllm.searchers.registry import build_searcher
from archllm.spaces import load_space
from archllm.study.store import open_store
from archllm.workflows.compare import compare
from archllm.workflows.search import search

SPACE = load_space("transnasbench")
CELLS = SPACE.enumerate()[::40]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    scores = (CELLS.ops == 4).sum(1) + 0.3 * rng.standard_normal(len(CELLS))
    columns = {"goal": scores, "near": scores + 0.1 * rng.standard_normal(len(CELLS)), "far": -scores}
    columns["holes"] = np.where(np.arange(len(CELLS)) % 2, scores, np.nan)
    lines = [f"{text},{','.join('' if np.isnan(c[k]) else repr(float(c[k])) for c in columns.values())}"
             for k, text in enumerate(SPACE.format(CELLS))]  # fmt: skip
    Path("t.csv").write_text(f"arch,{','.join(columns)}\n" + "\n".join(lines) + "\n")


def find(*transfer, **options):
    settings = {"space": "transnasbench", "objective": "table:t.csv/goal", "budget": 6, "method": "gp"}
    return search(transfer=transfer, progress=False, **settings | {"options": ["initial=3"]} | options)


def best(found) -> float:
    return max(trial.values[0] for trial in found.trials)


def test_the_best_of_another_table_come_first_and_a_plain_search_joins_in() -> None:
    found = find("table:t.csv/near")
    goal, values = np.loadtxt("t.csv", delimiter=",", skiprows=1, usecols=(1, 2), unpack=True)
    near = dict(zip(SPACE.format(CELLS), values, strict=True))
    top = sorted(near, key=near.get, reverse=True)[:12]
    assert [trial.text in top for trial in found.trials[:3]] == [True, True, False]
    assert best(found) >= np.quantile(goal, 0.95)  # a search without it may be luckier, on some machine


def test_several_sources_and_gaps_are_taken_and_a_misleading_one_stops_nothing() -> None:
    assert find("table:t.csv/holes", "table:t.csv/far").queries == 6
    assert best(find("table:t.csv/far", budget=25)) >= np.quantile([best(find(budget=25, seed=s)) for s in (1, 2)], 0)


def test_the_design_gives_a_source_up_whose_best_are_worse_than_others() -> None:
    good, bad = ({t.text for t in find(source, budget=9, options=["initial=9"]).trials} for source in
                 ("table:t.csv/near", "table:t.csv/far"))  # fmt: skip
    goal = dict(zip(SPACE.format(CELLS), np.loadtxt("t.csv", delimiter=",", skiprows=1, usecols=1), strict=True))
    order = sorted(goal, key=goal.get)
    assert len(good & set(order[-12:])) >= 5  # two in three, of what the source puts first
    assert len(bad & set(order[:12])) <= 4  # two, and of the others what chance brings


def test_an_earlier_search_is_a_source_and_none_of_itself() -> None:
    find(store="old.db", study="first", budget=12, method="random", options=[])
    assert find("old.db#first").queries == 6
    with pytest.raises(InvalidInput, match="this search itself"):
        find("old.db#first", store="old.db", study="first", resume=True)
    with pytest.raises(StoreError):
        find("old.db#second")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("table:t.csv/goal", "is what is searched for"),
        ("near", "a source is written"),
        ("#first", "a source is written"),
    ],
)
def test_what_is_no_source_is_refused(source: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        find(source)


def test_tables_that_are_missing_small_or_the_same_are_refused() -> None:
    with pytest.raises(DataMissing):
        find("table:none.csv/score")
    Path("one.csv").write_text(f"arch,score\n{SPACE.format(CELLS)[0]},1.0\n")
    with pytest.raises(InvalidInput, match=r"has 1 finite score"):
        find("table:one.csv/score")
    with pytest.raises(InvalidInput, match="same"):
        find("table:t.csv/near", "table:t.csv/near")


def test_a_table_of_another_space_is_used_where_operations_mean_the_same() -> None:
    other = load_space("nasbench201")
    cells = other.sample(30, np.random.default_rng(0))
    lines = [f"{text},{int((row == 4).sum())}" for text, row in zip(other.format(cells), cells.ops, strict=True)]
    Path("other.csv").write_text("arch,score\n" + "\n".join(lines) + "\n")
    assert find("table:other.csv/score").queries == 6


def test_a_resumed_search_must_know_the_same() -> None:
    find("table:t.csv/near", store="s.db", study="one", budget=4)
    assert find("table:t.csv/near", store="s.db", study="one", resume=True).queries == 6
    with pytest.raises(StoreError, match="transfer"):
        find("table:t.csv/far", store="s.db", study="one", resume=True)


def test_methods_that_can_not_use_it_say_so() -> None:
    with pytest.raises(InvalidInput, match="method local can't use"):
        find("table:t.csv/near", method="local")
    searcher = build_searcher("gp", Domain(SPACE, CELLS), 0)
    searcher.ask()
    source = Source("some", SPACE, CELLS, np.arange(float(len(CELLS))))
    with pytest.raises(InvalidInput, match="before anything is asked"):
        searcher.use(Knowledge(SPACE, [source]))


def test_a_comparison_says_what_was_known_before() -> None:
    Path("c.toml").write_text(
        'space = "transnasbench"\nobjective = ["table:t.csv/goal"]\nmethods = ["gp", "told=gp", "random"]\nseeds = 1\n'
        'budget = 5\nout = "out"\ntransfer = ["told=table:t.csv/near"]\n'
    )
    assert main(["compare", "--config", "c.toml"]) == 0
    document = json.loads(Path("out/comparison.json").read_text())
    assert [len(document["transfer"][name]) for name in ("gp", "told", "random")] == [0, 1, 0]
    assert document["transfer"]["told"][0] == {
        "source": "table:t.csv/near",
        "space": "transnasbench",
        "scores": len(CELLS),
        "seconds": None,
    }
    assert f"{len(CELLS):,} scores of table:t.csv/near" in Path("out/comparison.md").read_text()
    with pytest.raises(InvalidInput, match="random can't use"):
        compare(
            space="transnasbench", objective=["table:t.csv/goal"], methods=["gp", "random"], seeds=1, budget=5,
            out="no", transfer=["random=table:t.csv/near"],
        )  # fmt: skip


def test_the_shipped_prior_is_an_option_told_and_part_of_what_is_resumed(tmp_path) -> None:
    plain, informed = find(), find(options=["initial=3", "prior=shipped"], store="p.db", study="p")
    assert [trial.text for trial in plain.trials] != [trial.text for trial in informed.trials]
    with open_store("p.db") as store:
        assert set(store.study("p").settings) >= {"options", "prior"}
    both = find("table:t.csv/near", options=["initial=3", "prior=shipped"])
    assert both.queries == 6
    compare(
        space="transnasbench", objective="table:t.csv/goal", methods=["gp", "random"], seeds=1, budget=5,
        out=tmp_path / "o", options=["gp.prior=shipped"], progress=False,
    )  # fmt: skip
    told = json.loads((tmp_path / "o" / "comparison.json").read_text())["transfer"]["gp"]
    assert told[0]["space"] == "nasbench101, nasbench201" and told[0]["scores"] == 45_626


def test_who_cannot_use_the_prior_says_so() -> None:
    with pytest.raises(InvalidInput, match="can't use scores of other tasks"):
        find(method="ensemble", options=["prior=shipped"])
    with pytest.raises(InvalidInput, match="known what their operations do"):
        find(space="nasbench-macro", objective="params", options=["prior=shipped"])
