"""Training as a Python function: run folders, resuming, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archllm.errors import InvalidInput, RunFolderError
from archllm.generation.config import TrainConfig
from archllm.generation.generator import ArchLLM, load
from archllm.generation.run_folder import work_folder
from archllm.prior.config import PriorConfig
from archllm.spaces import SearchSpace
from archllm.tokenizer.config import TokenizerConfig
from archllm.training.log import read_journal
from archllm.training.loop import Loop
from archllm.training.progress import Event
from archllm.workflows.train import train

SHORT = TrainConfig(
    split=0.3,
    tokenizer=TokenizerConfig(steps=12, batch=32, width=16, layers=1, codebook_size=64),
    prior=PriorConfig(steps=12, width=16, layers=1, heads=2, batch=32),
)


class Stop(Exception):
    """What interrupts a training in a test."""


def stopping(stage: str, step: int) -> Callable[[Event], None]:
    def hear(event: Event) -> None:
        if (event.stage, event.step) == (stage, step):
            raise Stop

    return hear


def stop(*_: object, **__: object) -> None:
    raise Stop


@pytest.fixture(scope="module", autouse=True)
def no_figures() -> Iterator[None]:
    """Drawing takes longer than these trainings and changes nothing about them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("archllm.reporting.figures.write_figures", lambda *_: None)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    train("nasbench201", SHORT, 5, out=out)
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def report(folder: Path) -> dict[str, Any]:
    """The report without what a clock says."""
    found: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
    assert found.pop("seconds").keys() == {"tokenizer", "prior"}
    return found


def assert_equal_runs(left: Path, right: Path) -> None:
    for name in (
        "config.toml",
        "tokenizer.json",
        "tokenizer.safetensors",
        "prior/prior.json",
        "prior/model.safetensors",
    ):
        assert (left / name).read_bytes() == (right / name).read_bytes(), name
    assert report(left) == report(right)
    first, second = load(left), load(right)
    cells = first.cells.held_out[:500]
    codes = first.tokenizer.encode(cells)
    assert (second.tokenizer.encode(cells) == codes).all()
    assert np.array_equal(first.prior.log_prob(codes), second.prior.log_prob(codes))
    assert contents(left).keys() == contents(right).keys()


# --- one seed, one result ------------------------------------------------------------------------------------------


def test_one_seed_gives_one_result_and_another_seed_another(tmp_path: Path, whole: Path) -> None:
    torch.manual_seed(123)
    train("nasbench201", SHORT, 5, out=tmp_path / "again")
    assert_equal_runs(tmp_path / "again", whole)
    train("nasbench201", SHORT, 6, out=tmp_path / "other")
    weights = [(run / "tokenizer.safetensors").read_bytes() for run in (whole, tmp_path / "other")]
    assert weights[0] != weights[1]


def test_the_run_folder_holds_what_the_function_returns(tmp_path: Path, nasbench201: SearchSpace) -> None:
    out = tmp_path / "run"
    model = train(nasbench201, SHORT, 5, out=out)
    back = load(out)
    assert (back.space, back.config, back.seed, back.report) == (nasbench201, SHORT, 5, model.report)
    codes = model.tokenizer.encode(model.cells.held_out)
    assert (back.tokenizer.encode(back.cells.held_out) == codes).all()
    assert np.array_equal(back.prior.log_prob(codes), model.prior.log_prob(codes))
    assert {(r["stage"], r["step"]) for r in read_journal(out)} >= {("tokenizer", 12), ("prior", 12)}
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert not [name for name in contents(out) if "checkpoint" in name or name.endswith((".pkl", ".bin", ".pt"))]


def test_the_report_is_measured_on_the_cells_of_the_split(whole: Path) -> None:
    found, model = report(whole), load(whole)
    assert found["cells"] == {"train": 4688, "held_out": 10_937}
    assert found["reconstruction"] == model.tokenizer.reconstruction(model.cells.held_out)
    nats = -model.prior.log_prob(model.tokenizer.encode(model.cells.held_out)).mean()
    assert found["held_out_nats"] == pytest.approx(nats)
    assert found["codebook"]["used"] <= found["codebook"]["size"] == model.tokenizer.codebook_size
    assert found["parameters"] == {"tokenizer": model.tokenizer.parameters(), "prior": model.prior.parameters()}


def test_cells_put_aside_for_the_prior_are_not_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[tuple[str, int]] = []

    def no_training(loop: Loop) -> None:
        rows.append((loop.stage, loop.rows))

    monkeypatch.setattr(Loop, "run", no_training)
    train("nasbench201", replace(SHORT, permutations=2, prior=replace(SHORT.prior, validation=0.25)), 5)
    assert rows == [("tokenizer", 2 * 3516), ("prior", 2 * 3516)]  # three quarters of 4,688, each in two permutations


# --- interrupted and resumed ---------------------------------------------------------------------------------------


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints after every step."""
    monkeypatch.setattr("archllm.training.loop.CHECKPOINT_SECONDS", -1.0)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    ("stage", "step", "left"),
    [
        ("tokenizer", 1, []),
        ("tokenizer", 8, ["checkpoint-tokenizer.safetensors"]),
        ("tokenizer", 12, ["checkpoint-tokenizer.safetensors"]),
        ("prior", 1, ["checkpoint-tokenizer.safetensors"]),
        ("prior", 8, ["checkpoint-prior.safetensors", "checkpoint-tokenizer.safetensors"]),
    ],
)
def test_a_resumed_training_ends_as_an_uninterrupted_one(
    tmp_path: Path, whole: Path, stage: str, step: int, left: list[str]
) -> None:
    out = tmp_path / "run"
    heard: list[tuple[str, int]] = []
    with pytest.raises(Stop):
        train("nasbench201", SHORT, 5, out=out, progress=stopping(stage, step))
    assert not out.exists()
    assert sorted(path.name for path in work_folder(out).glob("checkpoint*")) == left
    train("nasbench201", SHORT, 5, out=out, resume=True, progress=lambda e: heard.append((e.stage, e.step)))
    assert heard[0] == (stage, step)  # the step that was not kept, and none before it
    assert_equal_runs(out, whole)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "place",
    [
        "archllm.tokenizer.vq.VQTokenizer.save",
        "archllm.workflows.train.build_prior",
        "archllm.prior.code_lm.CodeLM.save",
        "archllm.tokenizer.base.Tokenizer.usage",
        "archllm.reporting.figures.write_figures",
        "archllm.workflows.train.publish",
    ],
)
def test_a_training_interrupted_between_its_stages_can_be_resumed(tmp_path: Path, whole: Path, place: str) -> None:
    out = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, stop)
        with pytest.raises(Stop):
            train("nasbench201", SHORT, 5, out=out)
    assert not out.exists()
    train("nasbench201", SHORT, 5, out=out, resume=True)
    assert_equal_runs(out, whole)


@pytest.mark.usefixtures("eager")
def test_a_journal_line_that_broke_off_does_not_stop_a_resumed_training(tmp_path: Path, whole: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(Stop):
        train("nasbench201", SHORT, 5, out=out, progress=stopping("prior", 6))
    with (work_folder(out) / "train.jsonl").open("a") as file:
        file.write('{"stage": "pri')
    train("nasbench201", SHORT, 5, out=out, resume=True)
    assert_equal_runs(out, whole)


def test_a_training_is_resumed_with_the_same_settings_only(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(Stop):
        train("nasbench201", SHORT, 5, out=out, progress=stopping("tokenizer", 1))
    before = contents(work_folder(out))
    with pytest.raises(RunFolderError, match=r"seed 5 \(asked for: 6\)"):
        train("nasbench201", SHORT, 6, out=out, resume=True)
    with pytest.raises(RunFolderError, match=r"split 0\.3 \(asked for: 0\.4\)"):
        train("nasbench201", replace(SHORT, split=0.4), 5, out=out, resume=True)
    with pytest.raises(RunFolderError, match=r"space 'nasbench201' \(asked for: 'darts'\)"):
        train("darts", SHORT, 5, out=out, resume=True)
    assert contents(work_folder(out)) == before


@pytest.mark.parametrize("state", ["complete", "missing"])
def test_there_is_nothing_to_resume(tmp_path: Path, whole: Path, state: str) -> None:
    with pytest.raises(RunFolderError, match="nothing to resume"):
        train("nasbench201", SHORT, 5, out=whole if state == "complete" else tmp_path / "run", resume=True)


@pytest.mark.usefixtures("eager")
def test_a_damaged_checkpoint_is_told(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(Stop):
        train("nasbench201", SHORT, 5, out=out, progress=stopping("tokenizer", 4))
    path = work_folder(out) / "checkpoint-tokenizer.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(RunFolderError, match=r"checkpoint-tokenizer\.safetensors can't be taken up"):
        train("nasbench201", SHORT, 5, out=out, resume=True)


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["run", "folder", "file", "interrupted"])
def test_what_exists_is_refused_before_any_work_and_left_as_it_was(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "run"
    if kind == "file":
        out.write_text("mine")
    else:
        folder = work_folder(out) if kind == "interrupted" else out
        folder.mkdir()
        (folder / ("config.toml" if kind == "run" else "notes.txt")).write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(RunFolderError, match="run"):
        train("nasbench201", SHORT, out=out, progress=stop)
    assert contents(tmp_path) == before


def test_what_could_not_start_leaves_no_folder_to_trip_over(tmp_path: Path) -> None:
    wrong = replace(SHORT, tokenizer=replace(SHORT.tokenizer, quantizer="fsq", codebook_size=100))
    with pytest.raises(InvalidInput):
        train("nasbench201", wrong, out=tmp_path / "run")
    assert not work_folder(tmp_path / "run").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": -1},
        {"device": "nothing"},
        {"space": "nasbench301"},
        {"config": replace(SHORT, tokenizer=replace(SHORT.tokenizer, code_length=7))},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_setting_that_can_not_be_used_is_refused_without_a_trace(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        train(**({"space": "nasbench201", "config": SHORT, "out": tmp_path / "run"} | wrong))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("change", [{"split": 1.0}, {"permutations": 0}], ids=str)
def test_a_configuration_out_of_bounds_can_not_be_made(change: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(change))):
        replace(SHORT, **change)


# --- replacing a run -----------------------------------------------------------------------------------------------


def test_an_existing_run_stays_until_its_replacement_is_complete(tmp_path: Path) -> None:
    out = tmp_path / "run"
    train("nasbench201", SHORT, 1, out=out)
    before = contents(out)
    with pytest.raises(Stop):
        train("nasbench201", SHORT, 2, out=out, overwrite=True, progress=stopping("prior", 1))
    assert contents(out) == before
    train("nasbench201", SHORT, 2, out=out, resume=True, overwrite=True)
    assert load(out).seed == 2 and [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_model_that_draws_nothing_valid_still_becomes_a_run(tmp_path: Path) -> None:
    hopeless = replace(SHORT, tokenizer=replace(SHORT.tokenizer, steps=1), prior=replace(SHORT.prior, steps=1))
    train("nasbench201", hopeless, out=tmp_path / "run")
    assert load(tmp_path / "run").config == hopeless


def test_a_model_without_a_folder_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(train("nasbench201", SHORT, 5), ArchLLM)
    assert not list(tmp_path.iterdir())


def test_a_quick_preset_keeps_enough_steps_to_learn_from() -> None:
    quick = TrainConfig(tokenizer=TokenizerConfig(steps=400), prior=PriorConfig(steps=1000)).scaled(0.3)
    assert (quick.tokenizer.steps, quick.prior.steps) == (150, 300)
    assert SHORT.scaled(0.1).tokenizer.steps == 12
