"""What is printed where."""

from __future__ import annotations

import json

from archllm.cli.console import Console, duration
from archllm.cli.parsing import option, positional
from archllm.cli.train import Train
from archllm.reporting.tables import Table
from archllm.training.progress import Event


def test_json_is_alone_on_stdout_and_has_no_nan(capsys):
    console = Console(json=True)
    console.say("words")
    console.table(Table("", ["a"], [["1"]]))
    console.note("beside")
    console.document({"a": float("nan"), "b": [float("inf"), 1], 3: (2,)})
    out, err = capsys.readouterr()
    assert json.loads(out) == {"a": None, "b": [None, 1], "3": [2]}
    assert err == "beside\n"


def test_a_row_has_tabs_between_its_cells_and_none_inside(capsys):
    Console().row("a\tb\x1b", "c")
    Console(json=True).row("silent")
    assert capsys.readouterr().out == "a\\tb\\x1b\tc\n"


def test_a_table_in_a_file_is_as_wide_as_it_needs(capsys):
    wide = "x" * 150
    Console().table(Table("title", ["name", "value"], [[wide, "1\n2"]], notes=["note"]))
    out = capsys.readouterr().out
    assert wide in out
    assert out.startswith("title\n")
    assert out.endswith("note\n")


def test_progress_without_a_terminal_is_a_line_per_stage(capsys):
    with Console().progress() as listener:
        for step in range(1, 51):
            listener(Event("tokenizer", step, 50, {"loss": 1 / step, "exact": 0.5}))
        for step in range(1, 11):
            listener(Event("prior", step, 20, {"loss": 2.0}))
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert first.startswith("tokenizer  50/50  loss 0.020  exact 50.0%")
    assert second.startswith("prior      10/20  loss 2.000")


def test_durations_read_as_people_say_them():
    assert [duration(s) for s in (0.04, 59.94, 59.96, 61, 3600)] == [
        "0.0 s",
        "59.9 s",
        "1 min 00 s",
        "1 min 01 s",
        "60 min 00 s",
    ]


def test_the_space_is_found_wherever_it_stands():
    for words in (
        ["darts", "--out", "x"],
        ["--out", "nasbench101", "darts"],
        ["--resume", "darts", "--out=x"],
        ["--prior.steps", "3", "--json", "darts"],
    ):
        assert positional(words, Train) == "darts"
    assert positional(["--out", "x"], Train) is None


def test_the_last_of_repeated_options_counts():
    assert option(["--split", "0.1", "--split=0.2"], "split") == "0.2"
    assert option(["--split"], "split") is None
