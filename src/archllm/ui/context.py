"""Context: what all pages share, and the generators that are in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request

from archllm.ui.home import Home
from archllm.ui.jobs import Jobs
from archllm.ui.uploads import Uploads
from archllm.ui.watching import Studies
from archllm.workflows.options import UiOptions

if TYPE_CHECKING:
    from archllm.generation.generator import ArchLLM
    from archllm.reporting.generating import GeneratorData

MOST_MODELS = 3
"""Generators that are kept in memory."""


@dataclass(eq=False)
class Loaded:
    """A generator in memory."""

    model: ArchLLM
    """The generator."""

    folder: Path
    """Its run folder."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held by whoever computes with it."""

    _data: GeneratorData | None = None

    def data(self) -> GeneratorData:
        """What a report shows of it; collected once."""
        from archllm.reporting.generating import collect_generator

        with self.lock:
            if self._data is None:
                self._data = collect_generator(self.folder, self.model)
            return self._data


class Models:
    """The generators that were asked for last.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int = MOST_MODELS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Path, int], Loaded] = OrderedDict()

    def get(self, folder: Path) -> Loaded:
        """The generator of a run folder, as the folder is now.

        Raises:
            RunFolderError: it can't be read.
        """
        from archllm.generation.generator import load

        seal = folder / "seal.json"
        key = (folder, seal.stat().st_mtime_ns if seal.is_file() else 0)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = Loaded(load(folder), folder)
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]


class Context:
    """What all pages share.

    Args:
        options: the folder, and what may be done from the page.

    Raises:
        RunFolderError: there is no such folder.
    """

    def __init__(self, options: UiOptions) -> None:
        self.options = options
        self.home = Home(options.folder)
        self.models = Models()
        self.studies = Studies()
        self.jobs = Jobs()
        self.closing = False
        """Whether the page is about to end, so that streams end, too."""
        self.measuring = threading.Lock()
        """Held by whoever measures the latency of a network."""
        self.exporting = threading.Lock()
        """Held by whoever writes one as a file, which takes memory."""
        self.looking = threading.Lock()
        """Held by whoever reads a set of images."""
        self.uploads = Uploads(self.home)

    def close(self) -> None:
        """Ends what the page has started."""
        self.closing = True
        self.jobs.close()


def context_of(request: Request) -> Context:
    """The context of a request's application."""
    found: Context = request.app.state.context
    return found
