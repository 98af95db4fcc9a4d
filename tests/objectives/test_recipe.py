"""The recipe learns on a small folder of photos what a plain network learns, and says where candidates only guess."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from archllm.objectives.candidate import CandidateTraining
from archllm.objectives.train import TrainObjective
from archllm.spaces import SearchSpace
from archllm.training.progress import Event
from archllm.workflows.search import search

Image = pytest.importorskip("PIL.Image")

CONVS = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
NOTHING = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> str:
    """300 PNG files of 64 x 48 pixels: discs, squares and triangles of any colour on a dark ground."""
    folder, rng = tmp_path_factory.mktemp("shapes"), np.random.default_rng(0)
    y, x = np.mgrid[:48, :64]
    for number in range(300):
        radius = rng.uniform(8, 14)
        down, right = y - rng.uniform(15, 33), x - rng.uniform(15, 49)
        inside = (
            down**2 + right**2 < radius**2,
            (abs(down) < 0.9 * radius) & (abs(right) < 0.9 * radius),
            (down < 0.8 * radius) & (down + radius > 1.8 * abs(right)),
        )[number % 3]
        pixels = np.where(inside[..., None], rng.integers(110, 256, 3), rng.integers(0, 60, 3))
        pixels = (pixels + rng.normal(0, 12, (48, 64, 3))).clip(0, 255).astype(np.uint8)
        home = folder / ("disc", "square", "triangle")[number % 3]
        home.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(home / f"{number}.png")
    return str(folder)


def plain_network(objective: TrainObjective, steps: int) -> float:
    """Validation accuracy of three convolutions that were trained with Adam, in percent."""
    (x, y), (valid_x, valid_y), _ = objective.sets
    rng = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for wide, out in ((3, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(wide, out, 3, stride=2, padding=1), nn.ReLU()]
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 3))
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(steps):
        rows = torch.randint(len(x), (64,), generator=rng)
        loss = F.cross_entropy(network(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return 100 * float((network(valid_x).argmax(1) == valid_y).float().mean())


@pytest.mark.slow
def test_candidates_learn_coloured_shapes_as_well_as_a_plain_network_does(
    nasbench201: SearchSpace, shapes: str
) -> None:
    objective = TrainObjective(nasbench201, shapes, CandidateTraining(image_size=16, network={"channels": 8}))
    found = objective.evaluate(nasbench201.parse(CONVS))
    assert found.metrics["steps"] >= 300
    assert found.value is not None and found.value >= plain_network(objective, int(found.metrics["steps"]))
    assert found.metrics["chance"] == pytest.approx(100 / 3) and found.metrics["at_chance"] == 0


def test_candidates_that_only_guess_are_said_once(nasbench201: SearchSpace, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(256, size=(60, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "noise.npz", x=noise, y=np.arange(60) % 2)
    told: list[Event] = []
    config = CandidateTraining(epochs=1, network={"channels": 2})
    found = search(
        space=nasbench201,
        objective=f"train:{tmp_path / 'noise.npz'}",
        method="random",
        budget=2,
        train=config,
        progress=told.append,
    )
    notes = [event.note for event in told if event.note]
    assert [trial.evaluation.metrics["at_chance"] for trial in found.trials] == [1, 1]
    assert len(notes) == 1 and "2 of 2 trained candidates score no better" in notes[0] and "50 %" in notes[0]


def test_what_was_done_to_the_files_is_said_before_a_search(nasbench201: SearchSpace, tmp_path: Path) -> None:
    for name, size in (("a", 8), ("b", 9)):
        (tmp_path / name).mkdir()
        for number in range(4):
            Image.new("L", (size, size), 20 * number).save(tmp_path / name / f"{number}.png")
    told: list[Event] = []
    config = CandidateTraining(epochs=1, network={"channels": 2})
    spec = f"train:{tmp_path}"
    search(space=nasbench201, objective=spec, method="random", budget=1, train=config, progress=told.append)
    assert "2 sizes, 8 x 8 to 9 x 9: all are resized to 8 x 8" in told[0].note
