"""Networks of cells whose operations are one's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.networks import sizes

from archllm.errors import DefinitionError
from archllm.networks.counting import count_macs, count_params
from archllm.spaces import Architecture, SearchSpace, load_space

BLOCKS = """
import torch
from torch import nn

class Gated(nn.Module):
    def __init__(self, channels, stride=1):
        super().__init__()
        self.value = nn.Conv2d(channels, channels, 3, stride, padding=1)
        self.gate = nn.Conv2d(channels, channels, 1, stride)

    def forward(self, x):
        return self.value(x) * torch.sigmoid(self.gate(x))

class Family:
    @staticmethod
    def deep(channels, stride=1):
        return nn.Sequential(Gated(channels, stride), nn.BatchNorm2d(channels))

def no_module(channels, stride=1):
    return 3

def narrow(channels, stride=1):
    return nn.Conv2d(channels, channels // 2, 1)

def wrong_input(channels, stride=1):
    return nn.Conv2d(channels + 1, channels, 1)

def failing(channels, stride=1):
    raise RuntimeError("no such luck")

number = 3
"""
OURS = "archllm.networks.operations"
KINDS = {
    "edge_dag": "nodes = 3",
    "node_dag": "max_vertices = 5\nmax_edges = 7",
    "genotype": "nodes = 2",
    "one-cell": "nodes = 2\ncells = 1\ncell_inputs = 3\ninputs_per_node = 1",
    "loose": 'nodes = 4\nrepeat_inputs = true\nconcat = "loose"',
    "loose-one-cell": 'nodes = 3\ncells = 1\ncell_inputs = 1\nrepeat_inputs = true\nconcat = "loose"',
}
modules = iter(range(1000))


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of blocks in a folder where Python looks, under a name that no other test used."""
    name = f"own_blocks_{next(modules)}"
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / f"{name}.py").write_text(BLOCKS)
    monkeypatch.syspath_prepend(folder)
    return name


def space_file(tmp_path: Path, kind: str, ops: dict[str, str]) -> SearchSpace:
    own = "genotype" if kind in ("one-cell", "loose", "loose-one-cell") else kind
    lines = [f'name = "own-{kind}"', f'kind = "{own}"', KINDS[kind], "[ops]"]
    path = tmp_path / "own.toml"
    path.write_text("\n".join([*lines, *(f'{op} = "{where}"' for op, where in ops.items())]))
    return load_space(path)


def own(tmp_path: Path, kind: str, module: str) -> SearchSpace:
    ops = {"none": f"{OURS}:none", "skip": f"{OURS}:skip", "gated": f"{module}:Gated", "deep": f"{module}:Family.deep"}
    return space_file(tmp_path, kind, ops)


def some(space: SearchSpace, n: int = 1) -> list[Architecture]:
    return space.architectures(space.sample(n, np.random.default_rng(1)))


@pytest.mark.parametrize("kind", KINDS)
def test_counts_are_those_of_the_built_network(tmp_path: Path, module: str, kind: str) -> None:
    space = own(tmp_path, kind, module)
    options = {"channels": 4, "cells": 2, "num_classes": 3, "in_channels": 1, "image_size": 16}
    for arch in some(space, 6):
        network = arch.build(**options)
        assert count_params(network) == sizes.params(space, arch.graph, **options)[0]
        assert count_macs(network, (1, 16, 16)) == sizes.macs(space, arch.graph, **options)[0]
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 3)


def test_an_edge_cell_computes_what_its_text_says(tmp_path: Path) -> None:
    from archllm.networks.cells.modules import EdgeCell, NodeCell

    def times(factor: float) -> torch.nn.Module:
        scaled = torch.nn.Conv2d(1, 1, 1, bias=False)
        torch.nn.init.constant_(scaled.weight, factor)
        return scaled

    operations = {"double": lambda channels: times(2.0), "triple": lambda channels: times(3.0)}
    one = torch.ones(1, 1, 1, 1)
    cell = EdgeCell(["double", "triple", "double"], 3, 1, operations)  # node 1 = 2, node 2 = 3 + 2 * 2
    assert float(cell(one)) == 7.0
    vertices = NodeCell([[0, 1, 1, 1], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]], ["double", "triple"], 1, operations)
    assert float(vertices(one)) == 3 * (1 + 2) + 1


def test_a_genotype_cell_adds_up_and_joins() -> None:
    from archllm.networks.cells.modules import GenotypeCell

    operations = {"same": lambda channels, stride: torch.nn.Identity()}
    edges = [("same", 0), ("same", 1), ("same", 2), ("same", 0)]
    cell = GenotypeCell(edges, [(2, 0), (2, 0)], 2, 2, 1, operations).eval()
    cell.inputs = torch.nn.ModuleList([torch.nn.Identity(), torch.nn.Identity()])
    first, second = torch.full((1, 2, 2, 2), 1.0), torch.full((1, 2, 2, 2), 10.0)
    found = cell([first, second])
    assert found[:, :2].unique().tolist() == [11.0] and found[:, 2:].unique().tolist() == [12.0]


def test_a_genotype_cell_joins_the_nodes_that_it_is_told() -> None:
    from archllm.networks.cells.modules import GenotypeCell

    operations = {"same": lambda channels, stride: torch.nn.Identity()}
    edges = [("same", 0), ("same", 0), ("same", 1), ("same", 0), ("same", 2), ("same", 2)]
    cell = GenotypeCell(edges, [(1, 0)], 2, 1, 1, operations, (1, 2)).eval()
    cell.inputs = torch.nn.ModuleList([torch.nn.Identity()])
    found = cell([torch.ones(1, 1, 2, 2)])  # 1 + 1 = 2, 2 + 1 = 3, 3 + 3 = 6
    assert found.shape == (1, 2, 2, 2) and found[0, :, 0, 0].tolist() == [3.0, 6.0]


@pytest.mark.parametrize("kind", KINDS)
def test_exported_python_needs_torch_and_the_own_module_alone(tmp_path: Path, module: str, kind: str) -> None:
    arch = some(own(tmp_path, kind, module))[0]
    out = tmp_path / "network.py"
    arch.export(out, channels=4, cells=1, image_size=8, num_classes=3)
    code = f"import sys; sys.modules['archllm'] = None; import runpy; runpy.run_path({str(out)!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "modules", capture_output=True, text=True, check=True
    )
    expected = int(sizes.params(arch.space, arch.graph, channels=4, cells=1, image_size=8, num_classes=3)[0])
    assert done.stdout.strip() == f"{expected:,} parameters; one image gives 3 logits"


@pytest.mark.parametrize("to", ["torch", "onnx"])
def test_own_operations_export_to_other_tools(tmp_path: Path, module: str, to: str) -> None:
    arch = some(own(tmp_path, "edge_dag", module))[0]
    assert arch.export(tmp_path / "network.any", to, channels=4, cells=1, image_size=8).difference <= 1e-4  # type: ignore[arg-type]


def test_modules_are_imported_when_a_network_is_built_and_not_before(tmp_path: Path, module: str) -> None:
    space = own(tmp_path, "edge_dag", module)
    arch = some(space)[0]
    assert space.parse(arch.text) == arch and space.neighbours(arch)
    assert module not in sys.modules
    arch.build(channels=4, cells=1)
    assert module in sys.modules or not {"gated", "deep"} & set(arch.text.replace("~", "|").split("|"))


def test_the_search_path_of_python_stays_as_it_was(tmp_path: Path, module: str) -> None:
    before = list(sys.path)
    some(own(tmp_path, "edge_dag", module))[0].build(channels=4, cells=1)
    assert sys.path == before


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("MODULE:no_module", "must return a torch module, and returned a int"),
        ("MODULE:narrow", r"must map \(2, 4, .* and gives \(2, 2"),
        ("MODULE:wrong_input", "fails on images 4 x"),
        ("MODULE:failing", "RuntimeError: no such luck"),
        ("MODULE:missing", "there is no missing in"),
        ("MODULE:number", "neither a function nor a class"),
        ("no_such_module_at_all:f", "there is no module no_such_module_at_all"),
        ("broken_module:f", "SyntaxError"),
    ],
)
def test_a_callable_that_makes_no_operation_is_refused_with_its_line(
    tmp_path: Path, module: str, where: str, said: str
) -> None:
    (tmp_path / "modules" / "broken_module.py").write_text("def f(:\n")
    space = space_file(tmp_path, "edge_dag", {"mine": where.replace("MODULE", module)})
    arch = some(space)[0]
    with pytest.raises(DefinitionError, match=rf"own\.toml, line 5: ops\.mine: .*{said}"):
        arch.build(channels=4, cells=1, image_size=8)


def test_a_candidate_of_own_operations_is_trained(tmp_path: Path, module: str) -> None:
    from archllm.objectives.candidate import CandidateTraining
    from archllm.objectives.train import TrainObjective

    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    np.savez(tmp_path / "halves.npz", x=rng.normal(y[:, None, None, None], 0.3, (60, 1, 8, 8)), y=y)
    space = own(tmp_path, "node_dag", module)
    training = CandidateTraining(epochs=1, batch_size=16, network={"channels": 2})
    found = TrainObjective(space, str(tmp_path / "halves.npz"), training).evaluate(some(space)[0])
    assert found.value is not None and found.metrics["params"] > 0
