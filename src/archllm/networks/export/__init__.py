"""Networks as files that other tools read: Python source, a `torch.export` program, ONNX; each verified."""

from archllm.networks.export.exporting import FORMATS, Exported, export

__all__ = ["FORMATS", "Exported", "export"]
