"""Deployed networks: raw images of any size in, probabilities out, the same in every file."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from archllm.errors import DataError, ExportError
from archllm.networks.export.deployed import DeployedModel
from archllm.networks.export.deploying import FILES, Deployment
from archllm.networks.export.raw_images import resizing
from archllm.spaces import SearchSpace

pytest.importorskip("onnxruntime")

ABOUT = {
    "classes": ["../x", "<script>", 'a"b\n'],
    "channels": 3,
    "image_size": 12,
    "white": 255.0,
    "test_accuracy": 91.5,
}
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
    (tmp_path / "notes.txt").write_text("no image")
    words = ["model.py", "none.png", "notes.txt", "photo.png"]
    blocked = f"import sys, runpy; sys.modules['archllm'] = None; sys.argv = {words}; "
    run = [sys.executable, "-c", f"{blocked}runpy.run_path('model.py', run_name='__main__')"]
    said = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    expected = deployment.probabilities(batches[1])[0]
    assert said.stdout == f"photo.png: {ABOUT['classes'][expected.argmax()]} ({expected.max():.1%})\n"
    assert [line.partition(":")[0] for line in said.stderr.splitlines()] == ["none.png", "notes.txt"]


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


def looping(model: Any) -> None:
    from onnx import TensorProto, helper

    body = helper.make_graph(
        [helper.make_node("Identity", ["more"], ["again"])],
        "body",
        [helper.make_tensor_value_info(name, kind, []) for name, kind in (("i", TensorProto.INT64), ("more", 9))],
        [helper.make_tensor_value_info("again", 9, [])],
    )
    model.graph.node.append(helper.make_node("Loop", ["", ""], [], body=body))


def branching_again(model: Any) -> None:
    choice = next(node for node in model.graph.node if node.op_type == "If")
    choice.attribute[0].g.node.append(copy.deepcopy(choice))


def elsewhere_in_a_branch(model: Any) -> None:
    choice = next(node for node in model.graph.node if node.op_type == "If")
    tensor = choice.attribute[0].g.initializer.add()
    tensor.data_location = 1


def foreign_in_a_branch(model: Any) -> None:
    choice = next(node for node in model.graph.node if node.op_type == "If")
    choice.attribute[1].g.node[0].domain = "com.others"


def elsewhere(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = 1
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"


def foreign(model: Any) -> None:
    model.graph.node[0].domain = "com.others"


def padded(model: Any) -> None:
    conv = next(node for node in model.graph.node if node.op_type == "Conv")
    next(each for each in conv.attribute if each.name == "pads").ints[:] = [10**6] * 4


def renamed(model: Any) -> None:
    model.graph.input[0].name = "pictures"


def about(**changed: object) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        for entry in model.metadata_props:
            if entry.key in changed:
                entry.value = json.dumps(changed[entry.key])

    return change


def deep(model: Any) -> None:
    model.metadata_props[0].value = "[" * 200_000


HOSTILE = [
    (looping, "a program within the program \\('Loop'\\)"),
    (branching_again, "a program within the program \\('If'\\)"),
    (elsewhere_in_a_branch, "numbers in other files"),
    (foreign_in_a_branch, "of 'com.others'"),
    (elsewhere, "numbers in other files"),
    (foreign, "of 'com.others'"),
    (padded, "numbers for one image"),
    (renamed, "called images"),
    (deep, "recursion"),
    (about(image_size=10**9), "its image_size must be 1 to 512, found 1000000000"),
    (about(image_size=True), "its image_size must be"),
    (about(channels=10**9), "its channels must be 1 or 3"),
    (about(white=float("nan")), "its white must be"),
    (about(white="255"), "its white must be"),
    (about(classes=[]), "its classes must be"),
    (about(classes="abc"), "its classes must be"),
    (about(classes=[{"a": 1}] * 3), "its classes must be"),
]


@pytest.fixture(scope="module")
def described(deployment: Deployment) -> bytes:
    """The file, with metadata."""
    onnx = pytest.importorskip("onnx")
    model = onnx.load_model_from_string(deployment.onnx)
    onnx.helper.set_model_props(model, {name: json.dumps(value) for name, value in ABOUT.items()})
    return model.SerializeToString()


@pytest.mark.parametrize(("change", "told"), HOSTILE)
def test_what_a_fit_would_not_write_is_refused_before_it_is_run(
    described: bytes, change: Callable[[Any], None], told: str, tmp_path: Path
) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load_model_from_string(described)
    change(model)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(DataError, match=told):
        DeployedModel(tmp_path / "model.onnx")


def test_answers_that_are_no_probabilities_of_the_classes_are_refused(described: bytes, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load_model_from_string(described)
    about(classes=["one"])(model)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(DataError, match=r"shape \(2, 3\)"):
        DeployedModel(tmp_path / "model.onnx").probabilities(np.zeros((2, 12, 12, 3), dtype=np.uint8))


def test_a_file_of_more_bytes_than_networks_have_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "model.onnx").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DataError, match="more than 536,870,912 bytes"):
        DeployedModel(tmp_path / "model.onnx")
