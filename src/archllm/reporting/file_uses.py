"""How the files of a fit are used: lines that a reader of its page copies."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from archllm.networks.export.deploying import DEVICE_FILES, FILES

if TYPE_CHECKING:
    from archllm.classifier.fitted import Fitted

_ONNX = """\
import json

import numpy as np
import onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession("{file}")
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
image = np.asarray(Image.open("photo.jpg").convert("{colour}"), dtype=np.uint8)
(probabilities,) = session.run(None, {{"images": image{batch}}})  # any height and width
print(classes[probabilities[0].argmax()])"""

_TORCH = """\
import numpy as np
import torch
from PIL import Image

model = torch.export.load("{file}").module()
image = np.asarray(Image.open("photo.jpg").convert("{colour}"), dtype=np.uint8)
probabilities = model(torch.from_numpy(image.copy()){batch})"""

_EXECUTORCH = """\
import json

import numpy as np
import torch
from executorch.runtime import Runtime
from PIL import Image

program = Runtime.get().load_program("{file}")
about = json.loads(program.load_method("about").execute([])[0])
image = np.array(Image.open("photo.jpg").convert("{colour}").resize(({size}, {size})))
(probabilities,) = program.load_method("forward").execute([torch.from_numpy(image){batch}])
print(about["classes"][int(probabilities[0].argmax())])"""

_TFLITE = """\
import json
import zipfile

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

about = json.loads(zipfile.ZipFile("{file}").read("about.json"))
model = Interpreter("{file}")
model.allocate_tensors()
image = np.array(Image.open("photo.jpg").convert("{colour}").resize(({size}, {size})))
model.set_tensor(model.get_input_details()[0]["index"], image{batch})
model.invoke()
probabilities = model.get_tensor(model.get_output_details()[0]["index"])
print(about["classes"][int(probabilities[0].argmax())])"""


def uses(found: Fitted) -> list[tuple[str, str]]:
    """How the files of a fit are used, each a heading and code."""
    colours = found.summary.shape[0] == 3
    image = {
        "colour": "RGB" if colours else "L",
        "batch": "[None]" if colours else "[None, :, :, None]",
        "size": found.plan.scale.image_size,
    }
    listed = [
        ("On the command line", f"archllm predict {shlex.quote(str(found.folder))} photo.jpg --csv classes.csv"),
        ("The ONNX file, with ONNX Runtime alone", _ONNX.format(file=FILES["onnx"], **image)),
        (
            f"The Python file, with torch alone ({FILES['python']} and model.safetensors)",
            f"python {FILES['python']} photo.jpg",
        ),
        ("The torch.export program", _TORCH.format(file=FILES["torch"], **image)),
    ]
    written = {file.format for file in found.files}
    for form, heading, code in (
        ("executorch", "The ExecuTorch program; other languages have the same calls", _EXECUTORCH),
        ("tflite", "The LiteRT program; other languages have the same calls", _TFLITE),
    ):
        if form in written:
            listed.append((heading, code.format(file=DEVICE_FILES[form], **image)))
    return listed
