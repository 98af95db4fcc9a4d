"""Comparisons from the command line to the files: complete, resumable, and refused where they can't be made."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path

import pytest

from archllm.cli import main
from archllm.errors import ArchLLMError, DataMissing, InvalidInput, RunFolderError, StoreError
from archllm.objectives.table import TableObjective
from archllm.searchers.uniform import RandomSearch
from archllm.study.store import open_store
from archllm.workflows import compare as module
from archllm.workflows.compare import compare

CELLS = range(0, 15_000, 500)


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("few.csv").write_text("arch,score\n" + "".join(f"{cell},{cell % 997}\n" for cell in CELLS))


def run(*methods: str, **options):
    settings = {"space": "nasbench201", "objective": ["table:few.csv/score"], "seeds": 2, "budget": 5, "out": "out"}
    return compare(methods=methods or ("random", "largest"), **settings | options)


def names(out: str = "out") -> list[str]:
    with open_store(f"{out}/trials.db") as store:
        return [study.name for study in store.studies()]


def test_it_writes_trials_curves_a_table_and_a_checklist():
    found = run()
    assert {path.name for path in Path("out").iterdir()} >= set(found.files.values())
    lines = list(csv.DictReader(Path("out/trials.csv").read_text().splitlines()))
    assert len(lines) == 2 * 2 * 5 and {line["method"] for line in lines} == {"random", "largest"}
    scores = [float(line["table:few.csv/score"]) for line in lines if line["method"] == "largest"]
    assert found.comparison.methods[1].final.mean == max(scores[:5])
    text = Path("out/comparison.md").read_text()
    assert "| random |" in text and "## Checklist" in text and "![Best so far against evaluations](queries.svg)" in text
    assert json.loads(Path("out/comparison.json").read_text())["optimum"] == max(cell % 997 for cell in CELLS)


def test_every_search_is_a_study_that_a_report_can_show():
    run()
    assert names() == ["random-0", "largest-0", "random-1", "largest-1"]
    assert main(["report", "out/trials.db", "--study", "largest-0"]) == 0
    assert "exact expectation" in Path("out/trials.html").read_text(encoding="utf-8")


def test_its_command_line_makes_it_again():
    found = run("random", "evolution", seeds=1, where=["params <= 2e6"], options=["evolution.population=3"])
    command = shlex.split(Path("out/comparison.md").read_text().split("`")[1])
    assert command[:2] == ["archllm", "compare"] and main([*command[1:-1], "again"]) == 0
    again = json.loads(Path("again/comparison.json").read_text())
    assert again["methods"]["evolution"]["final"] == found.to_json()["methods"]["evolution"]["final"]


def test_one_method_can_be_compared_with_itself_under_other_options():
    found = run("evolution", "small=evolution", options=["small.population=2"])
    assert [each.method for each in found.comparison.methods] == ["evolution", "small"]
    with open_store("out/trials.db") as store:
        assert store.study("small-0").settings["options"] == {"population": 2}
        assert store.study("small-0").method == "evolution"


def test_more_seeds_methods_and_evaluations_are_added_on_resuming():
    first = run(seeds=1)
    more = run("random", "largest", "local", seeds=2, budget=7, resume=True)
    assert sorted(names()) == ["largest-0", "largest-1", "local-0", "local-1", "random-0", "random-1"]
    assert all(len(each.by_query.mean) == 7 for each in more.comparison.methods)
    before, after = first.comparison.methods[0], more.comparison.methods[0]
    assert len(before.seeds) == 1 and len(after.seeds) == 2


@pytest.mark.parametrize("cheap", [True, False])
def test_an_interrupted_comparison_goes_on_and_evaluates_nothing_twice(monkeypatch, cheap):
    monkeypatch.setattr(module, "looked_up", lambda spec: cheap)
    evaluate, calls = TableObjective.evaluate, []

    def interrupt(self, arch):
        calls.append(arch.key)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return evaluate(self, arch)

    monkeypatch.setattr(TableObjective, "evaluate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(seeds=1)
    assert not Path("out/comparison.md").exists()
    kept = 5 if cheap else 7  # of cheap searches, those that are complete
    with pytest.raises(RunFolderError, match="go on with it"):
        run(seeds=1)
    run(seeds=1, resume=True)
    assert len(calls) == 8 + 10 - kept
    assert len(Path("out/trials.csv").read_text().splitlines()) == 11


def test_a_comparison_is_not_resumed_as_another_one():
    run(seeds=1)
    with pytest.raises(StoreError, match="is another search"):
        run(seeds=1, where=["params <= 1e6"], resume=True)


def test_a_comparison_with_a_list_of_options_is_resumed():
    Path("cheap.csv").write_text(Path("few.csv").read_text().replace("score", "short"))
    words = ["halving.lower_fidelity=table:cheap.csv/short"]
    first = run("halving", options=words, seeds=1, budget=3)
    again = run("halving", options=words, seeds=1, budget=3, resume=True)
    assert again.comparison.methods[0].final == first.comparison.methods[0].final


def test_a_method_that_can_not_search_here_is_left_out_and_the_others_go_on():
    Path("plain.toml").write_text('kind = "edge_dag"\nnodes = 3\nops = ["none", "keep"]\n')
    cells = ["|none~0|+|none~0|keep~1|", "|keep~0|+|none~0|none~1|", "|keep~0|+|keep~0|none~1|"]
    Path("plain.csv").write_text("arch,score\n" + "".join(f"{cell},{at}\n" for at, cell in enumerate(cells)))
    here = {"space": "plain.toml", "objective": ["table:plain.csv/score"], "budget": 2, "seeds": 1}
    told: list[str] = []
    found = run("largest", "random", **here, progress=lambda event: told.append(event.note or event.about))
    assert [each.method for each in found.comparison.methods] == ["random"]
    assert list(found.not_applicable) == ["largest"] == list(found.to_json()["not_applicable"])
    assert "**Not applicable.** largest: no network" in Path("out/comparison.md").read_text()
    assert "largest is not applicable" in told[0] and told[1:] == ["random, seed 0"] * 2
    with pytest.raises(InvalidInput, match="no method is left to compare: no network"):
        run("largest", **here | {"out": "other"})
    assert not Path("other").exists()


def test_a_budget_of_more_than_there_is_says_when_searches_end():
    told: list[str] = []
    run("random", budget=99, seeds=1, progress=lambda event: told.append(event.note))
    assert f"more than the {len(CELLS)} architectures" in told[0] and not any(told[1:])


def test_several_objectives_are_compared_by_hypervolume():
    found = run(objective=["table:few.csv/score", "params"])
    assert found.comparison.measures_volume
    assert "hypervolume; after 5 evaluations" in Path("out/comparison.md").read_text()


def test_a_search_that_exhausts_a_pool_is_complete():
    found = run(budget=99, seeds=1)
    assert {each.reached for each in found.comparison.methods} == {1}
    assert all(len(each.by_query.mean) == len(CELLS) for each in found.comparison.methods)
    run(budget=99, seeds=1, resume=True)


def test_a_search_can_end_once_it_has_found_the_best_there_is():
    whole = run("random", budget=len(CELLS), seeds=3, out="whole")
    short = run("random", budget=len(CELLS), seeds=3, until_best=True)
    for seed in range(3):
        with open_store("out/trials.db") as store:
            found = [trial.values[0] for trial in store.trials(f"random-{seed}")]
        assert found.index(max(cell % 997 for cell in CELLS)) == len(found) - 1 < len(CELLS) - 1
    assert short.comparison.methods[0].to_optimum == whole.comparison.methods[0].to_optimum
    run("random", budget=len(CELLS), seeds=3, until_best=True, resume=True)
    assert "--until-best" in Path("out/comparison.md").read_text()


@pytest.mark.parametrize(
    ("methods", "options", "error", "told"),
    [
        ((), {"methods": ()}, InvalidInput, "name the methods to compare"),
        (("randm",), {}, InvalidInput, "did you mean 'random'"),
        (("random", "random"), {}, InvalidInput, "random is to be compared twice"),
        (("a/b=random",), {}, InvalidInput, "can't be the name of a method"),
        (("sequence",), {}, InvalidInput, "needs a trained generator"),
        (("random",), {"options": ["gp.warp=x"]}, InvalidInput, r"NAME that is compared \(random\), got 'gp.warp=x'"),
        (("evolution",), {"options": ["evolution.size=3"]}, InvalidInput, "no option 'size'"),
        (("random",), {"seeds": 0}, InvalidInput, "seeds must be a whole number of at least 1"),
        (("random",), {"budget": 0}, InvalidInput, "budget must be a whole number of at least 1"),
        (("random",), {"objective": []}, InvalidInput, "at least one objective"),
        (("random",), {"objective": ["params", "params"]}, InvalidInput, "the same objective twice"),
        (("random",), {"objective": ["table:gone/x"]}, DataMissing, "there is no table"),
        (("random",), {"space": None}, InvalidInput, "needs a run folder, or a space"),
        (
            ("random",),
            {"objective": ["params", "macs"], "until_best": True},
            InvalidInput,
            "one objective is looked up",
        ),
        (("random",), {"workers": "none"}, InvalidInput, "workers must be"),
        (("random",), {"resume": True}, StoreError, "nothing to resume"),
        (("random",), {"out": "few.csv"}, RunFolderError, "is a file"),
        (("random",), {"out": "."}, RunFolderError, "exists already"),
    ],
)
def test_what_can_not_be_compared_is_named_and_leaves_nothing(methods, options, error, told):
    settings = {"space": "nasbench201", "objective": ["table:few.csv/score"], "seeds": 1, "budget": 3, "out": "out"}
    with pytest.raises(error, match=told) as caught:
        compare(**settings | {"methods": methods} | options)
    assert isinstance(caught.value, ArchLLMError) and [path.name for path in Path().iterdir()] == ["few.csv"]


def test_the_command_prints_a_table_or_a_document(capsys):
    words = ["compare", "--space", "nasbench201", "--objective", "table:few.csv/score", "--methods", "random", "local"]
    words += ["--seeds", "2", "--budget", "4"]
    assert main([*words, "--out", "a"]) == 0
    out, err = capsys.readouterr()
    assert "evaluations to the optimum" in out and "a holds trials.db" in out and "compare    16/16" in err
    assert main([*words, "--out", "b", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {"out", "space", "objectives", "budget", "seeds", "optimum", "methods", "files"} <= set(document)
    assert document["seeds"] == [0, 1] and set(document["methods"]) == {"random", "local"}
    assert main([*words, "--out", "b"]) == 1 and main([*words[:-1], "0", "--out", "c"]) == 2


def test_a_vae_is_trained_once_for_all_seeds_and_its_time_is_told(monkeypatch):
    from archllm.searchers import bayesian

    calls = []
    train = bayesian.train_vae

    def count(*arguments):
        calls.append(1)
        return train(*arguments)

    monkeypatch.setattr(bayesian, "train_vae", count)
    found = run("latent", options=["latent.steps=3", "latent.cells=30"])
    assert len(calls) == 1 and found.table.rows[0][-1] != "none"
    run("latent", options=["latent.steps=3", "latent.cells=30"], seeds=3, resume=True)
    assert len(calls) == 1


MINE = """
from archllm.searchers.uniform import RandomSearch


class MySearch(RandomSearch):
    name = "mine"
"""


def test_a_method_of_ones_own_is_compared_by_reference_or_as_a_class(capsys):
    Path("my_searches.py").write_text(MINE)
    words = ["compare", "--space", "nasbench201", "--objective", "table:few.csv/score", "--seeds", "1", "--budget", "3"]
    assert main([*words, "--methods", "random", "python:my_searches:MySearch", "--out", "out", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document["methods"]) == ["random", "MySearch"]
    with open_store("out/trials.db") as store:
        assert store.study("MySearch-0").method == "python:my_searches:MySearch"
    again = run(RandomSearch, "mine=python:my_searches:MySearch", out="again")
    assert {each.method for each in again.comparison.methods} == {"random", "mine"}
