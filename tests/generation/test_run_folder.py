"""Run folders: their heads, reports and journals."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archllm.errors import InvalidInput, RunFolderError
from archllm.generation.config import TrainConfig
from archllm.generation.recommended import PRESETS, recommended
from archllm.generation.run_folder import (
    RunInfo,
    check_same,
    check_startable,
    read_info,
    read_interrupted,
    read_report,
    work_folder,
    write_info,
)
from archllm.prior import PriorConfig
from archllm.spaces import SearchSpace, load_space
from archllm.spaces.registry import space_of_text
from archllm.tokenizer import TokenizerConfig
from archllm.training.log import Journal, read_journal
from archllm.training.progress import Event

JOINED = """
kind = "choices"
constraints = ["sum(slot.a1, slot.a2, slot.a3, slot.a4, slot.a5, slot.a6) <= 24"]
[slots]
"a{i=1..6}" = [1, 2, 3, 4, 5, 6, 7, 8]
"b{i=1..8}" = [3, 5, 7]
"""

INFO = RunInfo("nasbench201", 3, TrainConfig())

positive = st.floats(1e-12, 1e12)
configs = st.builds(
    TrainConfig,
    split=st.floats(0.001, 0.999),
    cells=st.integers(1, 10**12),
    permutations=st.integers(1, 100),
    tokenizer=st.builds(
        TokenizerConfig,
        kind=st.sampled_from(["vq", "plain"]),
        quantizer=st.sampled_from(["ema", "fsq", "simvq"]),
        codebook_size=st.integers(1, 10**6),
        learning_rate=positive,
        commitment=positive,
        warm_up=st.floats(0, 1),
    ),
    prior=st.builds(
        PriorConfig,
        kind=st.sampled_from(["code", "marginal"]),
        unigram_init=st.booleans(),
        soft_targets=st.booleans(),
        steps=st.integers(1, 10**9),
        learning_rate=positive,
        dropout=st.floats(0, 0.99),
    ),
)

# --- config.toml ---------------------------------------------------------------------------------------------------


@given(config=configs, seed=st.integers(0, 2**63 - 1))
def test_what_is_written_is_read_again(
    config: TrainConfig, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("run")
    info = RunInfo("darts", seed, config)
    write_info(folder, info)
    assert read_info(folder) == info


def test_the_file_can_be_read_and_changed_by_a_person() -> None:
    data = tomllib.loads(INFO.to_toml())
    assert (data["format"], data["space"], data["seed"]) == (4, "nasbench201", 3)
    assert data["train"]["split"] == 0.9 and data["train"]["prior"]["kind"] == "code"
    data["train"]["tokenizer"]["width"] = 8
    assert TrainConfig.from_mapping(data["train"]) == replace(TrainConfig(), tokenizer=TokenizerConfig(width=8))


def test_a_missing_folder_is_told_with_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"no run folder .*none; train one with `archllm train"):
        read_info(tmp_path / "none")


def test_a_folder_without_a_head_is_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"not a run folder.*config\.toml"):
        read_info(tmp_path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("seed = 3", "seed = 3\n[[["),
        ("seed = 3", 'seed = "3"'),
        ("seed = 3", "seed = 3.5"),
        ("seed = 3", "seed = true"),
        ("seed = 3", ""),
        ('space = "nasbench201"', "space = 4"),
        ('space = "nasbench201"', ""),
        ("[train]", "[training]"),
        ("[train]\n", "[train]\nother = 1\n"),
        ("split = 0.9\n", ""),
        ("split = 0.9", 'split = "most"'),
        ("permutations = 1", "permutations = 1.5"),
        ("permutations = 1", "permutations = true"),
        ("soft_targets = true", "soft_targets = 1"),
        ('kind = "vq"', 'kind = "other"'),
        ("layers = 2", "layers = 0"),
        ("[train.prior]", "[train.language]"),
        ("format = 4\n", ""),
        ("format = 4\n", "format = 3\n"),
        ("format = 4\n", 'format = "3"\n'),
    ],
)
def test_a_damaged_head_is_refused_by_name(tmp_path: Path, before: str, after: str) -> None:
    text = INFO.to_toml()
    assert before in text
    path = tmp_path / "config.toml"
    path.write_text(text.replace(before, after, 1))
    with pytest.raises(RunFolderError, match=r"config\.toml"):
        read_info(tmp_path)


def test_a_run_of_an_older_version_is_refused_with_what_was_renamed(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("format = 3\n[train]\norders = 1\n")
    with pytest.raises(RunFolderError, match=r"older version.*`orders`.*`permutations`.*train it again"):
        read_info(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"format = 4\ntrain = 3\nspace = 's'\nseed = 1", b"{}"])
def test_a_foreign_head_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.toml").write_bytes(content)
    with pytest.raises(RunFolderError, match=r"config\.toml"):
        read_info(tmp_path)


# --- configurations ------------------------------------------------------------------------------------------------


def test_what_is_not_named_stays_as_in_the_default() -> None:
    default = replace(TrainConfig(), permutations=4, prior=PriorConfig(steps=7))
    assert TrainConfig.from_mapping({}, default=default) == default
    changed = TrainConfig.from_mapping(
        {"split": 1, "prior": {"width": 8, "heads": 1}} | {"split": 0.5}, default=default
    )
    assert changed == replace(default, split=0.5, prior=PriorConfig(steps=7, width=8, heads=1))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"splitt": 0.5}, "splitt"),
        ({"tokenizer": {"widht": 8}}, "[tokenizer] has no setting 'widht'"),
        ({"tokenizer": 8}, "tokenizer"),
        ({"prior": {"width": "8"}}, "prior.width"),
        ({"prior": {"width": 8.0}}, "prior.width"),
        ({"prior": {"soft_targets": 1}}, "prior.soft_targets"),
        ({"cells": True}, "cells"),
        ({"split": None}, "split"),
        ({"prior": {"width": 0}}, "prior.width"),
    ],
)
def test_what_can_not_be_used_is_refused_by_name(data: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        TrainConfig.from_mapping(data)
    assert name in str(caught.value)


def test_a_whole_number_is_taken_where_any_number_is_asked_for() -> None:
    assert TrainConfig.from_mapping({"prior": {"weight_decay": 0}}).prior.weight_decay == 0


def test_long_sequences_are_learned_from_fewer_members_in_smaller_batches() -> None:
    short, long = recommended(load_space("interleaving")), recommended(load_space("hierarchical-nasbench201"))
    assert short.tokenizer.kind == long.tokenizer.kind == "plain"
    assert (short.cells, short.prior.batch) == (100_000, 128) and long.cells < 20_000 and long.prior.batch == 32


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201", "darts"])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_changes_how_long_and_nothing_else(name: str, preset: str, request: pytest.FixtureRequest) -> None:
    config = recommended(request.getfixturevalue(name))
    scaled = config.scaled(PRESETS[preset])
    factor = scaled.prior.steps / config.prior.steps
    assert {"quick": factor < 1, "standard": factor == 1, "thorough": factor > 1}[preset]
    assert (scaled.tokenizer.steps - config.tokenizer.steps) * (factor - 1) >= 0
    back = replace(
        scaled,
        tokenizer=replace(scaled.tokenizer, steps=config.tokenizer.steps),
        prior=replace(scaled.prior, steps=config.prior.steps),
    )
    assert back == config


def test_few_cells_to_train_on_are_guarded_against_learning_by_heart(nasbench101: SearchSpace) -> None:
    assert recommended(nasbench101, 0.9).prior.dropout == 0.0
    assert recommended(nasbench101, 0.1).prior.dropout > 0.0
    assert recommended(nasbench101, 0.1).split == 0.1


def test_small_spaces_are_trained_on_to_the_end_unless_most_of_their_cells_are_missing(
    nasbench201: SearchSpace,
) -> None:
    small = space_of_text('kind = "choices"\n[slots]\n"a{i=1..6}" = [1, 2, 3, 4]\n', "small.toml", "small")
    for space in (nasbench201, small, load_space("transnasbench")):
        assert recommended(space).prior.keep == "last"
        assert recommended(space, 0.1).prior.keep == "best"
        assert recommended(space, conditions=["params"]).prior.keep == "best"


def test_a_large_space_keeps_what_validation_chooses(nasbench101: SearchSpace, darts: SearchSpace) -> None:
    assert recommended(nasbench101).prior.keep == recommended(darts).prior.keep == "best"


def test_only_codes_that_do_not_depend_on_each_other_are_learned_from_their_marginals_in_few_steps() -> None:
    alone, joined = recommended(load_space("mobilenetv3")), recommended(space_of_text(JOINED, "joined.toml", "joined"))
    assert alone.prior.unigram_init and not joined.prior.unigram_init
    assert alone.prior.steps < joined.prior.steps
    told = recommended(load_space("mobilenetv3"), conditions=["params"])
    assert told.prior.steps > joined.prior.steps


def test_genotypes_are_learned_so_unless_a_constraint_joins_their_nodes(darts: SearchSpace) -> None:
    text = 'kind = "genotype"\nnodes = 4\nops = ["a", "b", "c", "d", "e", "f", "g"]\ncells = ["normal", "reduce"]\n'
    alone = space_of_text(text, "alone.toml", "alone")
    joined = space_of_text(text + """constraints = ['count("a") <= 3']\n""", "joined.toml", "joined")
    assert recommended(darts).prior == recommended(alone).prior and recommended(darts).prior.unigram_init
    assert not recommended(joined).prior.unigram_init
    assert recommended(joined).prior.steps > recommended(alone).prior.steps


# --- what is there already -----------------------------------------------------------------------------------------


def test_a_training_starts_where_nothing_stands(tmp_path: Path) -> None:
    out = tmp_path / "run"
    check_startable(out)
    work_folder(out).mkdir()
    with pytest.raises(RunFolderError, match=r"interrupted training.*--resume.*--overwrite"):
        check_startable(out)
    check_startable(out, overwrite=True)


def test_what_was_never_started_or_is_complete_can_not_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="was never started"):
        read_interrupted(tmp_path / "run")
    (tmp_path / "run").mkdir()
    with pytest.raises(RunFolderError, match="is complete already"):
        read_interrupted(tmp_path / "run")


def test_every_setting_that_differs_is_named(tmp_path: Path) -> None:
    check_same(tmp_path, INFO, INFO)
    other = replace(INFO, seed=4, config=replace(INFO.config, permutations=2, prior=PriorConfig(width=8)))
    with pytest.raises(RunFolderError) as caught:
        check_same(tmp_path, INFO, other)
    text = str(caught.value)
    assert all(part in text for part in ("seed 3 (asked for: 4)", "permutations 1 (asked for: 2)", "prior.width 96"))
    assert "split" not in text and "tokenizer" not in text


# --- metrics.json --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [None, b"", b"{", b"[1]", b"3", b"\xff", b"[" * 100_000])
def test_a_damaged_report_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "metrics.json").write_bytes(content)
    with pytest.raises(RunFolderError, match=r"metrics\.json"):
        read_report(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("held_out_nats", "low"), ("reconstruction", True), ("seconds", 3), ("parameters", {"prior": "many"})],
    ids=str,
)
def test_a_figure_of_a_report_that_is_no_number_is_refused_by_name(tmp_path: Path, name: str, value: object) -> None:
    (tmp_path / "metrics.json").write_text(json.dumps({name: value}))
    with pytest.raises(RunFolderError, match=rf"metrics\.json: {name} must"):
        read_report(tmp_path)


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text('{"a": [1, 2.5, null]}')
    assert read_report(tmp_path) == {"a": [1, 2.5, None]}


# --- train.jsonl ---------------------------------------------------------------------------------------------------


def event(step: int, stage: str = "tokenizer", steps: int = 25, **metrics: float) -> Event:
    return Event(stage, step, steps, {"loss": 1.0 / step} | metrics)


def test_the_journal_keeps_every_tenth_step_the_last_one_and_validations(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for step in range(1, 26):
        journal(event(step), step / 10)
    for step in (3, 4):
        journal(event(step, "prior", validation_loss=2.0) if step == 4 else event(step, "prior"), 0.5)
    records = read_journal(tmp_path)
    assert [(r["stage"], r["step"]) for r in records] == [
        ("tokenizer", 10),
        ("tokenizer", 20),
        ("tokenizer", 25),
        ("prior", 4),
    ]
    assert records[0] == {"stage": "tokenizer", "step": 10, "steps": 25, "seconds": 1.0, "loss": 0.1}


def test_a_step_that_a_resumed_training_does_again_counts_once(tmp_path: Path) -> None:
    for seconds in (1.0, 5.0):
        journal = Journal(tmp_path)
        journal(event(10), seconds)
    journal(event(20), 6.0)
    assert [(r["step"], r["seconds"]) for r in read_journal(tmp_path)] == [(10, 5.0), (20, 6.0)]
    before = read_journal(tmp_path)
    journal.settle()
    assert [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()] == before


def test_a_journal_without_repeats_is_settled_as_it_is(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.settle()
    assert not journal.path.exists()
    for step in (10, 20, 25):
        journal(event(step), step / 10)
    journal(event(4, "prior", validation_loss=2.0), 0.5)
    written = journal.path.read_bytes()
    journal.settle()
    assert journal.path.read_bytes() == written


@pytest.mark.parametrize("torn", ['{"stage": "tok', "{", "\x00\x00"])
def test_a_line_that_broke_off_is_dropped_when_the_training_goes_on(tmp_path: Path, torn: str) -> None:
    Journal(tmp_path)(event(10), 1.0)
    with (tmp_path / "train.jsonl").open("a") as file:
        file.write(torn)
    Journal(tmp_path)(event(20), 2.0)
    assert [r["step"] for r in read_journal(tmp_path)] == [10, 20]
    (tmp_path / "train.jsonl").write_text(torn)
    Journal(tmp_path)
    assert read_journal(tmp_path) == []


def test_no_journal_has_no_lines(tmp_path: Path) -> None:
    assert read_journal(tmp_path) == []


@pytest.mark.parametrize("line", ["{", "3", "{}", '{"stage": "prior"}', "null"])
def test_a_damaged_journal_is_refused_by_name(tmp_path: Path, line: str) -> None:
    (tmp_path / "train.jsonl").write_text(json.dumps({"stage": "prior", "step": 1}) + "\n" + line + "\n")
    with pytest.raises(RunFolderError, match=r"train\.jsonl is damaged"):
        read_journal(tmp_path)


def test_a_journal_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "gone")
    with pytest.raises(RunFolderError, match=r"can't write .*train\.jsonl"):
        journal(event(10), 1.0)


def test_products_are_written_in_tokens_that_are_exact() -> None:
    assert recommended(load_space("scaled-cells")).tokenizer.kind == "plain"
