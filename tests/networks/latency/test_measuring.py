import numpy as np
import pytest
from onnx import TensorProto, helper

from archllm.errors import DataError, InvalidInput
from archllm.networks.latency import RuntimeSetting, measure_members, measure_onnx
from archllm.spaces import load_space


class Clock:
    """Moves a millisecond with each look."""

    now = 0.0

    def __call__(self):
        self.now += 0.001
        return self.now


def model(shape, kind=TensorProto.FLOAT):
    node = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10).SerializeToString()


def test_members_are_measured_under_a_setting():
    networks = load_space("nasbench201").require_networks()
    graphs = networks.space.sample(2, np.random.default_rng(0))
    found = measure_members(networks, graphs, networks.setting(channels=4, cells=1), clock=Clock())
    assert [each.ms for each in found] == pytest.approx([1.0, 1.0])


def test_files_may_take_bytes_and_images_of_any_size():
    open_size = model(["n", "h", "w", 3], TensorProto.UINT8)
    assert measure_onnx(open_size, image=(8, 8, 3), clock=Clock()).ms == pytest.approx(1.0)
    with pytest.raises(InvalidInput, match="any size"):
        measure_onnx(open_size)


def test_what_is_no_model_or_no_provider_is_told(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"no model")
    with pytest.raises(DataError, match="can't load"):
        measure_onnx(tmp_path / "x.onnx")
    with pytest.raises(InvalidInput, match="cpu"):
        measure_onnx(model(["n", 3, 8, 8]), RuntimeSetting(provider="cup"))
