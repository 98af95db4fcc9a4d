"""What is printed where."""

from __future__ import annotations

import json
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archllm.cli.console import Console, bands, duration
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
    Console().row("a\tb\x1b\nd", "c")
    Console(json=True).row("silent")
    assert capsys.readouterr().out == "a\\tb\\x1b\\nd\tc\n"


def test_json_turns_no_direction_of_writing_and_reads_back(capsys):
    told = {"\u202ename": ["\x9b2J", "\u2028", "caf\u00e9", "\ud800", "a\nb", "\U000e0041"]}
    Console(json=True).document(told)
    out = capsys.readouterr().out
    assert json.loads(out) == told
    assert out.replace("\n", "").isprintable()
    assert "caf\u00e9" in out


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


def compared(method: str) -> Table:
    """A table as `archllm compare` prints it: many columns, long headings."""
    columns = ["method", "validation accuracy on cifar10, %; after 150 evaluations", "cifar10.test@200 of it"]
    columns += ["evaluations to the optimum", "reached by", "cost of evaluations", "search takes", "pre-training"]
    row = ["91.58 ± 0.04", "94.36 ± 0.02", "≥ 128.5 ± 40.9", "3 of 10", "13 h 20 min", "1 min 02 s", "none"]
    return Table("", columns, [[method, *row]])


@pytest.mark.parametrize("room", [60, 80, 100])
def test_a_table_wider_than_the_terminal_keeps_its_methods_whole_and_breaks_no_word(monkeypatch, capsys, room):
    monkeypatch.setenv("COLUMNS", str(room))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    table = compared("sequence-without-pretraining")
    Console().table(table)
    lines = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= room
    assert sum("sequence-without-pretraining" in line for line in lines) == len(bands(table, room)) > 1
    words = {word for line in lines for word in line.split()}
    assert {word for text in (*table.columns, *table.rows[0]) for word in text.split()} <= words


texts = st.text(st.sampled_from("ab %±–"), max_size=12).map(str.strip)


@given(st.data(), st.integers(1, 8), st.integers(0, 3), st.integers(1, 120))
def test_each_column_stands_in_one_part_beside_the_first(data, columns, rows, room):
    lines = [data.draw(st.lists(texts, min_size=columns, max_size=columns)) for _ in range(rows + 1)]
    table = Table("", lines[0], lines[1:], frozenset(data.draw(st.sets(st.integers(0, columns - 1)))))
    parts = bands(table, room)
    assert all(0 in part for part in parts)
    assert [index for part in parts for index in part if index] == list(range(1, columns))
    for part in parts:
        wide = sum(part.values()) + 3 * (len(part) - 1)
        assert wide <= room or len(part) <= 2  # one column and what the row is about stand even where there is no room
        for index, width in part.items():
            assert width >= max((len(word) for line in lines for word in line[index].split()), default=0)
