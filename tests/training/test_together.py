"""Two real processes, started by `accelerate launch`, give what one process gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.prior.text.tiny import tiny_model
from tests.training.program import code, text

from archllm.cli import main
from archllm.generation.generator import load
from archllm.training.log import read_journal
from archllm.training.progress import Event
from archllm.workflows.train import train

ROOT = Path(__file__).parents[2]


class Stop(Exception):
    """What interrupts a training in a test."""


@dataclass(frozen=True)
class Found:
    """What two processes left behind, beside what one left."""

    folder: Path
    out: str
    err: str
    status: int

    def seen(self, rank: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f"seen-{rank}.json").read_text())
        return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder, base = tmp_path_factory.mktemp("together"), tiny_model("llama")

    def stopping(event: Event) -> None:
        if (event.stage, event.step) == ("prior", 3):
            raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("archllm.reporting.figures.write_figures", lambda *_: None)
        train("nasbench201", text(base), 3, out=folder / "one", device="cpu")
        assert main(code(folder / "code-one")) == 0
        patch.setattr("archllm.training.loop.CHECKPOINT_SECONDS", -1.0)
        with pytest.raises(Stop):
            train("nasbench201", text(base), 3, out=folder / "resumed", device="cpu", progress=stopping)
    words = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", "0"]
    words += ["-m", "tests.training.program", str(folder), base]
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *words], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (folder / "seen-0.json").exists() and (folder / "seen-1.json").exists(), done.stderr[-3000:]
    return Found(folder, done.stdout, done.stderr, done.returncode)


def assert_close(left: Path, right: Path, name: str) -> None:
    first, second = load_file(left / "prior" / name), load_file(right / "prior" / name)
    assert first.keys() == second.keys()
    for key in first:
        assert torch.allclose(first[key], second[key], rtol=1e-3, atol=1e-4), key


def figures(folder: Path, stage: str) -> list[dict[str, float]]:
    return [
        {name: value for name, value in record.items() if name not in ("stage", "seconds")}
        for record in read_journal(folder)
        if record["stage"] == stage
    ]


def test_two_processes_learn_what_one_learns(found: Found) -> None:
    assert_close(found.folder / "one", found.folder / "two", "adapter.safetensors")
    one, two = figures(found.folder / "one", "prior"), figures(found.folder / "two", "prior")
    assert len(one) == len(two)
    for first, second in zip(one, two, strict=True):
        assert second == pytest.approx(first, rel=1e-4)


def test_a_small_prior_too_and_its_likelihood_is_the_same(found: Found) -> None:
    assert_close(found.folder / "code-one", found.folder / "code", "model.safetensors")
    one, two = load(found.folder / "code-one").report, load(found.folder / "code").report
    assert two["held_out_nats"] == pytest.approx(one["held_out_nats"], rel=1e-4)


def test_the_tokenizer_is_that_of_one_process(found: Found) -> None:
    one, two = (found.folder / name / "tokenizer.safetensors" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_every_process_returns_the_same_model(found: Found) -> None:
    main, other = found.seen(0), found.seen(1)
    assert main["tokenizer"] == other["tokenizer"] and main["report"] == other["report"]
    assert main["two"] == pytest.approx(other["two"], rel=1e-6)


def test_two_processes_go_on_where_one_was_interrupted(found: Found) -> None:
    assert_close(found.folder / "one", found.folder / "resumed", "adapter.safetensors")
    assert found.seen(1)["resumed"] == pytest.approx(found.seen(0)["two"], rel=1e-3)


def test_one_process_writes_and_speaks(found: Found) -> None:
    left = sorted(path.name for path in found.folder.iterdir())
    assert left == ["code", "code-one", "one", "resumed", "seen-0.json", "seen-1.json", "two"]
    assert json.loads(found.out)["run"] == str(found.folder / "code")
    lines = (found.folder / "two" / "train.jsonl").read_text().splitlines()
    steps = [(json.loads(line)["stage"], json.loads(line)["step"]) for line in lines]
    assert steps == sorted(set(steps), key=steps.index)


def test_a_failure_of_one_is_one_of_both(found: Found) -> None:
    assert found.seen(0)["failures"] == ["RunFolderError", "TrainingDiverged"]
    assert found.seen(1)["failures"] == ["PeerFailed", "TrainingDiverged"]


def test_what_stops_one_stops_the_other_and_is_told_once(found: Found) -> None:
    assert found.seen(0)["codes"] == found.seen(1)["codes"] == [0, 1]
    assert found.err.count("exists already") == 1
    assert "archllm, process 1: another process is gone" in found.err
