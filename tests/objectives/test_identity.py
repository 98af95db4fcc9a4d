"""An identity tells apart all that scores depend on, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from archllm.objectives import load_objective
from archllm.objectives.candidate import CandidateTraining
from archllm.objectives.command import CommandObjective
from archllm.objectives.complexity import Complexity
from archllm.objectives.identity import Identity, fingerprint
from archllm.objectives.proxies import ProxyObjective
from archllm.objectives.proxies.config import ProxyConfig
from archllm.objectives.train import TrainObjective


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def images(path: str, seed: int = 0, label: int = 0) -> str:
    rng = np.random.default_rng(seed)
    y = np.arange(60) % 3
    y[0] = label
    np.savez(path, x=rng.integers(0, 255, (60, 8, 8), dtype=np.uint8), y=y)
    return path


def table(path: str, *scores: float, more: str = "") -> str:
    head = "arch,score" + (",more" if more else "")
    rows = [f"{cell},{score}{',' + more if more else ''}" for cell, score in enumerate(scores)]
    Path(path).write_text("\n".join([head, *rows]) + "\n")
    return f"table:{path}/score"


def test_it_survives_a_store():
    found = Identity.of("minimise:train:x", CandidateTraining(), {"images": "ab"}, only_here="y")
    assert found.spec == "train:x" and found.settings["epochs"] == CandidateTraining().epochs
    again = Identity.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found and again.digest == found.digest and found.differences(again) == []


@pytest.mark.parametrize(
    "damaged", [None, {}, [], "spec", {"spec": 1, "settings": {}, "data": {}, "network": None, "only_here": ""}]
)
def test_a_damaged_one_is_refused(damaged):
    with pytest.raises(ValueError, match="damaged"):
        Identity.from_json(damaged)


def test_a_fingerprint_tells_apart_order_type_shape_and_borders():
    a = np.arange(6)
    parts = [(a,), (a[::-1],), (a.reshape(2, 3),), (a.astype(np.int32),), (a, ""), ("ab", "c"), ("a", "bc"), (b"a",)]
    assert len({fingerprint(*each) for each in parts}) == len(parts)
    assert fingerprint(a[::2]) == fingerprint(np.array([0, 2, 4]))


def test_every_setting_of_a_training_is_part_of_it_but_where_and_how_long(nasbench201):
    first = TrainObjective(nasbench201, images("a.npz"), CandidateTraining(epochs=2))
    assert first.identity.settings.keys() >= {"epochs", "learning_rate", "validation_share", "augmentation", "seed"}

    def told(**changes):
        seed = changes.pop("seed", 0)
        other = TrainObjective(nasbench201, "a.npz", CandidateTraining(epochs=2, **changes), seed)
        return first.identity.differences(other.identity)

    assert told() == told(device="cpu") == told(time_limit=9.0) == []
    assert told(learning_rate=0.2) == ["learning_rate is 0.1, asked for 0.2"]
    assert told(image_size=16) == ["image_size is None, asked for 16"]
    assert told(seed=1) == ["seed is 0, asked for 1"]


@pytest.mark.parametrize("change", [{"seed": 1}, {"label": 1}])
def test_other_images_or_labels_under_the_same_name_are_other_data(nasbench201, change):
    first = TrainObjective(nasbench201, images("a.npz")).identity
    assert first == TrainObjective(nasbench201, images("a.npz")).identity
    other = TrainObjective(nasbench201, images("a.npz", **change)).identity
    assert first.differences(other) == ["the images' content differs"] and first.digest != other.digest


def test_other_scores_under_the_name_of_a_table_are_other_data(nasbench201):
    first = load_objective(table("t.csv", 1.0, 2.0, 3.0), nasbench201).identity
    same = load_objective(table("t.csv", 1.0, 2.0, 3.0, more="7"), nasbench201).identity
    other = load_objective(table("t.csv", 1.0, 2.0, 4.0), nasbench201).identity
    assert first == same  # a column that is not looked at changes nothing
    assert first.differences(other) == ["the table's content differs"]
    shorter = load_objective(table("t.csv", 1.0, 2.0), nasbench201).identity
    assert first.differences(shorter) == ["the table's content differs"]


def test_networks_of_another_size_are_scored_differently(nasbench201):
    one, other = Complexity(nasbench201, "params"), Complexity(nasbench201, "params", channels=8)
    assert one.identity.digest != other.identity.digest
    assert one.identity == load_objective("maximise:params", nasbench201).identity  # a direction is no score
    small, large = ProxyObjective(nasbench201, "naswot"), ProxyObjective(nasbench201, "naswot", ProxyConfig(batch=8))
    assert small.identity.differences(large.identity) == ["batch is 64, asked for 8"]


def test_a_command_is_known_by_its_words_and_its_script(nasbench201):
    Path("score.sh").write_text("echo 1\n")
    first = CommandObjective(nasbench201, "sh score.sh").identity
    assert first == CommandObjective(nasbench201, "sh score.sh").identity
    Path("score.sh").write_text("echo 2\n")
    other = CommandObjective(nasbench201, "sh score.sh").identity
    assert first.differences(other) == ["the file score.sh's content differs"]


def test_settings_come_before_data_which_they_may_shape():
    one = Identity("train:x", {"image_size": 8}, {"images": "a"})
    assert one.differences(Identity("train:x", {"image_size": 16}, {"images": "b"})) == [
        "image_size is 8, asked for 16"
    ]
    assert one.differences(replace(one, spec="train:y")) == ["objective is 'train:x', asked for 'train:y'"]
