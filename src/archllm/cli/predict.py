"""`archllm predict`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from archllm.cli.command import ThreadedCommand
from archllm.cli.console import Console
from archllm.config import Option
from archllm.errors import DataError, printable
from archllm.workflows.options import PredictOptions


@dataclass(frozen=True, kw_only=True)
class Predict(ThreadedCommand):
    """Say of which class images are, by the network that `archllm fit` trained.

    Prints file, class and probability. An image that can't be read is named, and the others go on.
    """

    options: Annotated[PredictOptions, Option(flat=True)]

    def run(self, console: Console) -> None:
        self.use_threads()
        from archllm.workflows.predict import predict

        found = predict(self.options)
        console.document(found.to_json())
        for each in found.images:
            if each.probabilities is None:
                console.note(f"left out: {printable(each.failure or '')}")
                continue
            best, probability = each.best()
            console.row(str(each.file), found.classes[best], f"{probability:.1%}")
        if self.options.csv is not None:
            console.note(f"written: {self.options.csv}")
        if len(found.failed) == len(found.images):
            raise DataError("none of the images could be read")
