"""The command line: its contract, its help, and what it says when something is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archllm.cli import COMMANDS, main
from archllm.generation.run_folder import read_info, work_folder
from archllm.prior.config import PriorConfig

TINY = [
    *("--tokenizer.steps", "60", "--tokenizer.batch", "128", "--tokenizer.width", "32"),
    *("--prior.steps", "20", "--prior.width", "16", "--prior.layers", "1", "--prior.heads", "2"),
]
FLUENT = ["--tokenizer.kind", "plain", "--prior.kind", "marginal"]
CELL = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
JSON_CELL = '{"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}'
GENOTYPE = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=range(2, 6), "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), "
    "('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=range(2, 6))"
)

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run folder of a hardly trained generator."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    assert main(["train", "nasbench201", "--out", str(folder), *TINY]) == 0
    return str(folder)


@pytest.fixture(scope="session")
def fluent(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run folder of a generator that draws many different cells: there is nothing to learn but shares."""
    folder = tmp_path_factory.mktemp("runs") / "fluent"
    assert main(["train", "nasbench201", "--out", str(folder), *FLUENT]) == 0
    return str(folder)


def called(capsys: Capture, *words: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert main(list(words)) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return out, err


def document(capsys: Capture, *words: str) -> Any:
    return json.loads(called(capsys, *words, "--json")[0])


def refused(capsys: Capture, *words: str, code: int = 2) -> str:
    out, err = called(capsys, *words, code=code)
    assert out == ""
    return err


# ------------------------------------------------------------------------------------------------ help and versions


def test_the_overview_names_every_command(capsys):
    out, _ = called(capsys, "--help")
    assert all(f"  {name}" in out for name in COMMANDS)


def test_no_command_at_all_is_wrong_use(capsys):
    assert "usage: archllm" in refused(capsys)


def test_version(capsys):
    assert called(capsys, "--version")[0].startswith("archllm 0.")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_offers_json(capsys, name):
    out, _ = called(capsys, name, "--help")
    assert f"usage: archllm {name}" in out
    assert "--json" in out
    assert "(default: " in out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_writes_what_may_be_left_out_as_people_do(capsys, name):
    assert "{None}" not in called(capsys, name, "--help")[0]


def test_help_breaks_no_line_where_only_the_source_does(capsys):
    assert "is fastest. (default: 1)" in called(capsys, "search", "--help")[0]


@pytest.mark.parametrize(
    "words", [("data", "import"), ("spaces", "check"), ("device", "kit"), ("device", "import"), ("device", "list")]
)
def test_help_shows_the_whole_command(capsys, words):
    assert f"usage: archllm {' '.join(words)} " in called(capsys, *words, "--help")[0]


def test_help_of_train_shows_the_defaults_of_the_space(capsys):
    assert "(default: 128)" in called(capsys, "train", "nasbench201", "--help")[0]
    assert "(default: 512)" in called(capsys, "train", "nasbench101", "--help")[0]
    assert "(default: 512)" in called(capsys, "train", "--help")[0]


def test_help_of_train_scales_the_steps_by_the_preset(capsys):
    out, _ = called(capsys, "train", "--preset", "thorough", "nasbench201", "--help")
    assert "(default: 900)" in out


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["train", "nasbench201", "--help"],
        ["sample", "nowhere", "-n", "3"],
        ["info", "x", "--space", "darts"],
    ],
)
def test_help_and_wrong_use_import_no_deep_learning_library(words):
    code = (
        "import sys; from archllm.cli import main; main(sys.argv[1:]); "
        "sys.exit(bool({'torch', 'transformers', 'matplotlib'} & set(sys.modules)))"
    )
    source = str(Path(__file__).parents[1] / "src")
    environment = os.environ | {"PYTHONPATH": source}
    subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True, env=environment)


def test_a_command_that_does_not_exist_suggests_one(capsys):
    assert "did you mean 'sample'" in refused(capsys, "sampel")


def test_an_option_that_does_not_exist_is_wrong_use(capsys):
    assert "--seed" in refused(capsys, "demo", "--sead", "3")


# ------------------------------------------------------------------------------------------------ spaces, info, show


def test_spaces_lists_exact_sizes(capsys):
    out, _ = called(capsys, "spaces")
    assert "423,624" in out
    assert "15,625" in out
    listed = document(capsys, "spaces")
    assert {"nasbench101", "nasbench201", "darts", "nats-size"} <= {each["name"] for each in listed}


def test_json_may_stand_before_the_command(capsys):
    assert json.loads(called(capsys, "--json", "spaces", "darts")[0])["name"] == "darts"


def test_one_space_as_json(capsys):
    found = document(capsys, "spaces", "nasbench201")
    assert {"name", "kind", "size"} <= set(found)
    assert found["size"] == 15_625


def test_an_unknown_space_suggests_the_nearest(capsys):
    for words in (
        ["spaces", "nasbench20"],
        ["info", CELL, "--space", "nasbench20"],
        ["train", "nasbench20", "--out", "x"],
    ):
        assert "did you mean 'nasbench201'" in refused(capsys, *words)


@pytest.mark.parametrize(
    ("space", "text"),
    [("nasbench201", CELL), ("nasbench101", JSON_CELL), ("darts", GENOTYPE), ("nasbench201", "(4, 3, 3, 0, 0, 0)")],
)
def test_info_reads_every_format_as_a_plain_word(capsys, space, text):
    found = document(capsys, "info", text, "--space", space)
    assert {"space", "text", "key", "hash", "vertices", "edges", "params", "macs"} <= set(found)
    assert document(capsys, "info", found["text"], "--space", space)["key"] == found["key"]


def test_info_of_a_nasbench201_cell_knows_its_other_names(capsys):
    found = document(capsys, "info", CELL, "--space", "nasbench201")
    assert (found["index"], found["naslib"]) == (0, [4, 3, 3, 0, 0, 0])
    out, _ = called(capsys, "info", CELL, "--space", "nasbench201")
    assert "(4, 3, 3, 0, 0, 0)" in out


def test_info_gives_the_published_size(capsys):
    found = document(capsys, "info", "0", "--space", "nasbench201")
    assert (found["params"], found["macs"]) == (129_306, 15_647_370)
    assert "129,306" in called(capsys, "info", "0", "--space", "nasbench201")[0]


@pytest.mark.parametrize(("to", "name"), [("python", "cell.py"), ("torch", "cell.pt2"), ("onnx", "cell.onnx")])
def test_export_writes_a_verified_file(capsys, tmp_path, to, name):
    words = ["export", CELL, "--space", "nasbench201", "--to", to, "--out", str(tmp_path / name)]
    words += ["--num-classes", "3", "--in-channels", "1", "--image-size", "8", "--channels", "4", "--set", "cells=1"]
    found = document(capsys, *words)
    assert found["bytes"] == (tmp_path / name).stat().st_size
    assert found["difference"] <= 1e-4
    assert found["network"] == {"num_classes": 3, "channels": 4, "in_channels": 1, "image_size": 8, "cells": 1}
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_export_takes_the_options_of_each_space(capsys, tmp_path):
    words = ["export", GENOTYPE, "--space", "darts", "--to", "python", "--out", str(tmp_path / "net.py")]
    found = document(capsys, *words, "--set", "layers=2", "stem=imagenet", "drop_path=0.1", "--image-size", "64")
    assert (found["network"]["layers"], found["network"]["stem"], found["network"]["drop_path"]) == (2, "imagenet", 0.1)


@pytest.mark.parametrize(
    ("words", "told", "code"),
    [
        (["--set", "cels=2"], "did you mean 'cells'", 2),
        (["--set", "cells"], "KEY=VALUE", 2),
        (["--set", "cells=two"], "whole number", 2),
        (["--image-size", "30"], "multiple of 4", 2),
        (["--weights", "none.safetensors"], "no file of weights", 1),
        (["--out", "no/such/folder/cell.py"], "there is no folder", 2),
    ],
)
def test_an_export_that_can_not_be_made_is_refused(capsys, tmp_path, monkeypatch, words, told, code):
    monkeypatch.chdir(tmp_path)
    given = ["export", CELL, "--space", "nasbench201", "--to", "python", "--out", "cell.py", *words]
    assert told in refused(capsys, *given, code=code)
    assert not list(tmp_path.iterdir())


def test_data_import_makes_a_table_that_an_objective_reads(capsys, tmp_path, monkeypatch):
    from archllm.objectives import load_objective
    from archllm.spaces import load_space

    (tmp_path / "mine.csv").write_text(f"arch,score\n{CELL},91.5\n1,90\n")
    monkeypatch.setenv("ARCHLLM_DATA", str(tmp_path / "data"))
    words = ["data", "import", str(tmp_path / "mine.csv"), "--as", "csv", "--space", "nasbench201"]
    found = document(capsys, *words)
    assert found["out"] == str(tmp_path / "data" / "mine.parquet")
    assert (found["architectures"], found["columns"]) == (2, ["score"])
    space = load_space("nasbench201")
    assert load_objective("table:mine/score", space).evaluate(space.parse(CELL)).value == 91.5


def test_data_that_can_not_be_imported_is_refused(capsys, tmp_path):
    refused(capsys, "data", "export", "x", "--as", "csv")
    assert "--space" in refused(capsys, "data", "import", "x.csv", "--as", "csv")
    missing = ["data", "import", str(tmp_path / "none"), "--as", "nats", "--out", str(tmp_path / "t.parquet")]
    assert "no file or folder" in refused(capsys, *missing, code=1)


def test_an_unreadable_architecture_is_refused_with_its_position(capsys):
    assert "at character 1" in refused(capsys, "info", "|foo~0|", "--space", "nasbench201")
    assert "at character 0" in refused(capsys, "show", "{", "--space", "nasbench201")


def test_an_architecture_comes_from_a_file_or_stdin_too(capsys, tmp_path, monkeypatch):
    file = tmp_path / "cell.txt"
    file.write_text(CELL + "\n")
    assert document(capsys, "info", f"@{file}", "--space", "nasbench201")["index"] == 0
    with file.open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert document(capsys, "info", "-", "--space", "nasbench201")["index"] == 0
    assert "can't read an architecture" in refused(capsys, "info", f"@{tmp_path}/none", "--space", "nasbench201")


def test_show_draws_to_stdout_or_to_a_file(capsys, tmp_path):
    assert called(capsys, "show", CELL, "--space", "nasbench201")[0].startswith("<svg")
    assert called(capsys, "show", CELL, "--space", "nasbench201", "--dot")[0].startswith("digraph")
    file = tmp_path / "cell.svg"
    file.write_text("old")
    assert document(capsys, "show", GENOTYPE, "--space", "darts", "--out", str(file))["out"] == str(file)
    assert file.read_text().startswith("<svg")
    called(capsys, "show", CELL, "--space", "nasbench201", "--out", str(tmp_path / "cell.dot"))
    assert (tmp_path / "cell.dot").read_text().startswith("digraph")


def test_show_writes_what_the_ending_says_or_nothing(capsys, tmp_path):
    for name in ("cell.png", "cell.pdf", "cell"):
        told = refused(capsys, "show", CELL, "--space", "nasbench201", "--out", str(tmp_path / name))
        assert "drawings are written as .svg" in told and "Inkscape" in told
    told = refused(capsys, "show", CELL, "--space", "nasbench201", "--dot", "--out", str(tmp_path / "cell.svg"))
    assert "cell.svg ends as SVG does" in told
    assert list(tmp_path.iterdir()) == []
    called(capsys, "show", CELL, "--space", "nasbench201", "--out", str(tmp_path / "cell.GV"))
    assert (tmp_path / "cell.GV").read_text().startswith("digraph")


def test_show_tells_where_it_could_not_write(capsys, tmp_path):
    message = refused(
        capsys, "show", CELL, "--space", "nasbench201", "--out", str(tmp_path / "no" / "cell.svg"), code=1
    )
    assert "can't write" in message


# ------------------------------------------------------------------------------------------------ train


def test_train_writes_a_run_and_reports_it(capsys, tmp_path):
    out = tmp_path / "run"
    found = document(capsys, "train", "nasbench201", "--out", str(out), "--seed", "3", *TINY)
    assert {"run", "space", "reconstruction", "held_out_nats", "ideal_nats", "seconds", "parameters"} <= set(found)
    assert set(found["seconds"]) == set(found["parameters"]) == {"tokenizer", "prior"}
    info = read_info(out)
    assert (info.seed, info.config.tokenizer.steps, info.config.prior.width) == (3, 60, 16)
    assert info.config.prior.dropout == 0.5  # what is recommended for the space, as no option says otherwise
    assert {"config.toml", "metrics.json", "train.jsonl", "prior", "figures"} <= {path.name for path in out.iterdir()}


def test_options_beat_the_file_and_the_file_beats_what_is_recommended(capsys, tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text("split = 0.5\n[tokenizer]\nsteps = 7\nbatch = 64\n[prior]\nsteps = 5\nwidth = 16\n")
    out = tmp_path / "run"
    called(capsys, "train", "nasbench201", "--out", str(out), "--config", str(file), "--tokenizer.steps", "9")
    config = read_info(out).config
    assert (config.split, config.tokenizer.steps, config.tokenizer.batch, config.prior.steps) == (0.5, 9, 64, 5)
    again = tmp_path / "again"
    called(capsys, "train", "nasbench201", "--out", str(again), "--config", str(out / "config.toml"))
    assert read_info(again).config == config


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tokenizer]\nstepz = 3\n", "[tokenizer] has no setting 'stepz'; did you mean 'steps'?"),
        ("split = 'much'\n", "split must be a number above 0 and below 1"),
        ("[tokenizer]\nkind = 'quantum'\n", "tokenizer.kind must be 'vq', 'plain' or 'merges'"),
        ("split", "not a TOML file"),
    ],
)
def test_a_wrong_configuration_file_is_named(capsys, tmp_path, text, told):
    file = tmp_path / "settings.toml"
    file.write_text(text)
    message = refused(capsys, "train", "nasbench201", "--out", str(tmp_path / "run"), "--config", str(file))
    assert told in message
    assert str(file) in message


@pytest.mark.parametrize(
    "words",
    [
        ["--split", "1.5"],
        ["--split", "nan"],
        ["--seed", "-1"],
        ["--threads", "0"],
        ["--device", "abacus"],
        ["--prior.steps", "0"],
        ["--prior.learning-rate", "nan"],
        ["--tokenizer.commitment", "inf"],
        ["--tokenizer.quantizer", "fsq", "--tokenizer.codebook-size", "100"],
        ["--preset", "eternal"],
        ["--config", "nowhere.toml"],
    ],
)
def test_settings_that_can_not_be_used_leave_nothing_behind(capsys, tmp_path, words):
    refused(capsys, "train", "nasbench201", "--out", str(tmp_path / "run"), *words)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_run_is_kept_unless_it_may_be_replaced(capsys, run):
    assert "--overwrite" in refused(capsys, "train", "nasbench201", "--out", run, code=1)


def test_a_run_is_replaced_with_overwrite(capsys, tmp_path):
    out = tmp_path / "run"
    called(capsys, "train", "nasbench201", "--out", str(out), *FLUENT)
    called(capsys, "train", "nasbench201", "--out", str(out), "--overwrite", "--seed", "1", *FLUENT)
    assert read_info(out).seed == 1


def test_nothing_to_resume(capsys, tmp_path, run):
    out = str(tmp_path / "run")
    assert "was never started" in refused(capsys, "train", "nasbench201", "--out", out, "--resume", code=1)
    assert "is complete already" in refused(capsys, "train", "nasbench201", "--out", run, "--resume", code=1)


def test_an_interrupted_training_goes_on_with_its_own_settings(capsys, tmp_path, monkeypatch, run):
    out = tmp_path / "run"
    words = ["train", "nasbench201", "--out", str(out)]

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("archllm.workflows.train.build_prior", interrupt)
        message = refused(capsys, *words, *TINY, code=130)
    assert message.endswith("archllm: interrupted\n")
    assert "--resume" in message
    assert not out.exists()
    assert work_folder(out).exists()
    assert "--resume" in refused(capsys, *words, code=1)
    assert "tokenizer.steps 60 (asked for: 50)" in refused(
        capsys, *words, "--resume", "--tokenizer.steps", "50", code=1
    )
    called(capsys, *words, "--resume")
    assert not work_folder(out).exists()
    for name in ("config.toml", "tokenizer.safetensors", "prior/model.safetensors"):
        assert (out / name).read_bytes() == (Path(run) / name).read_bytes()


# ------------------------------------------------------------------------------------------------ sample, evaluate


def test_raw_samples_hold_every_draw(capsys, run):
    found = document(capsys, "sample", run, "-n", "50", "--raw")
    assert {"space", "architectures", "drawn", "valid", "kept", "seconds"} <= set(found)
    assert len(found["architectures"]) == found["drawn"] == 50
    assert sum(text is not None for text in found["architectures"]) == found["valid"] == found["kept"]
    out, err = called(capsys, "sample", run, "-n", "50", "--raw")
    assert [None if line == "-" else line for line in out.splitlines()] == found["architectures"]
    assert "50 drawn" in err


def test_samples_are_valid_and_different_and_depend_on_the_seed(capsys, fluent, nasbench201):
    first = document(capsys, "sample", fluent, "-n", "20")["architectures"]
    assert len({nasbench201.parse(text).key for text in first}) == 20
    assert document(capsys, "sample", fluent, "-n", "20")["architectures"] == first
    assert document(capsys, "sample", fluent, "-n", "20", "--seed", "1")["architectures"] != first


def test_novel_samples_are_not_of_the_training_set(capsys, fluent):
    from archllm import load

    found = document(capsys, "sample", fluent, "-n", "10", "--novel")
    model = load(fluent)
    keys = [model.space.parse(text).key for text in found["architectures"]]
    assert not set(keys) & set(model.training_keys.tolist())


def test_evaluate_prints_each_figure_beside_its_ideal(capsys, run):
    found = document(capsys, "evaluate", run, "-n", "100", "--seeds", "0", "1")
    keys = {"space", "n", "seeds", "temperature", "reconstruction", "seconds"}
    figures = {"valid", "valid_loose", "unique", "valid_unique", "novel", "cycle"}
    assert keys | figures <= set(found)
    assert all(set(found[name]) == {"mean", "std", "ceiling"} for name in figures)
    assert (found["n"], found["seeds"]) == (100, [0, 1])
    out, _ = called(capsys, "evaluate", run, "-n", "100", "--seeds", "0", "1")
    assert "valid, strict rule" in out
    assert "expected" in out


@pytest.mark.parametrize("command", ["sample", "evaluate"])
@pytest.mark.parametrize(
    "words",
    [["-n", "0"], ["-n", "-3"], ["-n", "x"], *(["-n", "5", "--temperature", t] for t in ("0", "-1", "nan", "inf"))],
)
def test_draws_that_can_not_be_made_are_refused(capsys, run, command, words):
    refused(capsys, command, run, *words)


@pytest.mark.parametrize("words", [["--seeds"], ["--seeds", "-1"], ["--seeds", "1", "1"], ["--seeds", "a"]])
def test_seeds_that_can_not_be_used_are_refused(capsys, run, words):
    refused(capsys, "evaluate", run, "-n", "5", *words)


@pytest.mark.parametrize(
    "words", [["--raw", "--novel"], ["--max-draws", "0"], ["--seed", "-1"], ["--seed", str(2**64)]]
)
def test_samples_that_contradict_themselves_are_refused(capsys, run, words):
    refused(capsys, "sample", run, "-n", "5", *words)


def test_more_than_the_space_holds_could_not_be_found(capsys, run):
    assert "holds only 15,625" in refused(capsys, "sample", run, "-n", "15626", code=1)
    assert "in 1 draws" in refused(capsys, "sample", run, "-n", "15", "--max-draws", "1", code=1)


@pytest.mark.parametrize("command", ["sample", "evaluate"])
def test_a_missing_or_foreign_folder_is_told(capsys, tmp_path, command):
    assert "there is no run folder" in refused(capsys, command, str(tmp_path / "none"), "-n", "5", code=1)
    assert "is not a run folder" in refused(capsys, command, str(tmp_path), "-n", "5", code=1)


# ------------------------------------------------------------------------------------------------ doctor, demo, ends


def test_doctor_reports_as_json(capsys):
    found = document(capsys, "doctor")
    assert {"python", "packages", "extras", "cores", "threads", "device", "tables"} <= set(found)
    assert found["packages"]["torch"]
    assert "threads" in called(capsys, "doctor")[0]


def test_demo_leaves_foreign_folders_alone(capsys, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    assert "not the folder of an earlier demo" in refused(capsys, "demo", "--out", str(tmp_path), code=1)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_demo_prints_one_table_and_what_to_try_next(capsys, tmp_path, monkeypatch, fluent):
    from archllm.workflows import demo as workflow
    from archllm.workflows.demo import SearchPlan

    small = PriorConfig(width=16, layers=1, heads=2, steps=30, batch=64)  # shares alone can't learn from scores
    config = replace(read_info(Path(fluent)).config, prior=small)
    monkeypatch.setattr(workflow, "recommended", lambda space: config)
    monkeypatch.setattr(workflow, "DRAWS", (50, 100))
    match = workflow.match
    monkeypatch.setattr(workflow, "match", lambda run, _, *rest: match(run, SearchPlan("params", 3, "own"), *rest))
    out, _ = called(capsys, "demo", "--out", str(tmp_path / "demo"))
    assert "n = 100 " in out
    assert "Try next:" in out
    assert "Arch-VQ" in out
    assert "Search, params: 3 evaluations each" in out and "found the" in out and "report.html" in out


def test_an_unexpected_error_is_one_line_and_debug_shows_where(capsys, monkeypatch):
    def fail(*_: object) -> None:
        raise RuntimeError("surprise")

    monkeypatch.setattr("archllm.workflows.spaces.spaces", fail)
    assert refused(capsys, "spaces", code=1).count("\n") == 1
    capsys.readouterr()
    assert main(["spaces", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_has_enough_is_no_error_to_complain_about():
    code = "import sys; from archllm.cli import main; sys.exit(main(['show', '0', '--space', 'nasbench201']))"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, env=environment, check=False
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_library_that_is_missing_is_named_with_the_python_that_needs_it(tmp_path):
    code = "import sys; sys.modules['torch'] = None; from archllm.cli import main; sys.exit(main(sys.argv[1:]))"
    words = ["export", "1", "--space", "nasbench201", "--out", str(tmp_path / "cell.py")]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "library torch is missing" in done.stderr and sys.executable in done.stderr
    assert not list(tmp_path.iterdir())
