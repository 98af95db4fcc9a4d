import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from archllm.networks.latency.graph import UnknownOperation, onnx_graph
from archllm.spaces import load_space


def outputs(network, image, images):
    session = onnxruntime.InferenceSession(onnx_graph(network, image), providers=["CPUExecutionProvider"])
    return session.run(None, {"images": images.numpy()})[0]


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201", "darts", "nats-size", "transformer"])
def test_the_graph_of_a_member_computes_what_its_network_does_for_any_batch(name):
    networks = load_space(name).require_networks()
    setting = networks.setting(**{**networks.small, "num_classes": 7})
    graph = networks.space.sample(1, np.random.default_rng(3))
    torch.manual_seed(0)
    network = networks.build(graph, setting).eval()
    for statistic in network.buffers():
        if statistic.is_floating_point():
            statistic.data.uniform_(0.5, 1.5)
    for batch in (1, 3):
        images = torch.randn(batch, *setting.image)
        with torch.no_grad():
            expected = network(images).numpy()
        assert np.allclose(outputs(network, setting.image, images), expected, atol=1e-4 * abs(expected).max())


def test_layers_of_mobile_networks_are_known():
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1),
        nn.Hardswish(inplace=True),
        nn.Conv2d(8, 8, 5, padding=2, groups=8, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU6(inplace=True),
        nn.MaxPool2d(2),
        nn.SiLU(),
        nn.Hardsigmoid(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(8, 4),
        nn.Softmax(1),
    ).eval()
    images = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        assert np.allclose(outputs(network, (3, 16, 16), images), network(images).numpy(), atol=1e-5)


def test_an_operation_without_a_node_is_named():
    with pytest.raises(UnknownOperation, match="cumsum"):
        onnx_graph(nn.Sequential(Summed()).eval(), (3, 8, 8))


class Summed(nn.Module):
    def forward(self, x):
        return x.cumsum(1)
