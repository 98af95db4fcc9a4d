"""Settings of a training in the text of an objective, on the command line and in a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archllm.errors import InvalidInput
from archllm.networks.setting import NetworkSetting
from archllm.objectives import load_objective
from archllm.objectives.candidate import CandidateTraining, TrainingSpec
from archllm.objectives.train import TrainObjective
from archllm.spaces import SearchSpace
from archllm.workflows.options import SearchOptions, command_line
from archllm.workflows.search import search


@given(
    st.builds(
        CandidateTraining,
        epochs=st.integers(1, 99),
        optimizer=st.sampled_from(["sgd", "adamw"]),
        learning_rate=st.floats(1e-6, 10),
        clip=st.none() | st.floats(0.1, 9),
        image_size=st.none() | st.integers(1, 99),
        network=st.just({}) | st.just({"channels": 4}),
    ),
    st.integers(0, 5),
)
def test_a_written_spec_is_read_as_the_same(config: CandidateTraining, seed: int) -> None:
    spec = TrainingSpec("photos", config, seed)
    assert TrainingSpec.of(str(spec), NetworkSetting) == spec


def test_what_the_text_does_not_say_comes_from_the_settings_given() -> None:
    default = CandidateTraining(epochs=3, batch_size=7)
    spec = TrainingSpec.of("photos?epochs=20&channels=16&seed=4", NetworkSetting, default)
    assert spec == TrainingSpec("photos", replace(default, epochs=20, network={"channels": 16}), 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("photos?epoch=20", r"train:photos has no setting 'epoch'; did you mean 'epochs'"),
        ("photos?epochs=0", "epochs must be a whole number of at least 1, got 0"),
        ("photos?epochs=many", "epochs must be a whole number of at least 1, got 'many'"),
        ("photos?epochs", "written KEY=VALUE"),
        ("photos?num_classes=3", "no setting 'num_classes'"),
        ("photos?optimizer=adam", "did you mean 'adamw'"),
        ("photos?seed=-1", "seed must be a whole number from 0"),
    ],
)
def test_what_can_not_be_set_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        TrainingSpec.of(text, NetworkSetting)


def test_a_folder_may_have_a_question_mark_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "what?epochs=3").mkdir()
    assert TrainingSpec.of(str(tmp_path / "what?epochs=3"), NetworkSetting).config == CandidateTraining()


@pytest.fixture
def data(tmp_path: Path) -> str:
    x = np.random.default_rng(0).integers(256, size=(24, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "noise.npz", x=x, y=np.arange(24) % 2)
    return str(tmp_path / "noise.npz")


def test_settings_of_the_text_win_over_those_of_the_search(nasbench201: SearchSpace, data: str) -> None:
    objective = load_objective(
        f"train:{data}?epochs=1&channels=2", nasbench201, 9.0, CandidateTraining(epochs=5, batch_size=8)
    )
    assert isinstance(objective, TrainObjective)
    config = objective.config
    assert (config.epochs, config.batch_size, config.time_limit, config.network) == (1, 8, 9.0, {"channels": 2})
    assert objective.spec == f"train:{data}?epochs=1&channels=2" and objective.identity.spec == f"train:{data}"


def test_shorter_trainings_are_objectives_of_their_own(nasbench201: SearchSpace, data: str) -> None:
    objective = load_objective(f"train:{data}?epochs=9&channels=2", nasbench201)
    shorter = [load_objective(spec, nasbench201) for spec in objective.lower_fidelities()]
    configs: list[Any] = [each.config for each in shorter if isinstance(each, TrainObjective)]
    assert [(each.epochs, each.network) for each in configs] == [(1, {"channels": 2}), (3, {"channels": 2})]


def test_a_search_trains_as_it_is_told(nasbench201: SearchSpace, data: str) -> None:
    train = CandidateTraining(epochs=2, batch_size=8, network={"channels": 2})
    found = search(space=nasbench201, objective=f"train:{data}", method="random", budget=1, train=train)
    assert len(found.trials[0].evaluation.curves[f"train:{data}"]) == 2


def test_a_printed_command_has_the_settings_of_the_training() -> None:
    options = SearchOptions(space="nasbench201", objective=("params",), budget=3, train=CandidateTraining(epochs=4))
    assert "--train.epochs 4" in command_line("search", options)
