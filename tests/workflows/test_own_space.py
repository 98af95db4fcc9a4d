"""A space of one's own through the workflows: run folders that need no file, tables, commands."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from archllm.cli import main
from archllm.errors import DataError, InvalidInput, RunFolderError, StoreError
from archllm.generation.config import TrainConfig
from archllm.generation.generator import load
from archllm.generation.run_folder import work_folder
from archllm.objectives import load_objective
from archllm.objectives.callable import CallableObjective
from archllm.prior.config import PriorConfig
from archllm.searchers.domain import Domain
from archllm.searchers.fine_tuning import SearchGenerator
from archllm.spaces import Architecture, load_space
from archllm.spaces.definition import ChoicesDefinition
from archllm.spaces.registry import space_of
from archllm.tokenizer.config import TokenizerConfig
from archllm.workflows.data import import_data
from archllm.workflows.search import search
from archllm.workflows.train import train

FILE = """# my widths
kind = "choices"
constraints = ["slot.width1 <= slot.width2"]
[slots]
"width{i=1..3}" = [8, 16, 32]
act = ["relu", "gelu"]
"""
FLUENT = TrainConfig(tokenizer=TokenizerConfig(kind="plain"), prior=PriorConfig(kind="marginal"), split=0.8)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "widths.toml"
    path.write_text(FILE)
    return path


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archllm.reporting.figures.write_figures", lambda *_: None)


def test_a_run_needs_its_space_file_no_more(file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    model = train(str(file), FLUENT, out=run)
    assert (run / "space.toml").read_text() == FILE
    texts = [arch.text for arch in model.generate(5)]
    file.unlink()
    again = load(run)
    assert [arch.text for arch in again.generate(5)] == texts
    assert again.space.identity == model.space.identity and again.space.name == "widths"
    assert again.generate(5) == model.generate(5)


def test_a_run_keeps_to_its_own_file_when_the_other_changes(file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(str(file), FLUENT, out=run)
    file.write_text(FILE.replace("<=", ">="))
    kept, changed = load(run).space, load_space(file)
    assert kept.name == changed.name and kept.identity != changed.identity
    arch = kept.parse("[width1=8 width2=16 width3=8 act=relu]")
    other = changed.parse("[width1=16 width2=8 width3=8 act=relu]")
    assert arch != other
    with pytest.raises(InvalidInput, match="two different spaces are called widths"):
        changed.neighbours(arch)


def test_names_comments_and_lines_do_not_make_another_space(file: Path) -> None:
    first = load_space(file)
    file.write_text(FILE.replace("# my widths", "about = 'my own'"))
    assert load_space(file).identity == first.identity


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda path: path.unlink(), "widths.*not known here"),
        (lambda path: path.write_text("kind = 3"), "space.toml.*damaged"),
        (lambda path: path.write_text('name = "other"\n' + FILE), "defines the space 'other'"),
        (lambda path: path.write_text(FILE.replace("gelu", "silu")), "not the file saved with this run"),
    ],
)
def test_a_run_whose_space_file_was_damaged_is_refused(file: Path, tmp_path: Path, change, said) -> None:
    run = tmp_path / "run"
    train(str(file), FLUENT, out=run)
    change(run / "space.toml")
    with pytest.raises(RunFolderError, match=said):
        load(run)


def test_an_interrupted_training_goes_on_with_the_same_definition_only(file: Path, tmp_path: Path, monkeypatch) -> None:
    run = tmp_path / "run"

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("archllm.prior.marginal.MarginalPrior.fit", stop, raising=True)
        train(str(file), FLUENT, out=run)
    assert (work_folder(run) / "space.toml").exists()
    file.write_text(FILE.replace("<=", ">="))
    with pytest.raises(RunFolderError, match="not the one that the interrupted training began with"):
        train(str(file), FLUENT, out=run, resume=True)
    file.write_text(FILE)
    assert train(str(file), FLUENT, out=run, resume=True).space.name == "widths"


def test_a_space_made_in_python_is_kept_in_the_run(tmp_path: Path) -> None:
    space = space_of(ChoicesDefinition(name="made", slots={"a": (1, 2, 3), "b": ("x", "y"), "c": (True, False)}))
    train(space, FLUENT, out=tmp_path / "run")
    assert load(tmp_path / "run").space.identity == space.identity


def table(path: Path, rows: str) -> Path:
    path.write_text(f"cell,acc\n{rows}")
    return path


def test_a_table_of_ones_own_becomes_an_objective(file: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("ARCHLLM_DATA", str(tmp_path / "data"))
    rows = "[width1=8 width2=8 width3=8 act=relu],71.5\n[width1=8 width2=16 width3=8 act=gelu],72.25\n"
    csv = table(tmp_path / "results.csv", rows)
    found = import_data(csv, "csv", str(file), arch_column="cell", metrics=["acc"])
    assert len(found.table) == 2 and found.table.space == "widths"
    space = load_space(file)
    objective = load_objective("table:results/acc", space)
    assert objective.evaluate(space.parse("[act=gelu width1=8 width2=16 width3=8]")).value == 72.25
    assert objective.evaluate(space.parse("[act=relu width1=8 width2=16 width3=8]")).value is None


def test_a_table_of_ones_own_names_the_row_that_is_wrong(file: Path, tmp_path: Path) -> None:
    csv = table(
        tmp_path / "results.csv", "[width1=8 width2=8 width3=8 act=relu],1\n[width1=16 width2=8 width3=8 act=relu],2\n"
    )
    with pytest.raises(DataError, match=r"row 3: .*constraint `slot.width1 <= slot.width2` does not hold"):
        import_data(csv, "csv", str(file), out=tmp_path / "t.parquet", arch_column="cell")


def test_a_table_does_not_outlive_a_change_that_takes_its_rows_out(file: Path, tmp_path: Path) -> None:
    csv = table(tmp_path / "results.csv", "[width1=8 width2=16 width3=8 act=relu],1\n")
    out = import_data(csv, "csv", str(file), out=tmp_path / "t.parquet", arch_column="cell").out
    file.write_text(FILE.replace("<=", ">="))
    with pytest.raises(DataError, match="does not hold"):
        load_objective(f"table:{out}/acc", load_space(file))


def called(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(list(words)) == code
    out, err = capsys.readouterr()
    return out if code == 0 else err


def test_the_command_line_takes_a_path_wherever_a_name_goes(file: Path, tmp_path: Path, capsys) -> None:
    run, space = str(tmp_path / "run"), str(file)
    text = "[width1=8 width2=16 width3=8 act=relu]"
    called(capsys, "train", space, "--out", run, "--tokenizer.kind", "plain", "--prior.kind", "marginal")
    drawn = json.loads(called(capsys, "sample", run, "-n", "3", "--json"))
    assert drawn["space"] == "widths" and len(drawn["architectures"]) == 3
    assert json.loads(called(capsys, "info", text, "--space", space, "--json"))["text"] == text
    assert "width2" in called(capsys, "show", text, "--space", space)
    assert json.loads(called(capsys, "spaces", space, "--json"))["size"] == 36
    assert "(default: " in called(capsys, "train", space, "--help")
    assert "no network" in called(
        capsys, "export", text, "--space", space, "--to", "python", "--out", str(tmp_path / "x.py"), code=2
    )


def test_check_tells_size_and_examples_or_what_is_wrong(file: Path, capsys) -> None:
    found = json.loads(called(capsys, "spaces", "check", str(file), "--json"))
    assert (found["size"], found["exact"], found["kind"], len(found["examples"])) == (36, True, "choices", 3)
    assert "36" in called(capsys, "spaces", "check", str(file))
    file.write_text(FILE.replace("width2", "widht2"))
    said = called(capsys, "spaces", "check", str(file), code=2)
    assert f"{file}, line 3: constraints[0]" in said and "did you mean 'width2'" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check"], "name the space file"),
        (["check", "nothing.toml"], "can't read the space file nothing.toml"),
        (["check", "darts"], "a space file is needed"),
        (["darts", "nasbench201"], "one space is shown at a time"),
        (["--toml"], "name the space"),
        (["nothing.toml"], "can't read the space file"),
    ],
)
def test_wrong_use_of_spaces_is_told(words: list[str], said: str, capsys) -> None:
    assert said in called(capsys, "spaces", *words, code=2)


def test_check_takes_the_files_that_all_commands_take(file: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(file.parent)
    Path("UPPER.TOML").write_text(FILE)
    assert json.loads(called(capsys, "spaces", "check", "UPPER.TOML", "--json"))["name"] == "UPPER"
    assert load_space("UPPER.TOML").size == 36
    Path("noext").write_text(FILE)
    assert "rename it noext.toml" in called(capsys, "spaces", "check", "noext", code=2)


def test_the_file_of_a_space_that_comes_along_is_printed_to_begin_from(tmp_path: Path, capsys) -> None:
    text = called(capsys, "spaces", "mobilenetv3", "--toml")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('name = "mobilenetv3"', 'name = "mine"').replace("[3, 5, 7]", "[3, 5]"))
    assert load_space(path).size == sum(4**depth for depth in (2, 3, 4)) ** 5


def test_a_file_is_read_again_when_it_changed(file: Path) -> None:
    first = load_space(file)
    assert load_space(file) is first
    file.write_text(FILE.replace("32", "64"))
    assert load_space(file) is not first


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large.toml").write_bytes(b"#" * (2 << 20))
    (tmp_path / "folder.toml").mkdir()
    for name, said in (
        ("binary", "not UTF-8"),
        ("large", "more than"),
        ("folder", "can't read"),
        ("none", "can't read"),
    ):
        with pytest.raises(InvalidInput, match=said):
            load_space(tmp_path / f"{name}.toml")


def test_draws_of_a_small_space_of_ones_own_are_its_members(file: Path) -> None:
    space = load_space(file)
    drawn = space.sample(500, np.random.default_rng(0))
    assert len(np.unique(space.keys(drawn))) == space.size == 36


def test_more_than_memory_should_hold_is_printed_as_it_is_found(file: Path, tmp_path: Path, capsys) -> None:
    run = str(tmp_path / "run")
    train(str(file), FLUENT, out=run)
    lines = called(capsys, "sample", run, "-n", "20").splitlines()
    space = load_space(file)
    assert len({space.parse(line) for line in lines}) == len(lines) == 20
    assert json.loads(called(capsys, "sample", run, "-n", "20", "--json"))["architectures"] == lines
    assert main(["sample", run, "-n", "36", "--max-draws", "30"]) == 1
    out, err = capsys.readouterr()
    found = out.splitlines()
    assert 0 < len(found) < 30 and f"{len(found)} of 36 architectures were found in 30 draws" in err
    assert len({space.parse(line) for line in found}) == len(found)


def score(arch: Architecture) -> float:
    """Wide layers first."""
    return sum(value for value in arch.space.values_of(arch.graph).values() if isinstance(value, int))  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", ["random", "local", "evolution", "gp", "ensemble"])
def test_a_run_of_ones_own_space_is_searched(file: Path, tmp_path: Path, method: str) -> None:
    run = tmp_path / "run"
    model = train(str(file), FLUENT, out=run)
    file.unlink()  # the run needs it no more
    goal = CallableObjective(model.space, score)
    found = search(run=run, objective=goal, budget=20, method=method, store="memory:")
    assert found.best is not None and found.queries == 20
    values = sorted((trial.values[0] for trial in found.trials if trial.values), reverse=True)
    assert found.to_json()["best"]["value"] == values[0] >= 56
    if method == "gp":  # knows the numbers of the slots
        assert values[0] == 96


def test_a_search_goes_on_with_the_same_definition_only(file: Path, tmp_path: Path) -> None:
    words = {"objective": ["command:wc -c"], "method": "random", "store": tmp_path / "s.db", "workers": "own"}
    search(space=str(file), budget=2, **words)  # type: ignore[arg-type]
    file.write_text(FILE.replace("<=", ">="))
    with pytest.raises(StoreError, match="definition of the space"):
        search(space=str(file), budget=3, resume=True, **words)  # type: ignore[arg-type]
    file.write_text("# another comment\n" + FILE)
    assert search(space=str(file), budget=3, resume=True, **words).queries == 3  # type: ignore[arg-type]


def test_a_search_of_a_run_takes_no_other_space(file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(str(file), FLUENT, out=run)
    file.write_text(FILE.replace("<=", ">="))
    with pytest.raises(InvalidInput, match="a run of widths, as it was defined then"):
        search(run=run, space=str(file), objective=["command:wc -c"], budget=1, method="random", store="memory:")


def test_a_table_of_ones_own_is_searched(file: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("ARCHLLM_DATA", str(tmp_path / "data"))
    space = load_space(file)
    rows = "".join(f"{arch.text},{score(arch)}\n" for arch in space.architectures(space.enumerate()))
    csv = table(tmp_path / "results.csv", rows)
    import_data(csv, "csv", str(file), arch_column="cell", metrics=["acc"])
    found = search(space=str(file), objective=["table:results/acc"], budget=12, method="local", store="memory:")
    assert found.best is not None and found.best.values == (96.0,)


def test_a_run_of_ones_own_space_is_asked_by_ones_own_table(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("ARCHLLM_DATA", str(tmp_path / "data"))
    file = tmp_path / "wide.toml"
    file.write_text(FILE.replace("1..3", "1..4"))
    space = load_space(file)
    scored = space.architectures(space.enumerate())[::2]  # of the others the predictor tells what is to be expected
    csv = table(tmp_path / "results.csv", "".join(f"{arch.text},{score(arch)}\n" for arch in scored))
    import_data(csv, "csv", str(file), arch_column="cell", metrics=["acc"])
    config = TrainConfig(
        conditions=("acc=results/acc",),
        tokenizer=TokenizerConfig(kind="plain"),
        prior=PriorConfig(width=32, layers=1, steps=250, batch=64, learning_rate=1e-2, bins=4),
    )
    model = train(space, config)
    plain, wide, narrow = (
        np.mean([score(arch) for arch in model.sample(200, raw=True, where=where).architectures if arch is not None])
        for where in ([], ["acc >= 80"], ["acc <= 50"])
    )
    assert narrow + 5 < plain < wide - 5


def test_a_generator_of_another_definition_is_not_searched_with(file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(str(file), FLUENT, out=run)
    file.write_text(FILE.replace("<=", ">="))
    with pytest.raises(InvalidInput, match="two different spaces are called widths"):
        SearchGenerator.load(run, Domain(load_space(file)))


def test_a_cell_and_its_scale_are_searched_together() -> None:
    found = search(space="scaled-cells", objective=["params"], budget=6, method="evolution", store="memory:")
    assert found.queries == 6
