"""Networks of NAS-Bench-101: what the modules compute."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from tests.spaces.nasbench101.cells import C3, INCEPTION_LIKE, MP

from archllm.errors import InvalidInput
from archllm.networks.nasbench101.modules import vertex_channels
from archllm.spaces import Architecture, SearchSpace


def cell(space: SearchSpace, matrix: list[list[int]], ops: list[str]) -> Architecture:
    return space.parse(json.dumps({"matrix": matrix, "ops": ops}))


def chain(space: SearchSpace, *ops: str) -> Architecture:
    return cell(space, np.eye(len(ops) + 2, k=1, dtype=int).tolist(), ["input", *ops, "output"])


def test_the_cell_without_vertices_is_a_projection(nasbench101: SearchSpace) -> None:
    network = chain(nasbench101).build(channels=4, stacks=1, cells=1).eval()
    body = network.layers[0]
    images = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(body(images), body.projections["1"](images))


def test_a_vertex_takes_the_first_channels_of_a_wider_one(nasbench101: SearchSpace) -> None:
    # vertex 1 feeds 2 and 3, which share the output's 5 channels: 3 and 2
    arch = cell(
        nasbench101,
        [[0, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]],
        ["input", C3, MP, MP, "output"],
    )
    body = arch.build(channels=5, stacks=1, cells=1).layers[0].eval()
    images = torch.rand(1, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    first = body.operations["1"](body.projections["1"](images))
    pooled = torch.nn.functional.max_pool2d(first, 3, 1, 1)
    assert first.shape[1] == 3
    assert torch.equal(body(images), torch.cat([pooled, pooled[:, :2]], dim=1))


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 28), (3, 5)])
def test_grey_and_colour_images_of_any_size(nasbench101: SearchSpace, channels: int, size: int) -> None:
    arch = cell(nasbench101, *INCEPTION_LIKE)
    network = arch.build(num_classes=6, channels=8, cells=1, in_channels=channels, image_size=size)
    assert network(torch.zeros(2, channels, size, size)).shape == (2, 6)


def test_every_parameter_learns(nasbench101: SearchSpace) -> None:
    network = cell(nasbench101, *INCEPTION_LIKE).build(channels=8, cells=2)
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    network(images).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


def test_images_that_vanish_are_refused(nasbench101: SearchSpace) -> None:
    with pytest.raises(InvalidInput, match="image_size must be at least 4"):
        nasbench101.networks.setting(image_size=3)


def test_vertices_share_the_output_and_never_feed_a_wider_one(nasbench101: SearchSpace) -> None:
    rng = np.random.default_rng(4)
    for arch in nasbench101.architectures(nasbench101.sample(100, rng)):
        matrix = nasbench101.networks.blueprint(arch.graph).arguments["matrix"]
        output = len(matrix) - 1
        for channels in (5, 128, 131):
            widths = vertex_channels(matrix, channels)
            inner = range(1, output)
            sharers = [widths[i] for i in inner if matrix[i][output]]
            assert sum(sharers) == (channels if sharers else 0)
            assert not sharers or max(sharers) - min(sharers) <= 1
            assert all(widths[i] >= widths[j] > 0 for i in inner for j in inner if matrix[i][j])


def test_cells_that_differ_in_one_operation_or_edge_compute_something_else(nasbench101: SearchSpace) -> None:
    arch = cell(nasbench101, [[0, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]], ["input", C3, MP, "output"])
    images = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    outputs = []
    for other in (arch, *nasbench101.neighbours(arch)):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = other.build(channels=6, stacks=2, cells=1).eval()
        outputs.append(network(images).detach())
    assert len(torch.cat(outputs).unique(dim=0)) == len(outputs)


def test_a_network_can_be_traced_for_any_number_of_images(nasbench101: SearchSpace) -> None:
    network = cell(nasbench101, *INCEPTION_LIKE).build(channels=8, cells=1).eval()
    batch = torch.export.Dim("batch")
    program = torch.export.export(network, (torch.zeros(2, 3, 9, 9),), dynamic_shapes=({0: batch},)).module()
    images = torch.randn(5, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(program(images), network(images), atol=1e-6)


def test_notes_tell_when_vertices_are_not_numbered_as_in_the_text(nasbench101: SearchSpace) -> None:
    same = nasbench101.networks.blueprint(chain(nasbench101, C3, MP).graph)
    assert same.notes == (f"vertex 1 = {C3}(input)", f"vertex 2 = {MP}(vertex 1)", "output = join(vertex 2)")
    other = nasbench101.networks.blueprint(cell(nasbench101, *INCEPTION_LIKE).graph)
    assert "numbered as in the benchmark's own list" in other.notes[0]
