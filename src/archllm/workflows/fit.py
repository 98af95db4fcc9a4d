"""From labelled images to a small trained network, in a given time."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from archllm.classifier.config import FitRequest
from archllm.classifier.folder import FitFolder
from archllm.config import field_names
from archllm.errors import ArchLLMError, MissingExtra
from archllm.files import write_text
from archllm.workflows.logs import Work, listening
from archllm.workflows.options import FitOptions
from archllm.workflows.progress import Progress

if TYPE_CHECKING:
    from archllm.classifier.fitted import Fitted

PAGE = "report.html"
"""The page of a fit in its run folder."""


def fit(
    options: FitOptions | None = None,
    /,
    *,
    progress: Progress = "auto",
    say: Callable[[str], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
    **settings: Any,
) -> Fitted:
    """Looks at labelled images, searches a network for them within limits, trains it, and writes it as files for use.

    Args:
        options: which images, how long, what the network may take.
        progress: whether it is shown, or a listener; steps are seconds.
        say: takes what was found and what will be done, line by line; by default stderr.
        clock: what time it is.
        settings: fields of `FitOptions`, in place of `options` or on top of them.

    Raises:
        InvalidInput: an option can't be used, no network meets the limits, or the time is too short.
        RunFolderError: the folder can't be used, or holds another fit.
        DataMissing: there are no such images.
        DataError: they can't be used.
        MissingExtra: an optional library is not installed.
        EvaluationFailed: no network could be trained, or none keeps to the limits when it is measured.
    """
    began = clock()  # before libraries are loaded, which takes seconds
    chosen = FitOptions.given(options, settings)
    _check_installed(chosen)
    request = FitRequest(**{name: getattr(chosen, name) for name in field_names(FitRequest)})
    folder = FitFolder.resume(chosen.out, request) if chosen.resume else FitFolder.begin(chosen.out, request)
    from archllm.classifier.fitting import Fitting
    from archllm.reporting.classifier_page import page

    try:
        with listening(progress, chosen.log, Work("fit", chosen)) as listener:
            found = Fitting(request, folder, say or _say, listener, clock, began).run()
    except ArchLLMError:
        folder.forget()
        raise
    write_text(chosen.out / PAGE, page(found))
    folder.complete(found.to_json())
    return found


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def _check_installed(options: FitOptions) -> None:
    """Finds out before hours of work what would be missing at its end.

    Raises:
        MissingExtra: something is.
    """
    for library, feature, extra in (
        ("onnx", "writing a trained network", "onnx"),
        ("onnxscript", "writing a trained network", "onnx"),
        ("onnxruntime", "writing a trained network", "onnx"),
        ("sqlalchemy", "keeping the trials of a search", "search"),
        ("jinja2", "the page of a fit", "report"),
    ):
        if find_spec(library) is None:
            raise MissingExtra(feature, extra)
    if options.also:
        from archllm.networks.device_forms import need_device_format

        for form in options.also:
            need_device_format(form)
