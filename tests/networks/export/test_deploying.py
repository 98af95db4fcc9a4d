"""Deployed networks: raw images of any size in, probabilities out, the same in every file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from archllm.errors import DataError, ExportError
from archllm.networks.export.deploying import FILES, DeployedModel, Deployment
from archllm.networks.export.raw_images import resizing
from archllm.spaces import SearchSpace

pytest.importorskip("onnxruntime")

ABOUT = {"classes": ["../x", "<script>", 'a"b\n'], "channels": 3, "test_accuracy": 91.5}
"""Names of classes come from outside, and may be anything."""


@pytest.fixture(scope="module")
def deployment(nasbench201: SearchSpace) -> Deployment:
    networks = nasbench201.require_networks()
    setting = networks.setting(channels=4, cells=1, num_classes=3, image_size=12)
    blueprint = networks.blueprint(nasbench201.parse("1").graph, setting)
    torch.manual_seed(0)
    return Deployment(blueprint, blueprint.build().eval(), (120.0, 110.0, 100.0), (60.0, 50.0, 40.0))


@pytest.fixture(scope="module")
def batches() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((4, 12, 12, 3), (1, 31, 7, 3))]


@pytest.mark.parametrize(("length", "size"), [(50, 32), (7, 32), (32, 32), (33, 8)])
def test_images_are_resized_as_torch_resizes_them(length: int, size: int) -> None:
    x = torch.rand(1, 1, 1, length, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(x, size=(1, size), mode="bilinear", antialias=True)
    assert torch.allclose(x @ resizing(length, size).T, expected, atol=1e-5)


def test_probabilities_are_those_of_the_network_on_normalised_images(
    deployment: Deployment, batches: list[np.ndarray]
) -> None:
    x = torch.from_numpy(batches[0]).permute(0, 3, 1, 2).float()
    mean, std = (torch.tensor(part).reshape(1, 3, 1, 1) for part in ((120.0, 110.0, 100.0), (60.0, 50.0, 40.0)))
    with torch.no_grad():
        expected = deployment.network((x - mean) / std).softmax(1).numpy()
    assert np.allclose(deployment.probabilities(batches[0]), expected, atol=1e-5)


def test_every_file_gives_the_same_probabilities_and_holds_names_and_figures(
    deployment: Deployment, batches: list[np.ndarray], tmp_path: Path
) -> None:
    for form in FILES:
        written = deployment.write(tmp_path, form, ABOUT, batches)
        assert written.difference < 1e-5 and written.images == 5
    again = DeployedModel(tmp_path / "model.onnx")
    assert again.about == ABOUT and again.classes == tuple(ABOUT["classes"])
    for images in batches:
        assert np.allclose(again.probabilities(images), deployment.probabilities(images), atol=1e-5)
    files = {"about.json": ""}
    torch.export.load(str(tmp_path / "model.pt2"), extra_files=files)
    assert json.loads(files["about.json"]) == ABOUT


def test_the_python_file_needs_no_archllm_and_names_the_class_of_a_photo(
    deployment: Deployment, batches: list[np.ndarray], tmp_path: Path
) -> None:
    image = pytest.importorskip("PIL.Image").fromarray(batches[1][0])
    image.save(tmp_path / "photo.png")
    deployment.write(tmp_path, "python", ABOUT, batches)
    blocked = "import sys, runpy; sys.modules['archllm'] = None; sys.argv = ['model.py', 'photo.png']; "
    run = [sys.executable, "-c", f"{blocked}runpy.run_path('model.py', run_name='__main__')"]
    said = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    expected = deployment.probabilities(batches[1])[0]
    assert said == f"photo.png: {ABOUT['classes'][expected.argmax()]} ({expected.max():.1%})\n"


def test_a_file_that_computes_something_else_is_not_written(
    nasbench201: SearchSpace, deployment: Deployment, batches: list[np.ndarray], tmp_path: Path
) -> None:
    other = Deployment(deployment.blueprint, deployment.network, (0.0,) * 3, (1.0,) * 3)
    vars(deployment)["onnx"], kept = other.onnx, deployment.onnx
    with pytest.raises(ExportError, match="off by"):
        deployment.write(tmp_path, "onnx", ABOUT, batches)
    vars(deployment)["onnx"] = kept
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_deployed_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"nothing")
    for name in ("model.onnx", "absent.onnx"):
        with pytest.raises(DataError, match=name):
            DeployedModel(tmp_path / name)
