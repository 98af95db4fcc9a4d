from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file

from archllm.errors import DataError, ExportError, InvalidInput, MissingExtra, RunFolderError
from archllm.networks.export import exporting, programs
from archllm.spaces import Architecture, SearchSpace, load_space, space_names

ALIKE = ("ofa-mobilenetv3", "enas12")  # made as mobilenetv3 and enas6 are
SPACES = [name for name in space_names() if name not in ALIKE and load_space(name).networks]
SMALL = {
    "nasbench101": {"channels": 8, "stacks": 2, "cells": 1},
    "nasbench201": {"channels": 4, "cells": 1},
    "darts": {"channels": 4, "layers": 3},
    "nats-size": {"channels": 4},
    "transformer": {"channels": 16},
    "transnasbench": {"channels": 4, "cells": 1},
    "nasbench-macro": {"channels": 4},
    "mobilenetv3": {"channels": 4},
    "mobile": {"channels": 8},
    "nasnet": {"channels": 4, "cells": 1},
    "enas6": {"channels": 4, "cells": 1},
    "scaled-cells": {},
    "conv-grammar": {"channels": 4},
    "interleaving": {"channels": 8, "patch": 2},
    "hierarchical-nasbench201": {"channels": 4, "image_size": 32},  # instances of few pixels have no variance
}
TRACED = [(name, "onnx") for name in SPACES if name != "hierarchical-nasbench201"]  # that one has a thousand modules
TRACED += [
    (name, "torch")
    for name in ("nasbench101", "nasbench201", "darts", "nats-size", "transformer", "conv-grammar", "scaled-cells")
]
DEEP = ("mobilenetv3", "mobile", "interleaving")
ENDINGS = {"python": ".py", "torch": ".pt2", "onnx": ".onnx"}


@pytest.fixture
def cell(nasbench201: SearchSpace) -> Architecture:
    return nasbench201.parse("1")


def some(name: str, seed: int = 0) -> Architecture:
    space = load_space(name)
    return space.architectures(space.sample(1, np.random.default_rng(seed)))[0]


def shallow(name: str) -> Architecture:
    """A member of few layers, where their number differs: tracing takes its time for each."""
    space = load_space(name)
    members = space.sample(20 if name in DEEP else 1, np.random.default_rng(0))
    return min(space.architectures(members), key=lambda arch: arch.macs)


def outputs(file: Path, images: torch.Tensor) -> torch.Tensor:
    """What a file of fixed weights computes."""
    if file.suffix == ".pt2":
        return torch.export.load(file).module()(images)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"images": images.numpy()})[0])


@pytest.mark.parametrize(("name", "to"), TRACED)
def test_the_file_computes_what_the_network_computes_for_any_batch(tmp_path, name, to):
    arch = shallow(name)
    torch.manual_seed(0)
    options = {"num_classes": 3, "in_channels": 1, "image_size": 8} | SMALL[name]
    network = arch.build(**options).eval()
    file = tmp_path / f"cell{ENDINGS[to]}"
    found = arch.export(file, to, weights=network, **options)
    assert found.size == file.stat().st_size and found.difference <= 1e-4
    for batch in (1, 7):
        size = options["image_size"]
        images = torch.randn(batch, 1, size, size, generator=torch.Generator().manual_seed(batch))
        with torch.no_grad():
            torch.testing.assert_close(outputs(file, images), network(images), rtol=1e-4, atol=1e-5)


def test_python_source_runs_where_archllm_is_not_installed(tmp_path):
    expected = {}
    for name in SPACES:
        arch = some(name)
        options = SMALL[name] | {"num_classes": 3, "image_size": 16}  # on one image size for all
        network = arch.build(**options).eval()
        with torch.no_grad():
            expected[name] = network(torch.ones(2, 3, 16, 16))
        arch.export(tmp_path / f"{name.replace('-', '_')}.py", weights=network, **options)
    program = (
        "import sys; sys.modules['archllm'] = None\n"
        "import importlib, json, torch\n"
        "for name in sys.argv[1:]:\n"
        "    network = importlib.import_module(name.replace('-', '_')).network().eval()\n"
        "    with torch.no_grad(): print(json.dumps(network(torch.ones(2, 3, 16, 16)).double().tolist()))\n"
    )
    words = [sys.executable, "-c", program, *SPACES]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    for name, line in zip(SPACES, done.stdout.splitlines(), strict=True):
        found = torch.tensor(json.loads(line))
        torch.testing.assert_close(found, expected[name], rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize("name", SPACES)
def test_python_source_is_formatted_lint_free_and_names_its_cell(tmp_path, name):
    for seed in range(4):
        arch = some(name, seed)
        file = tmp_path / f"cell_{seed}.py"
        options = SMALL[name] if seed else {}
        found = arch.export(file, weights=None if seed else arch.build(), **options)
        head = file.read_text().split('"""')[1]
        assert "".join(arch.text.split()) in "".join(head.split())
        assert f"{found.params if seed else arch.params:,} parameters" in head
        assert "archllm" not in file.read_text()
    ruff = [sys.executable, "-m", "ruff"]
    rules = ["--isolated", "--line-length", "120"]
    for words in (["format", "--check", *rules], ["check", "--select", "E,F,I,W,B,UP", *rules]):
        done = subprocess.run([*ruff, *words, str(tmp_path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_operations_that_are_not_used_are_not_exported(tmp_path, nasbench201):
    only_skips = nasbench201.parse("|skip_connect~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|")
    only_skips.export(tmp_path / "cell.py")
    source = (tmp_path / "cell.py").read_text()
    assert '"skip_connect": skip' in source and "def skip(" in source and "class Zero" in source
    assert "conv_3x3" not in source and "class ReLUConvBN" in source and "AvgPool2d(3" not in source


def test_a_cell_without_a_path_exports_and_gives_the_same_logits_for_all_images(tmp_path, nasbench201):
    dead = nasbench201.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
    dead.export(tmp_path / "dead.onnx", "onnx", channels=4, cells=1)
    found = outputs(tmp_path / "dead.onnx", torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


@pytest.mark.parametrize("to", ENDINGS)
def test_weights_come_from_a_safetensors_file(tmp_path, cell, to):
    network = cell.build(channels=4, cells=1).eval()
    torch.nn.init.constant_(network.classifier.bias, 3.25)
    save_file(network.state_dict(), tmp_path / "trained.safetensors")
    file = tmp_path / f"cell{ENDINGS[to]}"
    found = cell.export(file, to, weights=tmp_path / "trained.safetensors", channels=4, cells=1)
    if to == "python":
        assert found.weights == tmp_path / "cell.safetensors"
        assert (load_file(found.weights)["classifier.bias"] == 3.25).all()
    else:
        assert found.weights is None
        images = torch.ones(2, 3, 32, 32)
        with torch.no_grad():
            torch.testing.assert_close(outputs(file, images), network(images), rtol=1e-4, atol=1e-5)


def test_one_seed_gives_one_file(tmp_path, cell):
    for name in ("a", "b"):
        cell.export(tmp_path / f"{name}.pt2", "torch", seed=5, channels=4, cells=1)
    cell.export(tmp_path / "c.pt2", "torch", seed=6, channels=4, cells=1)
    images = torch.ones(1, 3, 32, 32)
    a, b, c = (outputs(tmp_path / f"{name}.pt2", images) for name in "abc")
    assert torch.equal(a, b) and not torch.equal(a, c)


def test_exporting_leaves_the_global_random_state_and_the_given_network_alone(tmp_path, cell):
    network = cell.build(channels=4, cells=1).train()
    before, state = torch.random.get_rng_state(), {k: v.clone() for k, v in network.state_dict().items()}
    cell.export(tmp_path / "cell.pt2", "torch", weights=network, channels=4, cells=1)
    cell.export(tmp_path / "cell.py", channels=4, cells=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert network.training and all(torch.equal(state[name], value) for name, value in network.state_dict().items())


def test_a_file_that_computes_something_else_is_not_written(tmp_path, cell, monkeypatch):
    written = exporting.standalone_source
    monkeypatch.setattr(
        exporting, "standalone_source", lambda *words: written(*words).replace("reduce(torch.add,", "reduce(torch.sub,")
    )
    (tmp_path / "cell.py").write_text("# mine\n")
    with pytest.raises(ExportError, match="off by"):
        cell.export(tmp_path / "cell.py", channels=4, cells=1)
    assert (tmp_path / "cell.py").read_text() == "# mine\n" and len(list(tmp_path.iterdir())) == 1


def test_a_file_may_be_off_as_much_as_the_network_is_itself(tmp_path, cell):
    """Large numbers that cancel: a runtime that adds them up in another order finds other last digits, as it may."""
    torch.manual_seed(0)
    network = cell.build(channels=4, cells=1).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean += 3e3
            module.bias.data += 3e3 * module.weight.data / (module.running_var + module.eps).sqrt()
    found = cell.export(tmp_path / "cell.onnx", weights=network, channels=4, cells=1)
    assert exporting.TOLERANCE < found.difference < 1e-2


def test_weights_of_another_network_are_refused_with_the_tensor(tmp_path, cell, nasbench201):
    file = tmp_path / "trained.safetensors"
    save_file(cell.build(channels=8, cells=1).state_dict(), file)
    with pytest.raises(DataError, match=r"trained\.safetensors.*should have shape"):
        cell.export(tmp_path / "cell.py", weights=file, channels=4, cells=1)
    with pytest.raises(DataError, match=r"lacks tensor 'layers"):
        cell.export(tmp_path / "cell.py", weights=file, channels=8, cells=2)
    with pytest.raises(DataError, match="foreign tensor"):
        nasbench201.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|").export(
            tmp_path / "cell.py", weights=file, channels=8, cells=1
        )
    assert not (tmp_path / "cell.py").exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path, cell, value):
    network = cell.build(channels=4, cells=1)
    torch.nn.init.constant_(network.classifier.bias, value)
    with pytest.raises(DataError, match=r"classifier\.bias.*infinite"):
        cell.export(tmp_path / "cell.onnx", "onnx", weights=network, channels=4, cells=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [None, b"", b"not a tensor file"])
def test_a_file_that_holds_no_weights_is_named(tmp_path, cell, content):
    file = tmp_path / "weights.safetensors"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError, match=r"weights\.safetensors"):
        cell.export(tmp_path / "cell.py", weights=file)


def test_a_missing_folder_is_named_before_any_work(tmp_path, cell):
    with pytest.raises(InvalidInput, match="there is no folder"):
        cell.export(tmp_path / "no" / "cell.py")
    with pytest.raises(InvalidInput, match="is a folder"):
        cell.export(tmp_path)


def test_an_unknown_format_is_refused_with_the_known_ones(tmp_path, cell):
    with pytest.raises(InvalidInput, match="python, torch, onnx"):
        cell.export(tmp_path / "cell.tf", "tensorflow")


def test_without_onnx_the_extra_is_named(tmp_path, cell, monkeypatch):
    monkeypatch.setattr(programs, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"archllm\[onnx\]"):
        cell.export(tmp_path / "cell.onnx", "onnx")


def test_a_full_disk_leaves_nothing_behind(tmp_path, cell, monkeypatch):
    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RunFolderError, match="No space left"):
        cell.export(tmp_path / "cell.py", channels=4, cells=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("opset", [14, 0, -1, 1000])
def test_an_opset_that_can_not_be_written_is_refused_before_any_work(tmp_path, cell, opset):
    with pytest.raises(InvalidInput, match=rf"an opset is 15 to \d+ .*got {opset}"):
        cell.export(tmp_path / "cell.onnx", opset=opset)
    assert not list(tmp_path.iterdir())
