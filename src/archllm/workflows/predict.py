"""Classes of images by the network of a fit."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archllm.errors import InvalidInput
from archllm.files import write_text
from archllm.study.export import csv_cell
from archllm.training.progress import Event
from archllm.workflows.options import PredictOptions
from archllm.workflows.progress import Progress, shown

if TYPE_CHECKING:
    from archllm.classifier.predicting import Prediction


@dataclass(frozen=True)
class Predicted:
    """What a network said of images."""

    classes: tuple[str, ...]
    """Names of the classes."""

    images: list[Prediction]
    """One for each image, in order."""

    @property
    def failed(self) -> list[Prediction]:
        """Images that could not be read."""
        return [each for each in self.images if each.probabilities is None]

    def to_json(self) -> dict[str, Any]:
        """What `archllm predict --json` prints."""
        found = []
        for each in self.images:
            line: dict[str, Any] = {
                "file": str(each.file),
                "class": None,
                "probabilities": None,
                "failure": each.failure,
            }
            if each.probabilities is not None:
                line |= {"class": self.classes[each.best()[0]], "probabilities": list(each.probabilities)}
            found.append(line)
        return {"classes": list(self.classes), "images": found, "failed": len(self.failed)}

    def to_csv(self) -> str:
        """A table: file, class, probability of each class; where an image can't be read, these are empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["file", "class", *(csv_cell(name) for name in self.classes), "failure"])
        for each in self.images:
            if each.probabilities is None:
                writer.writerow([csv_cell(str(each.file)), "", *[""] * len(self.classes), csv_cell(each.failure)])
            else:
                best = csv_cell(self.classes[each.best()[0]])
                writer.writerow([csv_cell(str(each.file)), best, *(f"{value:.6g}" for value in each.probabilities), ""])
        return text.getvalue()


def predict(options: PredictOptions | None = None, /, *, progress: Progress = False, **settings: Any) -> Predicted:
    """Says of each image which class it is of.

    An image that can't be read does not stop the others; the table, if one is asked for, is written at the end.

    Args:
        options: which network and which images.
        progress: whether it is shown.
        settings: fields of `PredictOptions`, in place of `options` or on top of them.

    Raises:
        InvalidInput: no image is named.
        DataError: there is no trained network, or it is damaged.
        RunFolderError: the table can't be written.
        MissingExtra: an optional library is not installed.
    """
    chosen = PredictOptions.given(options, settings)
    if not chosen.images:
        raise InvalidInput("name at least one image")
    from archllm.classifier.predicting import Classifier

    network = Classifier(chosen.run)
    with shown(progress) as listener:

        def on_done(done: int) -> None:
            if listener is not None:
                listener(Event("images", done, len(chosen.images), {}))

        found = Predicted(network.classes, network.predict(chosen.images, on_done))
    if chosen.csv is not None:
        write_text(Path(chosen.csv), found.to_csv())
    return found
