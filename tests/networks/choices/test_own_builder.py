"""Networks of choices by a builder of one's own."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.networks import sizes

from archllm.cli import main
from archllm.errors import DefinitionError, InvalidInput
from archllm.networks.counting import count_macs, count_params
from archllm.networks.setting import NetworkSetting
from archllm.spaces import SearchSpace, load_space
from archllm.spaces.definition import ChoicesDefinition
from archllm.spaces.registry import space_of

BUILDER = '''
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from archllm.networks.choices.builder import Builder
from archllm.networks.mobile_layers import Classifier, ConvNormAct
from archllm.networks.setting import NetworkSetting

made = []

class Gated(nn.Module):
    def __init__(self, c_in, c_out, kernel):
        super().__init__()
        made.append((c_in, c_out, kernel))
        self.value = nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2)
        self.gate = nn.Conv2d(c_in, c_out, 1)

    def forward(self, x):
        return self.value(x) * torch.sigmoid(self.gate(x))

def layers(choices, setting):
    width = choices["width"] * setting.channels // 16
    found = [partial(ConvNormAct, setting.in_channels, width, 3, stride=2)]
    found += [partial(Gated, width, width, choices["kernel"])] * choices["depth"]
    if choices["depth"] > 1:
        found.append(partial(nn.Dropout, choices["dropout"]))
    return [*found, partial(Classifier, width, setting.num_classes)]

@dataclass(frozen=True, kw_only=True)
class Wide(NetworkSetting):
    channels: int = 64
    """Channels."""

class Own(Builder):
    setting_type = Wide
    small = {"channels": 16}

    def layers(self, choices, setting):
        return layers(choices, setting)

class NoBuilder:
    def layers(self, choices, setting):
        return []

def failing(choices, setting):
    return layers({}, setting)

def made_already(choices, setting):
    return [nn.Flatten()]

def no_logits(choices, setting):
    return [partial(ConvNormAct, setting.in_channels, 8)]

def unfitting(choices, setting):
    return [partial(ConvNormAct, 5, 8)]

def no_module(choices, setting):
    return [partial(dict)]

def listed(choices, setting):
    return [partial(Gated, [3], 8, 3)]

def other_values(choices, setting):
    return [partial(nn.Conv2d, 3, 8, 3, dtype=torch.float64)]

def unnamed(choices, setting):
    return [partial(lambda: nn.Flatten())]

def refusing(choices, setting):
    from archllm.errors import InvalidInput
    raise InvalidInput("images of 12 pixels or more, please")
'''
FILE = """kind = "choices"

[slots]
width = [8, 16, 32]
depth = [1, 2, 3]
kernel = [1, 3]
dropout = [0.0, 0.25]

[when]
dropout = "slot.depth > 1"

[network]
builder = "{builder}"
"""
modules = iter(range(1000))


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of builders where Python looks, under a name that no other test used."""
    name = f"own_builders_{next(modules)}"
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / f"{name}.py").write_text(BUILDER)
    monkeypatch.syspath_prepend(folder)
    return name


def space_file(tmp_path: Path, builder: str) -> SearchSpace:
    path = tmp_path / "own.toml"
    path.write_text(FILE.format(builder=builder))
    return load_space(path)


def test_counts_are_those_of_the_built_network(tmp_path: Path, module: str) -> None:
    space = space_file(tmp_path, f"{module}:layers")
    options = {"channels": 8, "num_classes": 3, "in_channels": 1, "image_size": 15}
    for arch in space.architectures(space.enumerate()):
        network = arch.build(**options)
        assert count_params(network) == sizes.params(space, arch.graph, **options)[0]
        assert count_macs(network, (1, 15, 15)) == sizes.macs(space, arch.graph, **options)[0]
    assert network(torch.zeros(2, 1, 15, 15)).shape == (2, 3)


def test_equal_layers_on_equal_inputs_are_made_once_to_be_counted(tmp_path: Path, module: str) -> None:
    space = space_file(tmp_path, f"{module}:layers")
    for _ in range(2):
        sizes.params(space, space.enumerate())
        sizes.macs(space, space.enumerate())
    assert len(importlib.import_module(module).made) == 3 * 2  # widths and kernels


def test_nothing_is_imported_until_a_network_is_counted(tmp_path: Path) -> None:
    space = space_file(tmp_path, "nowhere_to_be_found:layers")
    assert space.networks is not None
    arch = space.architectures(space.sample(1, np.random.default_rng(0)))[0]
    assert space.parse(arch.text) == arch
    with pytest.raises(DefinitionError, match=r"own\.toml, line 13.*network\.builder.*no module nowhere_to_be_found"):
        _ = arch.params


def test_a_builder_with_settings_of_its_own(tmp_path: Path, module: str) -> None:
    networks = space_file(tmp_path, f"{module}:Own").require_networks()
    assert networks.setting().channels == 64 and networks.small == {"channels": 16}
    with pytest.raises(InvalidInput, match=r"need a Wide.*got a NetworkSetting"):
        networks.params(networks.space.enumerate(), NetworkSetting())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("builder", "said"),
    [
        ("NoBuilder", "must be a function, or a subclass of archllm.networks.choices.builder:Builder"),
        ("failing", "each a functools.partial.*'width': 8.*it raised KeyError: 'width'"),
        ("made_already", "each a functools.partial.*AttributeError"),
        ("no_logits", "map images 3 x 32 x 32 to 10 logits, and its last layer gives 8 x 32 x 32"),
        ("unfitting", r"mobile_layers:ConvNormAct that fails on an input of 3 x 32 x 32: RuntimeError: "),
        ("no_module", "a layer must be a torch module, and it is a dict"),
        ("listed", r"numbers, texts, truth values, None and tuples.*\[3\]"),
        ("other_values", r"numbers, texts, truth values, None and tuples.*float64"),
        ("unnamed", "classes and functions that a module holds by name.*lambda"),
        ("missing", "there is no missing in own_builders"),
    ],
)
def test_what_a_builder_does_wrong_is_told_with_file_and_line(
    tmp_path: Path, module: str, builder: str, said: str
) -> None:
    space = space_file(tmp_path, f"{module}:{builder}")
    arch = space.parse("[width=8 depth=1 kernel=3]")
    for ask in (lambda: arch.params, arch.build):
        with pytest.raises(DefinitionError, match=rf"(?s)own\.toml, line 13.*{said}"):
            ask()


def test_a_builder_may_refuse_a_setting_in_its_own_words(tmp_path: Path, module: str) -> None:
    space = space_file(tmp_path, f"{module}:refusing")
    with pytest.raises(InvalidInput, match=r"^images of 12 pixels or more, please$"):
        sizes.params(space, space.enumerate(), image_size=8)


def test_exported_code_shows_each_layer_and_imports_the_module_of_others(tmp_path: Path, module: str) -> None:
    space = space_file(tmp_path, f"{module}:layers")
    arch = space.parse("[width=16 depth=2 kernel=3 dropout=0.25]")
    file = tmp_path / "network.py"
    assert arch.export(file, image_size=8).difference == 0
    code = file.read_text()
    layers = ["ConvNormAct(3, 16, 3, stride=2)", *[f"{module}.Gated(16, 16, 3)"] * 2, "nn.Dropout(0.25)"]
    assert "".join(f"        {layer},\n" for layer in [*layers, "Classifier(16, 10)"]) in code
    assert f"import {module}" in code and "archllm" not in code and f"Needs torch and {module}." in code
    ran = [sys.executable, "-c", f"import sys; sys.path[:0] = ['modules']; exec(open('{file.name}').read())"]
    done = subprocess.run(ran, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"{arch.params:,} parameters" in done.stdout


def test_a_run_folder_is_read_and_reported_without_importing_the_builder(
    tmp_path: Path, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("archllm.reporting.figures.write_figures", lambda *_: None)
    space_file(tmp_path, f"{module}:layers")
    settings = ["--tokenizer.kind", "plain", "--prior.kind", "marginal"]
    assert main(["train", "own.toml", "--out", "run", *settings]) == 0
    assert main(["search", "run", "--objective", "params", "--budget", "2", "--method", "random"]) == 0
    sys.modules.pop(module)
    (tmp_path / "run").rename("sent")
    for words in (["report", "sent"], ["sample", "sent", "-n", "2"], ["spaces", "check", "sent/space.toml"]):
        assert main(words) == 0
    assert module not in sys.modules and module in (tmp_path / "sent" / "blocks.json").read_text()
    assert main(["search", "sent", "--objective", "params", "--budget", "3", "--method", "random", "--resume"]) == 0
    assert module in sys.modules  # which counting takes


def test_a_definition_made_in_python_names_a_builder_and_is_written_with_it(module: str) -> None:
    slots = {"width": (8, 16), "depth": (1,), "kernel": (3,)}
    plain = ChoicesDefinition(name="plain", slots=slots)
    built = ChoicesDefinition(name="built", slots=slots, builder=f"{module}:layers")
    assert built.fingerprint == plain.fingerprint  # networks don't make other architectures
    assert space_of(plain).networks is None and space_of(built).networks is not None
    assert f'[network]\nbuilder = "{module}:layers"' in built.to_toml()
    with pytest.raises(DefinitionError, match=r"module:function.*found 'layers'"):
        ChoicesDefinition(name="built", slots=slots, builder="layers")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("network = 3", "must be a table"),
        ("[network]", "must be .network., then builder = "),
        ("[network]\nbuilder = 3", r"line 4.*network\.builder.*found 3"),
        ("[network]\nbuild = 'a:b'", r"line 4.*network\.build: unknown key.*builder"),
        ("[network]\nbuilder = 'a b:c'", r"line 4.*network\.builder.*module:function"),
    ],
)
def test_a_file_that_names_a_builder_wrongly_is_refused(tmp_path: Path, table: str, said: str) -> None:
    path = tmp_path / "wrong.toml"
    head = "slots = {width = [8, 16]}\n"
    path.write_text(f'{head}kind = "choices"\n{table}\n')
    with pytest.raises(DefinitionError, match=said):
        load_space(path)
