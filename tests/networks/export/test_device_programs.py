"""Programs for phones: the same outputs in their own runtimes, one image at a time."""

from __future__ import annotations

import json
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from archllm.errors import ExportError, MissingExtra
from archllm.networks.export import FORMATS
from archllm.networks.export.deploying import DEVICE_FILES, Deployment
from archllm.networks.export.device_programs import DEVICE_FORMATS, device_program, need_device_format
from archllm.spaces import load_space
from archllm.spaces.network_interface import DeviceFormat, ExportFormat

ABOUT = {"classes": ["../x", "<script>", 'a"b\né'], "channels": 3}
LIBRARIES = {"executorch": "executorch", "tflite": "litert_torch"}
THERE = [form for form in DEVICE_FORMATS if find_spec(LIBRARIES[form])]
ABSENT = [form for form in DEVICE_FORMATS if form not in THERE]


def test_forms_are_named_alike_everywhere() -> None:
    assert get_args(ExportFormat) == FORMATS and get_args(DeviceFormat) == DEVICE_FORMATS == tuple(DEVICE_FILES)


@pytest.mark.parametrize("to", ABSENT)
def test_without_its_library_the_extra_is_named_and_nothing_is_written(to: DeviceFormat, tmp_path: Path) -> None:
    with pytest.raises(MissingExtra, match=rf"archllm\[{to}\]"):
        need_device_format(to)
    cell = load_space("nasbench201").parse("1")
    with pytest.raises(MissingExtra, match=rf"archllm\[{to}\]"):
        cell.export(tmp_path / f"cell{Path(DEVICE_FILES[to]).suffix}", channels=4, cells=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("to", THERE)
def test_a_network_computes_the_same_there(to: DeviceFormat, tmp_path: Path) -> None:
    cell = load_space("nasbench201").parse("1462")
    file = tmp_path / f"cell{Path(DEVICE_FILES[to]).suffix}"
    written = cell.export(file, channels=4, cells=1, image_size=8)
    assert written.format == to and written.difference < 1e-4 and file.stat().st_size == written.size


@pytest.mark.slow
@pytest.mark.parametrize("to", THERE)
def test_a_deployed_network_takes_bytes_and_says_what_it_is(to: DeviceFormat, tmp_path: Path) -> None:
    space = load_space("mobile")
    networks = space.require_networks()
    setting = networks.setting(num_classes=3, image_size=16)
    blueprint = networks.blueprint(space.sample(1, np.random.default_rng(0)), setting)
    torch.manual_seed(0)
    deployment = Deployment(blueprint, blueprint.build().eval(), (120.0, 110.0, 100.0), (60.0, 50.0, 40.0))
    rng = np.random.default_rng(0)
    batches = [rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((4, 16, 16, 3), (1, 31, 7, 3))]
    written = deployment.write(tmp_path, to, ABOUT, batches)
    assert written.images == 4 and written.difference < 1e-5
    expected = ABOUT | {"input": "bytes 1 x 16 x 16 x 3", "output": "probabilities: 1 x classes"}
    if to == "tflite":
        assert json.loads(zipfile.ZipFile(written.path).read("about.json")) == expected
    else:
        from executorch.runtime import Runtime

        assert json.loads(Runtime.get().load_program(written.path).load_method("about").execute([])[0]) == expected


@pytest.mark.slow
@pytest.mark.parametrize("to", THERE)
def test_what_can_not_be_compiled_is_told_in_a_line(to: DeviceFormat) -> None:
    class Odd(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if bool(x.sum() > 0) else -x

    with pytest.raises(ExportError, match="can't compile this network") as caught:
        device_program(to, Odd(), torch.ones(1, 2))
    assert "\n" not in str(caught.value)
