"""Comparisons: the figures of a few searches whose outcome is known."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from archllm.errors import InvalidInput
from archllm.objectives.evaluation import Evaluation, LowerFidelity
from archllm.reporting.checklist import Setup, markdown, page
from archllm.reporting.comparing import Comparison, Search, compare, write_trials
from archllm.reporting.comparison_figures import curves_by_query, curves_by_second
from archllm.reporting.comparison_tables import ranks, table
from archllm.reporting.searching import Population
from archllm.study.store import Trial

POPULATION = Population(np.array([[value] for value in range(11)], dtype=np.float64), "all")
SETUP = Setup(
    "s", "archllm compare", {"a": "gp"}, False, {}, True, False, [], "here", "a machine", {"archllm": "1"}, "today"
)


def search(method: str, seed: int, *values: float | tuple[float, ...] | None, cost: float = 0.0) -> Search:
    trials = []
    for number, each in enumerate(values):
        found = (each,) if isinstance(each, float | int) else each
        test = {} if found is None else {"d.test@9": found[0] - 1}
        state = "failed" if found is None else "complete"
        trials.append(
            Trial(
                number,
                f"cell {number}",
                number,
                state,
                Evaluation(found, test=test, cost=cost),
                place=number + 1,
                finished=9.0,
            )
        )
    return Search(method, seed, tuple(trials))


def with_lower(trial: Trial, *lower: LowerFidelity) -> Trial:
    return replace(trial, evaluation=replace(trial.evaluation, lower_fidelity=lower))


def compared(*searches: Search, directions: tuple[str, ...] = ("maximise",), population=None) -> Comparison:
    goals = ["goal", "other", "third", "fourth"][: len(directions)]
    return compare(searches, goals, directions, 3, population)


def test_the_last_incumbents_are_averaged_over_seeds():
    (found,) = compared(search("a", 0, 1, 5, 3), search("a", 1, 2, 2, 9)).methods
    assert (found.final.mean, found.final.std) == (7.0, pytest.approx(np.std([5, 9], ddof=1)))
    assert found.by_query.mean.tolist() == [1.5, 3.5, 7.0] and found.seeds == (0, 1)


def test_the_test_figure_is_that_of_what_validation_chose():
    (found,) = compared(search("a", 0, 1, 5, 3), search("a", 1, 2, 2, 9)).methods
    assert found.test["d.test@9"].mean == 6.0


def test_queries_to_the_optimum_count_the_budget_where_it_is_not_found():
    found = compared(search("a", 0, 1, 10, 3), search("a", 1, 2, 2, 9), population=POPULATION)
    (each,) = found.methods
    assert (each.to_optimum.mean, each.reached) == (2.5, 1)
    assert found.optimum == 10.0 and found.random.mean[-1] == pytest.approx(8.0)  # of 3 of 1 … 11: 3/4 of 12
    (row,) = table(found, {}).rows
    assert "≥ 2.5" in row[3] and row[4] == "1 of 2"


def test_where_less_is_better_nothing_else_changes():
    turned = Population(-POPULATION.values, "all")
    found = compared(search("a", 0, 7, 0, 9), directions=("minimise",), population=turned)
    (each,) = found.methods
    assert each.by_query.mean.tolist() == [7.0, 0.0, 0.0] and each.to_optimum.mean == 2.0
    assert found.optimum == 0.0 and found.random.mean[-1] == pytest.approx(2.0)
    assert each.test["d.test@9"].mean == -1.0


def test_curves_over_seconds_end_with_the_quickest_search():
    (found,) = compared(search("a", 0, 1, 5, 3, cost=10.0), search("a", 1, 2, 2, 9, cost=1.0)).methods
    moments, curve = found.by_second
    assert moments[-1] == 3.0 and np.isnan(curve.mean).all()  # the slow one has not found anything by then
    assert found.cost == 16.5
    (found,) = compared(search("a", 0, 1, 5, 3, cost=2.0), search("a", 1, 2, 2, 9, cost=4.0)).methods
    moments, curve = found.by_second
    assert moments[-1] == 6.0 and curve.mean[-1] == (5 + 2) / 2


def test_lower_fidelity_evaluations_count_as_seconds():
    plain = search("a", 0, 1, 5, 3, cost=2.0)
    trials = list(plain.trials)
    trials[1] = with_lower(trials[1], LowerFidelity(1, "cheap", 0.5, 4.0), LowerFidelity(2, "cheap", 0.5, 2.0))
    found = compared(Search("a", 0, tuple(trials)))
    (each,) = found.methods
    moments, curve = each.by_second
    assert each.cost == 12.0 and each.lower_fidelity_cost == 6.0 and moments[-1] == 12.0
    assert (curve.mean[(moments > 2) & (moments < 9.9)] == 1).all()  # the second came 2 + 6 seconds after the first
    assert (curve.mean[(moments > 10) & (moments < 12)] == 5).all()
    assert "of the cost, lower-fidelity evaluations: a 6 s" in table(found, {}).notes


def test_lower_fidelity_evaluations_without_a_recorded_cost_are_named_and_not_ticked():
    plain = search("a", 0, 1, 5, 3, cost=2.0)
    trials = [with_lower(trial, LowerFidelity(1, "table:t/x@12", 0.5, None)) for trial in plain.trials]
    found = compared(Search("a", 0, tuple(trials)))
    assert "a: no cost is recorded for table:t/x@12; it counts as 0" in table(found, {}).notes
    assert found.to_json()["methods"]["a"]["without_cost"] == ["table:t/x@12"]
    text = page(found, SETUP, table(found, {}), {"trials": "t.csv", "store": "t.db", "queries": "q.svg"})
    assert "- [ ] **Cost of the evaluations of one search.** a 6 s; no cost is recorded for" in text


def test_searches_that_cost_nothing_have_no_curve_over_seconds(tmp_path: Path):
    found = compared(search("a", 0, 1, 5, 3), search("b", 0, 1, 5, 3, cost=1.0))
    assert found.methods[0].by_second is None
    assert curves_by_second(tmp_path / "x.svg", found) is None and not (tmp_path / "x.svg").exists()


def test_failures_are_counted_and_a_search_without_a_score_has_no_figure():
    found = compared(search("a", 0, None, 5, 3), search("b", 0, None, None))
    assert [each.failed for each in found.methods] == [1, 2]
    assert found.methods[1].final is None and found.methods[1].test == {}
    assert "failed evaluations: a 1, b 2" in table(found, {}).notes
    assert table(found, {}).rows[1][1] == "–"


def test_several_objectives_share_the_box_of_all_of_their_points():
    both = ("maximise", "minimise")
    found = compared(search("a", 0, (0.0, 4.0), (1.0, 2.0)), search("b", 0, (2.0, 0.0)), directions=both)
    assert found.measures_volume and found.box.best == (2.0, 0.0) and found.box.worst == (0.0, -4.0)
    assert [each.final.mean for each in found.methods] == [0.25, 1.0]
    assert not found.methods[0].test and found.optimum is None and found.to_json()["hypervolume"]


@pytest.mark.parametrize("searches", [(), (search("a", 0),)])
def test_what_has_not_begun_can_not_be_compared(searches):
    with pytest.raises(InvalidInput):
        compared(*searches)


def test_every_trial_is_a_line(tmp_path: Path):
    searches = [search("a", 0, 1, None, cost=2.0), search("b", 3, 7)]
    write_trials(tmp_path / "t.csv", searches, ["goal, with a comma"])
    lines = list(csv.DictReader((tmp_path / "t.csv").read_text().splitlines()))
    assert [(line["method"], line["seed"], line["order"]) for line in lines] == [
        ("a", "0", "1"),
        ("a", "0", "2"),
        ("b", "3", "1"),
    ]
    assert [line["goal, with a comma"] for line in lines] == ["1", "", "7"]
    assert lines[1]["seconds so far"] == "4.0" and lines[2]["d.test@9"] == "6"


def test_the_curves_are_drawn_whatever_an_objective_is_called(tmp_path: Path):
    found = compare([search("a", 0, 1, 2, cost=1.0)], ["command:echo $x_{ $"], ["maximise"], 2, POPULATION)
    assert curves_by_query(tmp_path / "q.svg", found).stat().st_size
    assert curves_by_second(tmp_path / "s.svg", found).stat().st_size


def test_the_page_escapes_what_comes_from_outside_and_ticks_only_what_holds():
    hostile = "command:a|b <img> `x` *y*\n# z"
    found = compare([search("a", 0, 1, 2)], [hostile], ["maximise"], 2)
    text = page(found, SETUP, table(found, {}), {"trials": "t.csv", "store": "t.db", "queries": "q.svg"})
    assert "<img>" not in text and "\n# z" not in text
    head = next(line for line in text.splitlines() if line.startswith("| method"))
    assert r"a\|b" in head
    assert "- [ ] **Random search to compare with.** Missing." in text
    assert "- [ ] **Cost of the evaluations of one search.** Not known" in text
    assert "few, so small differences mean nothing" in text and "no standard deviation is known" in text
    assert len({line.replace(r"\|", "").count("|") for line in markdown(table(found, {})).splitlines()}) == 1


def test_equal_ends_share_a_rank_and_the_least_is_first_where_less_is_better():
    searches = [search(name, 0, 9, end) for name, end in (("a", 1), ("b", 5), ("c", 5), ("d", 7))]
    assert {name: place.mean for name, place in ranks(searches, ["minimise"], None).items()} == {
        "a": 1.0,
        "b": 2.5,
        "c": 2.5,
        "d": 4.0,
    }


@given(st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=1, max_size=5))
def test_ranks_are_those_of_scipy(ends):
    searches = [search(name, seed, end) for seed, row in enumerate(ends) for name, end in zip("abc", row, strict=True)]
    expected = rankdata(-np.array(ends), axis=1)
    found = ranks(searches, ["maximise"], None)
    assert [found[name].mean for name in "abc"] == pytest.approx(expected.mean(0))
    assert sum(place.mean for place in found.values()) == pytest.approx(6.0)


def test_a_method_without_any_value_comes_last_and_seeds_that_not_all_have_are_left_out():
    searches = [search("a", 0, None), search("b", 0, 1), search("b", 1, 2)]
    assert {name: place.mean for name, place in ranks(searches, ["maximise"], None).items()} == {"a": 2.0, "b": 1.0}
    assert ranks([*searches[1:], search("a", 2, 1)], ["maximise"], None) == {}


def test_the_best_there_is_may_be_known_where_the_rest_is_not():
    found = compare([search("a", 0, 7, 3)], ["goal"], ["minimise"], 2, best=3.0)
    assert (found.optimum, found.methods[0].reached, found.random) == (3.0, 1, None)
    assert compare([search("a", 0, 7)], ["goal"], ["maximise"], 1, POPULATION, best=99.0).optimum == 10.0
