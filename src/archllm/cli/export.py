"""`archllm export`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from archllm.cli.command import ThreadedCommand, architecture_text
from archllm.cli.console import Console, fields


@dataclass(frozen=True, kw_only=True)
class Export(ThreadedCommand):
    """Write an architecture's network as Python source, a torch program or ONNX.

    What is written is run and compared with the network first: a file that exists computes the same.
    """

    arch: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ARCH")]
    """Text of the architecture; `-` reads it from stdin, `@FILE` from a file."""

    space: str
    """The space it is of."""

    to: Literal["python", "torch", "onnx"]
    """`python`: one file that needs torch alone; `torch`: a torch.export program (.pt2); `onnx`: any batch size."""

    out: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """File to write; an existing one is replaced."""

    num_classes: int = 10
    """Classes that the network tells apart."""

    in_channels: int = 3
    """Channels of the images: 3 for colour, 1 for grey."""

    image_size: int | None = None
    """Height and width of the images in pixels; by default as in the space's paper."""

    channels: int | None = None
    """Channels of the first cells; by default as in the space's paper."""

    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """Further options of the space's networks, such as `cells=1` or, for DARTS, `layers=8`."""

    weights: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Weights to put in, a safetensors file; by default fresh ones. `--to python` writes them beside its file."""

    seed: int = 0
    """Seed of fresh weights."""

    def run(self, console: Console) -> None:
        from archllm.spaces import load_space

        space = load_space(self.space)
        arch = space.parse(architecture_text(self.arch))
        self.use_threads()
        from archllm.workflows.export import export, options_of_words

        options = {
            "num_classes": self.num_classes,
            "in_channels": self.in_channels,
            "image_size": self.image_size,
            "channels": self.channels,
        } | options_of_words(space, self.set)
        found = export(arch, to=self.to, out=self.out, weights=self.weights, seed=self.seed, **options)
        console.document(found.to_json())
        channels, height, width = found.file.image
        pairs = {
            "wrote": f"{self.out} ({found.file.size:,} bytes)",
            "network": f"{found.file.params:,} parameters, {found.macs:,} multiply-accumulates an image",
            "images": f"n x {channels} x {height} x {width}",
            "verified": f"outputs within {found.file.difference:.0e} of the network's",
        }
        if found.file.weights:
            pairs["weights"] = str(found.file.weights)
        for line in fields(pairs):
            console.say(line)
