"""The workflow of a search: what is put together, and what is refused before anything is paid for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from archllm.conditional.requirements import parse_all
from archllm.config import Settings
from archllm.errors import DataMissing, InvalidInput, StoreError
from archllm.objectives import load_objective
from archllm.searchers import registry
from archllm.workflows.options import SearchOptions
from archllm.workflows.search import constraint, kept, pool_of, search, searched_space


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def table(name: str, *cells: int) -> str:
    Path(f"{name}.csv").write_text("arch,score\n" + "".join(f"{cell},{100 - cell}\n" for cell in cells))
    return f"table:{name}.csv/score"


def run(*objectives: str, **options):
    settings = {"space": "nasbench201", "budget": 4, "method": "random", "store": "memory:"} | options
    return search(objective=objectives, **settings)


def test_the_document_keeps_its_contract(nasbench201):
    found = run("params", seed=3).to_json()
    assert {"space", "objective", "method", "seed", "best", "queries", "seconds", "trials"} <= set(found)
    assert (found["space"], found["objective"], found["method"], found["seed"]) == (
        "nasbench201",
        "params",
        "random",
        3,
    )
    assert {"text", "value", "metrics"} <= set(found["best"])
    assert all({"text", "value", "cost", "state"} <= set(trial) for trial in found["trials"])
    assert found["queries"] == len(found["trials"]) == 4
    assert found["best"]["value"] == min(trial["value"] for trial in found["trials"])
    assert nasbench201.parse(found["best"]["text"]).params == found["best"]["value"]
    json.dumps(found)


def test_only_the_best_shows_a_test_figure(data_dir, monkeypatch):
    monkeypatch.setenv("ARCHLLM_DATA", str(data_dir))
    found = run("table:nasbench201/cifar10").to_json()
    assert set(found["best"]["test"]) == {"cifar10.test@200"}
    assert "test" not in json.dumps(found["trials"])


def test_trials_stay_in_memory_unless_a_store_is_named(tmp_path):
    assert run("params", store=None).store == "memory"
    with pytest.raises(StoreError, match="nothing to resume"):
        run("params", store=None, resume=True)
    assert not list(tmp_path.iterdir())


def test_the_command_line_keeps_trials_beside_the_run_or_here():
    words = {"objective": "params", "budget": 1}
    assert kept(SearchOptions(space="nasbench201", **words)).store == "search-nasbench201.db"
    assert kept(SearchOptions(run="runs/mine", **words)).store == Path("runs/mine/search.db")
    assert kept(SearchOptions(run="runs/mine", store="a.db", **words)).store == "a.db"


def test_a_search_that_is_there_goes_on_only_when_asked():
    first = run("params", store="a.db")
    with pytest.raises(StoreError, match=r"study 'random-params-0' in a\.db already; go on with it"):
        run("params", store="a.db")
    again = run("params", store="a.db", resume=True, budget=6)
    assert again.trials[:4] == first.trials and again.queries == 6


def test_searches_of_other_seeds_and_names_share_a_store():
    run("params", store="a.db")
    run("params", store="a.db", seed=1)
    assert run("macs", store="a.db", study="sizes").study.name == "sizes"


def test_there_must_be_something_to_resume(tmp_path):
    with pytest.raises(StoreError, match=r"nothing to resume: there is no store a\.db"):
        run("params", store="a.db", resume=True)
    assert not list(tmp_path.iterdir())
    run("params", store="a.db")
    with pytest.raises(
        StoreError, match=r"no study 'random-params-1' in a\.db; it holds random-params-0; .*seed is 0, asked for 1"
    ):
        run("params", store="a.db", seed=1, resume=True)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"space": "darts"}, "space is 'nasbench201', asked for 'darts'"),
        ({"objective": ["macs"]}, "objective is 'minimise params', asked for 'minimise macs'"),
        ({"objective": ["maximise:params"]}, "asked for 'maximise maximise:params'"),
        ({"where": ["params <= 1e6"]}, "where is None, asked for"),
        ({"method": "evolution"}, "method is 'random', asked for 'evolution'"),
        ({"method": "evolution", "options": ["tournament=9"]}, "asked for {'tournament': 9}"),
    ],
)
def test_a_search_is_not_resumed_as_another_one(change, told):
    run("params", store="a.db", study="s")
    with pytest.raises(StoreError, match=told):
        run(*change.pop("objective", ["params"]), **({"store": "a.db", "study": "s", "resume": True} | change))


def test_requirements_narrow_what_may_be_asked_for(nasbench201):
    graphs = nasbench201.enumerate()
    wanted = (nasbench201.networks.params(graphs) <= 1e5) & (nasbench201.networks.macs(graphs) > 1e6)
    allowed = constraint(nasbench201, parse_all(["params <= 1e5", "macs > 1e6"]))
    assert 0 < wanted.sum() < len(graphs) and np.array_equal(allowed(graphs), wanted)


def test_requirements_are_on_what_is_known_beforehand(nasbench201):
    assert constraint(nasbench201, {}) is None
    with pytest.raises(InvalidInput, match=r"known beforehand \(params, macs, .*\), got 'cifar10'"):
        constraint(nasbench201, parse_all(["cifar10 >= 94"]))
    with pytest.raises(InvalidInput, match="can't read the requirement"):
        run("params", where=["small"])


def test_what_an_evaluation_tells_is_a_second_objective_and_no_requirement():
    Path("two.csv").write_text("arch,score,latency_ms\n1,5.0,2.0\n2,6.0,9.0\n")
    with pytest.raises(InvalidInput, match="second objective, --objective table:two"):
        run("table:two.csv/score", where=["latency_ms <= 5"])
    front = run("table:two.csv/score", "table:two.csv/latency_ms", budget=2).front
    assert [trial.values for trial in front if trial.values[1] <= 5] == [(5.0, 2.0)]


def test_the_pool_is_what_every_objective_has_a_score_of(nasbench201):
    few, more = (load_objective(table(*each), nasbench201) for each in (("few", 1, 2, 3), ("more", 2, 3, 4, 5)))
    size = load_objective("params", nasbench201)
    assert pool_of([size]) is None
    assert sorted(nasbench201.keys(pool_of([size, few])).tolist()) == [1, 2, 3]
    assert sorted(nasbench201.keys(pool_of([more, size, few])).tolist()) == [2, 3]
    with pytest.raises(InvalidInput, match="no architecture has a score of each of"):
        pool_of([few, load_objective(table("other", 9), nasbench201)])


def test_a_table_of_the_whole_space_leaves_the_space_as_it_is(nasbench201, data_dir, monkeypatch):
    monkeypatch.setenv("ARCHLLM_DATA", str(data_dir))
    assert load_objective("table:nasbench201/cifar10", nasbench201).pool() is None


def test_options_of_the_method_are_read_by_their_type():
    for options in (["population=2"], {"population": 2}):
        assert run("params", method="evolution", options=options).study.settings["options"] == {"population": 2}
    for words, told in (
        (["population=two"], "must be a whole number"),
        (["population=1"], "population must be a whole number of at least 2"),
        (["population"], "KEY=VALUE"),
        (["populatoin=3"], "did you mean 'population'"),
    ):
        with pytest.raises(InvalidInput, match=told):
            run("params", method="evolution", options=words)


@dataclass(frozen=True)
class RunOptions(Settings):
    run: str


def test_a_method_that_uses_a_generator_needs_a_run(monkeypatch):
    monkeypatch.setattr(registry, "searcher_options", lambda name: RunOptions)
    with pytest.raises(InvalidInput, match="method random needs a trained generator"):
        run("params")


def test_requirements_hold_for_every_trial(nasbench201):
    found = run("params", where=["params in [1e5, 2e5]"], budget=10)
    assert all(1e5 <= trial.values[0] <= 2e5 for trial in found.trials)


def test_a_search_of_a_closed_pool_ends_with_it():
    assert run(table("few", 1, 2, 3), budget=50).queries == 3


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"budget": 0}, "budget must be a whole number of at least 1"),
        ({"seed": -1}, "seed"),
        ({"space": None}, "a search needs a run folder, or a space"),
        ({"space": "nasbench20"}, "did you mean 'nasbench201'"),
        ({"method": "clairvoyance"}, "there is no searcher 'clairvoyance'"),
        ({"workers": "none"}, "workers must be"),
        ({"time_limit": 0.0, "objective": ["command:true"]}, "time_limit must be a number above 0"),
        ({"objective": []}, "at least one objective"),
        ({"objective": ["params", "params"]}, "the same objective twice"),
        ({"objective": ["parms"]}, "unknown objective 'parms'"),
        ({"store": "mysql://localhost/x"}, "PostgreSQL"),
        ({"method": "sequence"}, "method sequence needs a trained generator"),
        (
            {"method": "sequence", "options": ["run=x", "lower_fidelity=macs,params"]},
            "lower_fidelity=params is the objective",
        ),
    ],
)
def test_what_can_not_be_used_is_refused_and_leaves_nothing_behind(tmp_path, options, told):
    with pytest.raises(InvalidInput, match=told):
        run(*options.pop("objective", ["params"]), **({"store": "a.db"} | options))
    assert not list(tmp_path.iterdir())


def test_missing_data_is_told_before_anything_is_stored(tmp_path):
    with pytest.raises(DataMissing):
        run("table:nowhere/score", store="a.db")
    assert not list(tmp_path.iterdir())


def test_a_run_and_a_space_must_agree(tmp_path):
    from archllm.generation.config import TrainConfig
    from archllm.generation.run_folder import RunInfo, write_info

    write_info(tmp_path, RunInfo("nasbench101", 0, TrainConfig()))
    assert searched_space(tmp_path, None).name == searched_space(tmp_path, "nasbench101").name == "nasbench101"
    with pytest.raises(InvalidInput, match="is a run of nasbench101"):
        searched_space(tmp_path, "darts")
