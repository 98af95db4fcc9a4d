"""Fits: images are dropped or named, limits set, and a small network is found, watched and downloaded."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from archllm.classifier.folder import STUDY
from archllm.errors import ArchLLMError, InvalidInput, RunFolderError, shown
from archllm.networks.device_forms import installed_forms
from archllm.reporting.panels import Panel
from archllm.spaces.registry import space_names
from archllm.ui import asking
from archllm.ui.cells import OF_STUDY, space_of
from archllm.ui.commands import told, words_of
from archllm.ui.context import Context, context_of
from archllm.ui.fit_facts import FILES, FitNow, now, outcome, state_of, tiles_of, trials_at
from archllm.ui.fit_start import BUILT_IN, METHODS, SPACES, options_from, options_of, source_of
from archllm.ui.image_sets import image_sets
from archllm.ui.jobs import Job
from archllm.ui.looking import Seen, look
from archllm.ui.pages import page, part, rendered
from archllm.ui.posting import posted
from archllm.ui.run_facts import facts_of
from archllm.ui.search_charts import Known, panels_of
from archllm.ui.streaming import events
from archllm.ui.uploads import FOLDER, LARGEST_UPLOAD, UPLOAD, plain_name
from archllm.ui.watching import Snapshot
from archllm.workflows.fit import PAGE
from archllm.workflows.options import FitOptions

FURTHER = {"executorch": "model.pte for ExecuTorch, on phones", "tflite": "model.tflite for LiteRT, on small boards"}
"""What the further files of a fit are called in the form."""

_AT_ONCE = 60  # fits on the page


def routes() -> list[Route]:
    """Where the pages of fits are."""
    return [
        Route("/fits", _list),
        Route(UPLOAD, _upload, methods=["POST"]),
        Route("/fits/look", _look),
        posted("/fits/start", _start),
        Route("/fit", _fit),
        Route("/fit/events", _events),
        Route("/fit/now", _now),
        Route("/fit/log", _log),
        Route("/fit/file", _file),
        posted("/fit/stop", _stop),
        posted("/fit/resume", _resume),
    ]


def _list(request: Request) -> Response:
    """A new fit, and those that are there."""
    context = context_of(request)
    home = context.home
    found = home.listing("fit")
    fits = [
        (facts_of(home, each), state_of(home.root / each.path, context.jobs.latest(_subject(each.path))))
        for each in found[:_AT_ONCE]
    ]
    return page(
        request,
        "fits.html.j2",
        fits=fits,
        total=len(found),
        sets=image_sets(home),
        data=asking.text(request, "data", ""),
        built_in=BUILT_IN,
        spaces=SPACES,
        methods=METHODS,
        further=[(form, FURTHER[form]) for form in installed_forms()],
        most=LARGEST_UPLOAD,
        uploads=FOLDER,
    )


async def _upload(request: Request) -> Response:
    """An archive of images; one that no fit could be made of is not kept."""
    context = context_of(request)
    async with context.uploads.receive(request) as file:
        at = context.home.name(file)
        found = await to_thread.run_sync(_seen, context, at)
    context.home.forget()
    return found


def _look(request: Request) -> Response:
    """What images there are."""
    return _seen(context_of(request), asking.text(request, "data"))


def _seen(context: Context, data: str) -> Response:
    source = source_of(context.home, data)
    with context.looking:
        found: Seen = look(source, data)
    html = rendered("fit_seen.html.j2", found=found, data=data)
    return JSONResponse({"data": data, "out": _free(context, data), "html": html})


def _free(context: Context, data: str) -> str:
    """A run folder for a fit of some images that is not there yet."""
    plain = plain_name(data.removesuffix(".npz"))
    taken = (f"fits/{plain}" if number == 1 else f"fits/{plain}-{number}" for number in range(1, 10_000))
    return next((each for each in taken if not (context.home.root / each).exists()), "")


def _start(context: Context, asked: dict[str, Any]) -> Response:
    options, at = options_from(context, asked)
    return _begun(context, options, at)


def _resume(context: Context, asked: dict[str, Any]) -> Response:
    at, minutes = str(asked.get("at")), asked.get("minutes")
    if minutes is not None and type(minutes) not in (int, float):
        raise InvalidInput(f"minutes must be a number, got {shown(minutes)}")
    if now(context.home.there(at, "fit"), context.jobs.latest(_subject(at))).state == "running":
        raise InvalidInput("another process is at work on it; stop that first")
    return _begun(context, options_of(context, at, minutes), at)


def _begun(context: Context, options: FitOptions, at: str) -> Response:
    root = context.home.root
    context.jobs.start(_subject(at), words_of("fit", options), told("fit", options, root), root)
    context.home.forget()
    return JSONResponse({"at": at})


def _stop(context: Context, asked: dict[str, Any]) -> Response:
    context.jobs.stop(_subject(str(asked.get("at"))))
    return JSONResponse({"stopped": True})


def _subject(at: str) -> tuple[str, ...]:
    """What a command of the page works on."""
    return ("fit", at)


def _named(request: Request) -> tuple[Context, str, Path, Job | None]:
    """The fit that an address names: context, path from the folder, run folder, and the last command.

    Raises:
        RunFolderError: there is none, and this page has not started one.
    """
    context, at = context_of(request), asking.text(request, "at")
    folder, job = context.home.within(at), context.jobs.latest(_subject(at))
    if job is None:
        context.home.there(at, "fit")
    return context, at, folder, job


def _fit(request: Request) -> Response:
    """The page of a fit; what changes follows in parts."""
    _, at, folder, job = _named(request)
    return page(request, "fit.html.j2", at=at, name=folder.name, job=job)


def _events(request: Request) -> Response:
    """A stream that says whenever something has happened in a fit."""
    context, at, folder, _ = _named(request)

    def seen() -> dict[str, Any]:
        job = context.jobs.latest(_subject(at))
        try:
            found = now(folder, job)
        except RunFolderError as error:
            found = FitNow("failed", mark=str(error))
        return {
            "state": found.state,
            "mark": found.mark,
            "minutes": found.minutes,
            "ours": job is not None and job.running,
            "log": "" if job is None else str(job.log.stat().st_size),
        }

    return events(request, seen)


def _now(request: Request) -> Response:
    """How far it is, or what came out."""
    context, at, folder, job = _named(request)
    found = now(folder, job)
    if found.result is not None:
        ended = outcome(folder, found.result)
        of, svg = _drawn(context, at, ended.space, ended.text)
        return part("fit_result.html.j2", at=at, found=ended, of=of, svg=svg, report=PAGE, study=STUDY)
    trials = _trials(context, at)
    panels: list[Panel] = [] if trials is None else panels_of(trials, Known(None, ""))
    best = None if trials is None else trials.result.best
    return part(
        "fit_now.html.j2",
        at=at,
        found=found,
        tiles_shown=tiles_of(found, 0 if trials is None else len(trials.over)),
        panels=panels,
        best=best,
        svg="" if best is None or trials is None else _drawn(context, at, trials.study.space, best.text)[1],
        store=trials_at(at),
        study=STUDY,
        trials=0 if trials is None else len(trials.over),
    )


def _trials(context: Context, at: str) -> Snapshot | None:
    """Its short trainings, once there are some."""
    try:
        return context.studies.now(context.home.there(trials_at(at), "store"), STUDY)
    except ArchLLMError:
        return None


def _drawn(context: Context, at: str, space: str, text: str) -> tuple[str, str]:
    """What a cell of a fit is opened with, and its drawing; nothing where it can't be read."""
    of = space if space in space_names() else f"{OF_STUDY}{trials_at(at)}|{STUDY}"
    try:
        return of, space_of(context, of).parse(text).svg()
    except ArchLLMError:
        return "", ""


def _log(request: Request) -> Response:
    """What the command has printed."""
    job = _named(request)[3]
    if job is None:
        raise InvalidInput("this page has not started it")
    return JSONResponse({"log": job.tail(), "state": job.state})


def _file(request: Request) -> Response:
    """A file of a fit. Its report is shown in a place of its own, from which nothing of this page can be reached."""
    context, at, _, _ = _named(request)
    name = asking.text(request, "name")
    if name not in FILES:
        raise InvalidInput(f"a fit is downloaded as {', '.join(FILES)}, got {shown(name)}")
    file = context.home.within(f"{at}/{name}")
    if not file.is_file():
        raise InvalidInput(f"the fit has no {name} yet")
    opened = name == PAGE and not asking.flag(request, "save")
    headers = {"content-security-policy": _sandbox()} if name == PAGE else {}
    kind = "inline" if opened else "attachment"
    return FileResponse(file, media_type=FILES[name], filename=name, content_disposition_type=kind, headers=headers)


def _sandbox() -> str:
    """What a report may do: run the one script that reports of this version have, as a page of no origin."""
    script = files("archllm.reporting").joinpath("templates", "report.js").read_text(encoding="utf-8")
    digest = b64encode(sha256(script.encode()).digest()).decode()
    return (
        "sandbox allow-scripts allow-downloads; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
