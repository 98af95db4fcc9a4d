"""Reports: what they are made of, what they say, and that nothing in a store can speak for itself in a page."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from archllm.cli import main
from archllm.errors import InvalidInput, RunFolderError, StoreError
from archllm.generation.config import TrainConfig
from archllm.objectives.evaluation import Evaluation
from archllm.reporting.page import export_commands, export_python
from archllm.spaces import SearchSpace, load_space
from archllm.spaces.registry import space_of_text
from archllm.study.kept_space import kept_of
from archllm.study.store import Study, open_store
from archllm.study.store.base import DEFINITION, SPACE_FILE
from archllm.tokenizer.config import TokenizerConfig
from archllm.workflows.report import report
from archllm.workflows.search import search
from archllm.workflows.train import train

HOSTILE = '</script><script>alert("1")</script><img src=x onerror=alert(2)> & \'"'
CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A hardly trained generator."""
    from archllm.prior.config import PriorConfig

    folder = tmp_path_factory.mktemp("runs") / "tiny"
    config = TrainConfig(
        tokenizer=TokenizerConfig(steps=60, batch=128, width=32, codebook_size=128), prior=PriorConfig(kind="marginal")
    )
    train("nasbench201", config, 0, out=folder)
    return folder


def searched(*objectives: str, store: str = "a.db", **options):
    settings = {"space": "nasbench201", "budget": 8, "method": "random"} | options
    return search(objective=objectives or ["params"], store=store, **settings)


def stored(name: str, *found: Evaluation, space: str = "nasbench201", store: str = "a.db", **study) -> None:
    """A study with these evaluations, the best cells first by index."""
    about = {"objectives": ("train:digits",), "directions": ("maximise",), "method": "gp", "seed": 0} | study
    home = load_space(space)
    with open_store(store) as opened:
        opened.create(Study(name, home.name, **about))
        opened.add(name, home.architectures(home.enumerate()[list(range(len(found)))]), len(found))
        for number, evaluation in enumerate(found):
            opened.claim(name, "me")
            opened.finish(name, number, evaluation)


def text_of(path: Path) -> str:
    """What a reader sees, on one line."""
    page = re.sub(r"<(style|script)>.*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<wbr>|<[^>]+>", lambda tag: "" if tag[0] == "<wbr>" else " ", page)).split())


def test_a_store_gives_a_page_beside_it():
    found = searched("params", store="mine.db")
    done = report("mine.db")
    assert done.path == Path("mine.html") and done.generator is None
    told = text_of(done.path)
    assert "Search of nasbench201" in told and "random-params-0" in told and found.best.text in told
    assert told.count("evaluation ") >= 6  # best cells
    assert f"evaluation {found.best.place}, trial {found.best.number}" in told  # an export takes the number


def test_it_needs_nothing_else_and_lets_no_foreign_script_run():
    searched()
    page = report("a.db").path.read_text(encoding="utf-8")
    links = set(re.findall(r"https?://[^\s\"'<>]+", page))
    assert links <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(link|img|iframe|object|embed|base)\b|@import|url\(", page)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    assert "default-src 'none'" in policy and re.search(r"script-src 'sha256-[\w+/=]+';", policy)


def test_names_and_reasons_are_only_ever_text():
    stored(
        HOSTILE, Evaluation((0.5,), {HOSTILE: 1.0}, {HOSTILE: 0.4}), Evaluation(None, failure=HOSTILE), method=HOSTILE
    )
    stored(
        "second",
        Evaluation((1.0, 2.0)),
        Evaluation((2.0, 1.0)),
        objectives=(HOSTILE, "b"),
        directions=("maximise",) * 2,
    )
    for study in (HOSTILE, "second"):
        path = report("a.db", study=study, out=f"{len(study)}.html").path
        page = path.read_text(encoding="utf-8")
        assert "<img" not in page and page.count("<script") == 1 and page.count("</script>") == 1
        assert "alert" in text_of(path)


def test_random_search_on_a_table_is_exact_and_the_best_there_is_is_named(data_dir, monkeypatch):
    monkeypatch.setenv("ARCHLLM_DATA", str(data_dir))
    searched("table:nasbench201/cifar10")
    done = report("a.db")
    told = text_of(done.path)
    assert "exact expectation for draws among 15,625 architectures" in told
    assert "optimum 91.6067" in told
    assert told.count("test accuracy on cifar10 after 200 epochs, %") == 1  # that of the best alone


def test_requirements_narrow_what_random_search_draws_from(data_dir, monkeypatch, nasbench201: SearchSpace):
    monkeypatch.setenv("ARCHLLM_DATA", str(data_dir))
    searched("table:nasbench201/cifar10", where=["params <= 1e5"])
    few = int((nasbench201.networks.params(nasbench201.enumerate()) <= 1e5).sum())
    told = text_of(report("a.db").path)
    assert f"draws among {few:,} architectures" in told and "params ≤ 100,000" in told


def test_where_scores_are_measured_a_random_search_of_the_store_is_shown_or_none():
    found = [Evaluation((value,), cost=2.0) for value in (0.5, 0.7, 0.6)]
    stored("gp-0", *found)
    told = text_of(report("a.db").path)
    assert "There is no curve of random search: the store holds no random search" in told
    stored("random-0", *found, method="random")
    stored("other-0", *found, method="random", objectives=("train:faces",))
    done = report("a.db")
    assert done.search.study.name == "gp-0" and done.search.random.how == "as in random-0 of the same store"
    told = text_of(done.path)
    assert "cost of evaluations 6 s" in told and "0.7 one search" in told and "quartiles" not in told
    stored("random-1", Evaluation((0.4,)), method="random")
    assert "as in random-0, random-1 of the same store" in (told := text_of(report("a.db", study="gp-0").path))
    assert "its quartiles" in told


def test_a_table_that_is_gone_is_told_and_the_page_is_written():
    stored("gp-0", Evaluation((0.5,)), objectives=("table:gone.csv/score",))
    told = text_of(report("a.db").path)
    assert "There is no curve of random search: its table can't be read here (there is no table gone.csv)" in told


def test_several_objectives_show_the_front_and_its_volume(data_dir, monkeypatch):
    monkeypatch.setenv("ARCHLLM_DATA", str(data_dir))
    found = searched("table:nasbench201/cifar10", "params", budget=20)
    told = text_of(report("a.db").path)
    assert "Hypervolume after each evaluation" in told
    assert "Validation accuracy on cifar10, % against parameters" in told
    assert f"{len(found.front)} of the evaluated architectures" in told
    assert told.count("on the front") >= len(found.front)
    assert "front of all there are" in told


def test_of_those_with_the_same_values_one_is_drawn():
    same = Evaluation((0.5, 7.0))
    stored("gp-0", same, same, same, objectives=("train:digits", "params"), directions=("maximise", "minimise"))
    path = report("a.db").path
    told = text_of(path)
    assert "3 of the evaluated architectures are beaten by no other" in told and "1 of them are drawn" not in told
    assert "one is drawn for each set of values" in told
    assert path.read_text(encoding="utf-8").count('<div class="drawing">') == 1


def test_the_page_tells_the_command_that_makes_it_again():
    found = searched(
        "macs",
        method="evolution",
        options=["population=3"],
        where=["params <= 1.5e6", "params >= 2e5"],
        network=["channels=8"],
        seed=4,
        budget=6,
    )
    told = text_of(report("a.db").path)
    command = shlex.split(re.search(r"made again by (archllm search .*? --budget 6)", told)[1])
    assert main([*command[1:], "--store", "again.db"]) == 0
    with open_store("again.db") as store:
        (study,) = store.studies()
        assert [trial.text for trial in store.trials(study.name)] == [trial.text for trial in found.trials]


def test_the_page_says_how_to_cite():
    searched()
    assert "arXiv:2503.22063" in text_of(report("a.db").path)


def test_beside_a_store_that_may_not_be_written_nothing_is(monkeypatch):
    Path("shelf").mkdir()
    searched(store="shelf/a.db")
    before = sorted(each.name for each in Path("shelf").iterdir())
    monkeypatch.setattr("os.access", lambda *_: False)
    assert report("shelf/a.db").path == Path("a.html") and Path("a.html").is_file()
    assert sorted(each.name for each in Path("shelf").iterdir()) == before


def test_a_search_of_which_everything_failed_says_so():
    stored("gp-0", Evaluation(None, failure="no licence"))
    told = text_of(report("a.db").path)
    assert "No score yet" in told and "no licence" in told and "Export the winner" not in told


def test_a_run_without_a_search_gives_a_page_about_its_generator(run, tmp_path):
    done = report(run, out=tmp_path / "page.html")
    assert done.search is None and done.generator is not None
    told = text_of(done.path)
    assert "Generator of nasbench201" in told and "Map of the codebook" in told and "reconstruction" in told
    assert "Trials" not in told


def test_the_page_of_a_generator_tells_the_command_that_trains_it_again(run, tmp_path):
    told = text_of(report(run, out=tmp_path / "page.html").path)
    command = shlex.split(re.search(r"trained again by (archllm train .*? --out \S+)", told)[1])
    again = command[command.index("--out") + 1]
    assert main(command[1:]) == 0
    for name in ("config.toml", "tokenizer.safetensors"):
        assert (run / name).read_bytes() == Path(again, name).read_bytes()


def test_a_run_with_a_search_shows_both(run, tmp_path):
    searched("params", store=str(run / "search.db"), space=None, run=run)
    done = report(run, out=tmp_path / "page.html")
    told = text_of(done.path)
    assert "Search of nasbench201" in told and "The generator behind it" in told and "its training" in told
    (run / "search.db").unlink()


def test_the_latest_search_that_is_not_random_is_shown_unless_one_is_named():
    searched("params", method="evolution")
    searched("macs", method="local")
    searched("params", seed=1)
    done = report("a.db")
    assert done.search.study.name == "local-macs-0" and done.others == ("evolution-params-0", "random-params-1")
    assert report("a.db", study="random-params-1").search.study.name == "random-params-1"


@pytest.mark.parametrize(
    ("name", "options", "error", "told"),
    [
        ("nowhere.db", {}, StoreError, r"there is no run folder or store nowhere\.db"),
        ("memory:", {}, InvalidInput, "ends with its process"),
        ("mysql://x/y", {}, InvalidInput, "PostgreSQL"),
        (".", {}, RunFolderError, "not a run folder"),
        ("empty.db", {}, StoreError, "holds no search yet"),
        ("a.db", {"study": "mine"}, StoreError, r"no study 'mine' in a\.db; it holds random-params-0"),
        ("a.db", {"out": "no/such/folder/page.html"}, RunFolderError, "can't write"),
    ],
)
def test_what_can_not_be_reported_is_named(name, options, error, told):
    searched()
    with open_store("empty.db"):
        pass
    with pytest.raises(error, match=told):
        report(name, **options)
    assert not list(Path().glob("*.html")) and not Path("nowhere.db").exists()


def test_a_study_can_not_be_in_a_run_without_searches(run):
    with pytest.raises(InvalidInput, match="no search was made with"):
        report(run, study="gp-0")


OWN = """kind = "edge_dag"
nodes = 3
[ops]
none = "archllm.networks.operations:none"
skip = "archllm.networks.operations:skip"
pool = "archllm.networks.operations:skip"
"""


def test_a_space_of_ones_own_is_kept_by_the_store(capsys):
    Path("mine.toml").write_text(OWN)
    searched("params", space="mine.toml")
    for space in (None, "mine.toml"):
        told = text_of(report("a.db", space=space).path)
        assert "Search of mine" in told and "--space mine.toml --to onnx" in told
    assert main(["export", "a.db", "--out", "best.py", "--to", "python"]) == 0 and Path("best.py").stat().st_size
    assert "changed" not in capsys.readouterr().err
    with pytest.raises(InvalidInput, match="of the space mine"):
        report("a.db", space="nasbench201")


def test_a_space_file_that_was_changed_since_is_told_and_the_search_shown_as_it_was(caplog):
    Path("mine.toml").write_text(OWN)
    searched("params", space="mine.toml")
    Path("mine.toml").write_text(OWN.replace("nodes = 3", "nodes = 4"))
    assert report("a.db").space.definition.nodes == 3
    assert any("mine.toml was changed since" in record.getMessage() for record in caplog.records)
    with pytest.raises(InvalidInput, match=r"of mine as it was defined then, and mine\.toml is another space"):
        report("a.db", space="mine.toml")
    Path("mine.toml").unlink()
    assert report("a.db").space.definition.nodes == 3


def test_a_search_goes_on_without_naming_its_space_again():
    Path("mine.toml").write_text(OWN)
    asked = {"objective": ["params"], "store": "a.db", "method": "random"}
    search(space="mine.toml", budget=4, **asked)
    Path("mine.toml").unlink()
    assert search(budget=8, resume=True, **asked).queries == 8


def test_the_space_that_a_store_keeps_imports_nothing_and_must_be_that_of_its_trials(monkeypatch, tmp_path):
    (tmp_path / "hostile.py").write_text("raise SystemExit('imported')")
    own = space_of_text(OWN.replace("archllm.networks.operations:skip", "hostile:block"), "mine.toml")
    kept = kept_of(own)
    arch = own.architecture(own.enumerate()[:1])
    with open_store("a.db") as opened:
        for name, settings in (
            ("fine", kept),
            ("other", kept | {DEFINITION: "0" * 16}),
            ("broken", kept | {SPACE_FILE: {"file": None, "text": "kind = 5"}}),
            ("none", kept | {SPACE_FILE: 5}),
        ):
            opened.create(Study(name, own.name, ("command:x",), ("maximise",), "random", 0, settings))
            opened.add(name, [arch], 1)
            opened.claim(name, "me")
            opened.finish(name, 0, Evaluation((1.0,)))
    assert report("a.db", study="fine").space.identity == own.identity and "hostile" not in sys.modules
    for name in ("other", "broken", "none"):
        with pytest.raises(StoreError, match="name its file"):
            report("a.db", study=name)


def test_a_store_of_an_older_version_still_takes_the_file_of_its_space():
    Path("mine.toml").write_text(OWN)
    stored("old", Evaluation((1.0,)), space="mine.toml")
    with pytest.raises(InvalidInput, match=r"name its file \(--space\)"):
        report("a.db")


def test_the_commands_and_the_code_that_it_shows_export_the_winner(nasbench201: SearchSpace, tmp_path):
    arch = nasbench201.parse(CELL)
    command = shlex.split(export_commands(arch, "nasbench201")[0])
    assert command[0] == "archllm" and main(command[1:]) == 0 and (tmp_path / "best.py").stat().st_size
    (tmp_path / "best.py").unlink()
    source = str(Path(__file__).parents[2] / "src")
    code = f"import sys; sys.path.insert(0, {source!r})\n" + export_python(arch, "nasbench201")
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "best.py").stat().st_size


def test_the_command_writes_the_page_and_its_document(capsys):
    searched()
    capsys.readouterr()
    assert main(["report", "a.db", "--out", "page.html", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["out"] == "page.html" and document["bytes"] == Path("page.html").stat().st_size
    assert (document["study"], document["queries"], document["generator"]) == ("random-params-0", 8, False)
    assert main(["report", "a.db"]) == 0
    assert "written   a.html" in capsys.readouterr().out
    assert main(["report", "nowhere"]) == 1
    assert "there is no run folder or store nowhere" in capsys.readouterr().err


def test_one_evaluation_far_from_the_front_does_not_squeeze_its_chart():
    far = [Evaluation((10.0, 1.0))]
    near = [Evaluation((90.0 + number / 100, 5.0 + number / 100)) for number in range(40)]
    stored("both", *far, *near, objectives=("a", "b"), directions=("maximise", "maximise"))
    told = text_of(report("a.db").path)
    assert told.count("1 evaluation is outside the shown range") == 1
