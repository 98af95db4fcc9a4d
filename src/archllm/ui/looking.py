"""What images are there, before a fit: read in a process of its own, bounded in memory and time.

Images come from anywhere, and so do archives of them. Whatever a decoder makes of one, the page goes on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import ArchLLMError, DataError, printable
from archllm.guard import Guarded

MOST_CLASSES = 24
"""Classes that are shown with a picture."""

MOST_MEMORY = 6 << 30
"""Bytes of addresses that the process may have."""

PATIENCE = 900.0
"""Seconds that it may take: thousands of large photos take minutes."""

_LARGEST_ANSWER = 4 << 20
_PICTURE = 48  # pixels of a picture's longer side, at most


@dataclass(frozen=True)
class SeenClass:
    """A class of images."""

    name: str
    """Its name."""

    count: int
    """Its images, those of all parts."""

    picture: str
    """One of them, small, as a `data:` address."""


@dataclass(frozen=True)
class Seen:
    """What a source of images holds."""

    lines: tuple[str, ...]
    """What a user should know, in words."""

    classes: tuple[SeenClass, ...]
    """The first classes."""

    total: int
    """How many there are."""


def look(source: str, name: str) -> Seen:
    """Reads images as a fit does.

    Args:
        source: `digits`, or the path of a folder or file.
        name: what it is called in messages.

    Raises:
        DataError: they can't be used, or take too much memory or time.
    """
    with tempfile.TemporaryDirectory(prefix="archllm-ui-") as folder:  # also where nothing lies that could be imported
        answer = Path(folder, "answer")
        with answer.open("wb") as out:
            words = [sys.executable, "-P", "-m", "archllm.ui.looking", source]
            environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
            with Guarded(words, stdout=out, cwd=folder, **options) as program:
                try:
                    code = program.wait(PATIENCE)
                except subprocess.TimeoutExpired as error:
                    raise DataError(
                        f"reading the images of {name} takes more than {PATIENCE / 60:.0f} minutes; start the fit in a "
                        "terminal, or with smaller images"
                    ) from error
        with answer.open("rb") as file:
            content = file.read(_LARGEST_ANSWER)
    try:
        found = json.loads(content)
    except ValueError as error:
        raise DataError(
            f"reading the images of {name} took more memory than the page allows, or failed (code {code}); start the "
            "fit in a terminal to see why"
        ) from error
    if "problem" in found:
        raise DataError(str(found["problem"]).replace(source, name))
    lines = tuple(str(line).replace(source, name) for line in found["lines"])
    return Seen(lines, tuple(SeenClass(**each) for each in found["classes"]), found["total"])


def _seen(source: str) -> Seen:
    """The same, here."""
    from archllm.classifier.config import TEST_SHARE, VALIDATION_SHARE
    from archllm.objectives.images import load_images, split_images, summarise

    images = load_images(source)
    summary = summarise(images)
    split = split_images(images, VALIDATION_SHARE, TEST_SHARE, 0)
    counts = np.sum(list(summary.counts.values()), axis=0).tolist()
    first = {int(label): row for row, label in reversed(list(enumerate(images.y)))}
    train, valid, test = (f"{len(labels):,}" for labels in (split.train_y, split.valid_y, split.test_y))
    lines = [*summary.lines(), f"of them, {train} are to train on, {valid} to choose by, {test} for the test"]
    classes = [
        SeenClass(name, count, _picture(images.x[first[label]]) if label in first else "")
        for label, (name, count) in enumerate(zip(images.classes, counts, strict=True))
    ]
    return Seen(tuple(map(printable, lines)), tuple(classes[:MOST_CLASSES]), len(classes))


def _picture(image: NDArray[Any]) -> str:
    """An image `c x h x w` of bytes, or of floats from 0 to 1, as a small picture."""
    from archllm.drawing.png import png_uri

    step = -(-max(image.shape[1:]) // _PICTURE)
    shown = image[:, ::step, ::step].transpose(1, 2, 0)
    if shown.dtype != np.uint8:
        shown = np.rint(255 * np.clip(shown, 0, 1)).astype(np.uint8)
    return png_uri(np.ascontiguousarray(shown))


def main(source: str) -> None:
    """Writes what is seen to standard output, as JSON."""
    with suppress(ImportError, ValueError, OSError):  # not on every system
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    found: dict[str, Any]
    try:
        found = asdict(_seen(source))
    except ArchLLMError as error:
        found = {"problem": str(error)}
    except MemoryError:
        found = {
            "problem": f"the images of {source} take more memory than the page allows; start the fit in a terminal"
        }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
