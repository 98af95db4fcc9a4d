"""What single operations and parts of DARTS networks compute."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from archllm.networks.blocks import DilConv, FactorizedReduce, SepConv
from archllm.networks.darts.modules import OPERATIONS, Network

SKIPS = tuple(("skip_connect", source) for source in (0, 1) * 4)


def positive(module: nn.Module) -> nn.Module:
    """The module with all weights 1, so that nothing cancels out, in evaluation mode."""
    for parameter in module.parameters():
        if parameter.dim() == 4:
            nn.init.ones_(parameter)
    return module.eval()


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) + 0.1


@pytest.mark.parametrize(
    ("op", "offsets"),
    [
        ("skip_connect", [0]),
        ("avg_pool_3x3", [-1, 0, 1]),
        ("sep_conv_3x3", [-2, -1, 0, 1, 2]),  # 3x3 twice
        ("sep_conv_5x5", [-4, -3, -2, -1, 0, 1, 2, 3, 4]),  # 5x5 twice
        ("dil_conv_3x3", [-2, 0, 2]),
        ("dil_conv_5x5", [-4, -2, 0, 2, 4]),
    ],
)
def test_an_operation_sees_the_pixels_of_its_kernel(op: str, offsets: list[int]) -> None:
    image = noise(1, 1, 15, 15).requires_grad_()
    positive(OPERATIONS[op](1, 1))(image)[0, 0, 7, 7].backward()
    assert image.grad is not None
    rows, columns = (image.grad[0, 0] != 0).nonzero(as_tuple=True)
    assert {(int(r) - 7, int(c) - 7) for r, c in zip(rows, columns, strict=True)} == {
        (r, c) for r in offsets for c in offsets
    }


@pytest.mark.parametrize(("stride", "bright"), [(1, 9), (2, 4)])
def test_max_pooling_carries_one_bright_pixel_to_all_windows_that_hold_it(stride: int, bright: int) -> None:
    image = torch.full((1, 1, 8, 8), -3.0)
    image[0, 0, 3, 3] = 5.0
    pooled = OPERATIONS["max_pool_3x3"](1, stride)(image)
    assert (pooled == 5).sum() == bright
    assert ((pooled == 5) | (pooled == -3)).all()


def test_a_factorized_reduction_reads_even_pixels_and_odd_pixels_side_by_side() -> None:
    image = noise(2, 1, 6, 6)
    halved = positive(FactorizedReduce(1, 2))(image)
    expected = torch.stack([image[:, 0, ::2, ::2], image[:, 0, 1::2, 1::2]], dim=1)
    torch.testing.assert_close(halved, expected, rtol=1e-4, atol=0)


@pytest.mark.parametrize(
    ("block", "arguments"),
    [
        (SepConv, (4, 3, 1)),
        (SepConv, (4, 5, 2)),
        (DilConv, (4, 3, 2)),
        (DilConv, (4, 5, 1)),
        (FactorizedReduce, (4, 4)),
    ],
)
def test_an_operation_with_weights_starts_with_a_relu(block: type[nn.Module], arguments: tuple[int, ...]) -> None:
    image = noise(2, 4, 8, 8)
    module = positive(block(*arguments))
    assert torch.equal(module(-image), module(0 * image))
    assert not torch.equal(module(image), module(0 * image))


def test_a_separable_convolution_has_a_second_relu_in_the_middle_and_a_dilated_one_has_not() -> None:
    a, b = noise(2, 4, 8, 8, seed=1), noise(2, 4, 8, 8, seed=2)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sep, dil = SepConv(4, 3, 1).eval(), DilConv(4, 3, 1).eval()
    # on positive images the first makes no difference, and fresh batch norms are linear in evaluation mode
    assert torch.allclose(dil(a + b), dil(a) + dil(b), atol=1e-5)
    assert not torch.allclose(sep(a + b), sep(a) + sep(b), atol=1e-5)


@pytest.mark.parametrize(("stem", "sides"), [("cifar", (64, 64)), ("imagenet", (16, 8))])
def test_both_inputs_of_the_first_cell_come_from_a_batch_norm(stem: str, sides: tuple[int, int]) -> None:
    network = Network(SKIPS, SKIPS, channels=4, layers=1, stem=stem)
    older = network.stem0(noise(4, 3, 64, 64))
    for found, side in zip((older, network.stem1(older)), sides, strict=True):
        assert found.shape[2:] == (side, side)
        torch.testing.assert_close(found.mean((0, 2, 3)), torch.zeros(found.shape[1]), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("layers", "last"), [(2, 1), (3, 2), (6, 4), (8, 5)])
def test_the_auxiliary_head_teaches_the_cells_up_to_the_second_reduction(layers: int, last: int) -> None:
    network = Network(SKIPS, SKIPS, channels=2, layers=layers, auxiliary=True)
    _, aside = network(noise(2, 3, 32, 32))
    aside.square().sum().backward()
    taught = [any(p.grad is not None for p in cell.parameters()) for cell in network.cells]
    assert taught == [True] * (last + 1) + [False] * (layers - last - 1)
