"""Training as a Python function: run folders, resuming, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from archllm.errors import InvalidInput, RunFolderError
from archllm.generator import load
from archllm.prior.config import PriorConfig
from archllm.runs import TrainConfig, work_folder
from archllm.tokenizer.config import TokenizerConfig
from archllm.training import Event
from archllm.workflows.train import train

SHORT = TrainConfig(
    split=0.3,
    tokenizer=TokenizerConfig(steps=12, batch=64, width=16, codebook_size=64),
    prior=PriorConfig(steps=12, width=16, layers=1, heads=2, batch=64),
)


class Stop(Exception):
    """What interrupts a training in a test."""


def stopping(stage: str, step: int):
    def hear(event: Event) -> None:
        if (event.stage, event.step) == (stage, step):
            raise Stop

    return hear


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "whole"
    train("nasbench201", SHORT, 5, out=out)
    return out


def test_one_seed_gives_one_result(tmp_path, whole):
    train("nasbench201", SHORT, 5, out=tmp_path / "again")
    for name in ("tokenizer.safetensors", "prior/model.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize("stage", ["tokenizer", "prior"])
def test_a_resumed_training_ends_as_an_uninterrupted_one(tmp_path, whole, stage, monkeypatch):
    monkeypatch.setattr("archllm.training.Loop.checkpoint_seconds", 0.0)
    out = tmp_path / "run"
    with pytest.raises(Stop):
        train("nasbench201", SHORT, 5, out=out, listener=stopping(stage, 8))
    assert not out.exists()
    train("nasbench201", SHORT, 5, out=out, resume=True)
    for name in ("tokenizer.safetensors", "prior/model.safetensors"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_a_training_is_resumed_with_the_same_settings_only(tmp_path):
    out = tmp_path / "run"
    with pytest.raises(Stop):
        train("nasbench201", SHORT, 5, out=out, listener=stopping("tokenizer", 1))
    with pytest.raises(RunFolderError, match=r"seed 5 \(asked for: 6\)"):
        train("nasbench201", SHORT, 6, out=out, resume=True)
    with pytest.raises(RunFolderError, match=r"split 0\.3 \(asked for: 0\.4\)"):
        train("nasbench201", replace(SHORT, split=0.4), 5, out=out, resume=True)


def test_what_could_not_start_leaves_no_folder_to_trip_over(tmp_path):
    wrong = replace(SHORT, tokenizer=replace(SHORT.tokenizer, quantizer="fsq", codebook_size=100))
    with pytest.raises(InvalidInput):
        train("nasbench201", wrong, out=tmp_path / "run")
    assert not work_folder(tmp_path / "run").exists()


def test_an_existing_run_stays_until_its_replacement_is_complete(tmp_path, whole):
    out = tmp_path / "run"
    train("nasbench201", SHORT, 1, out=out)
    with pytest.raises(Stop):
        train("nasbench201", SHORT, 2, out=out, overwrite=True, listener=stopping("prior", 1))
    assert load(out).seed == 1


def test_a_model_that_draws_nothing_valid_still_becomes_a_run(tmp_path):
    hopeless = replace(SHORT, tokenizer=replace(SHORT.tokenizer, steps=1), prior=replace(SHORT.prior, steps=1))
    train("nasbench201", hopeless, out=tmp_path / "run")
    assert load(tmp_path / "run").config == hopeless


def test_a_quick_preset_keeps_enough_steps_to_learn_from():
    quick = TrainConfig().scaled(0.3)
    assert (quick.tokenizer.steps, quick.prior.steps) == (150, 300)
    assert SHORT.scaled(0.1).tokenizer.steps == 12
