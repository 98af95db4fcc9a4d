"""Searches: all studies of the folder's stores, one of them live, several in one chart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from archllm.errors import ArchLLMError, InvalidInput, StoreError
from archllm.reporting.words import duration, figure, measured
from archllm.spaces import SearchSpace
from archllm.study.kept_space import changed_since, named_file
from archllm.study.store import Study
from archllm.study.store.base import SPACE_FILE
from archllm.ui import asking
from archllm.ui.cells import OF_RUN, OF_STUDY, space_of
from archllm.ui.context import Context, context_of
from archllm.ui.jobs import Job
from archllm.ui.pages import page, part
from archllm.ui.search_charts import known_of, panels_of, small, together
from archllm.ui.streaming import events
from archllm.ui.trial_table import SHOWN, csv_of, page_of, question
from archllm.ui.watching import Snapshot, names
from archllm.workflows.studies import network_told

MOST_COMPARED = 8
"""Searches in one chart."""

_AT_ONCE = 60  # searches on one page of the list


def routes() -> list[Route]:
    """Where the pages of searches are."""
    return [
        Route("/searches", _list),
        Route("/searches/facts", _facts),
        Route("/searches/together", _together),
        Route("/search", _search),
        Route("/search/events", _events),
        Route("/search/now", _now),
        Route("/search/trials", _trials),
        Route("/search/csv", _csv),
        Route("/search/log", _log),
    ]


def study_named(request: Request) -> tuple[Context, str, str, Path]:
    """The study that an address names: context, store as a path from the folder, name, and the file.

    Raises:
        InvalidInput: its store is not in the folder.
    """
    context = context_of(request)
    at, name = asking.text(request, "at"), asking.text(request, "study")
    return context, at, name, context.home.within(at)


def _snapshot(request: Request) -> tuple[Context, str, Snapshot]:
    context, at, name, _ = study_named(request)
    return context, at, context.studies.now(context.home.there(at, "store"), name)


def _list(request: Request) -> Response:
    context = context_of(request)
    stores = context.home.listing("store")
    found = [(store, study) for store in stores for study in names(context.home.root / store.path)]
    at = asking.whole(request, "page", 1, 10**6) or 1
    return page(
        request,
        "searches.html.j2",
        searches=[{"at": store.path, "study": study} for store, study in found[(at - 1) * _AT_ONCE : at * _AT_ONCE]],
        total=len(found),
        at=at,
        pages=max(-(-len(found) // _AT_ONCE), 1),
        most=MOST_COMPARED,
    )


def _facts(request: Request) -> Response:
    """How far a search is, for its card in the list."""
    context, at, found = _snapshot(request)
    return part(
        "search_facts.html.j2",
        found=found,
        curve=small(found),
        state=_state(found, context.jobs.latest((at, found.study.name))),
        figures=_figures(found)[:3],
    )


def _space_of(context: Context, at: str, study: Study) -> SearchSpace | None:
    """The space of a study, where the store or the run folder that it lies in says it."""
    try:
        space = space_of(context, _of(context, at, study))
    except ArchLLMError:
        return None
    return space if space.name == study.space else None


def _search(request: Request) -> Response:
    """The page of a search; what may take a while follows in parts."""
    context, at, name, file = study_named(request)
    job = context.jobs.latest((at, name))
    try:
        there = file.exists() or job is None
        study = context.studies.study(context.home.there(at, "store"), name) if there else None
    except StoreError:
        if job is None:
            raise
        study = None  # it has not begun yet
    space = None if study is None else _space_of(context, at, study)
    return page(
        request,
        "search.html.j2",
        at=at,
        name=name,
        study=study,
        network="" if study is None else network_told(study),
        changed="" if study is None else _changed_file(context, study),
        of="" if space is None or study is None else _of(context, at, study),
        job=job,
        shown=SHOWN,
        where=[] if study is None else _requirements(study),
    )


def _of(context: Context, at: str, study: Study) -> str:
    """What a cell of the study is opened with: the run that it lies in, its space, or itself where it keeps that."""
    folder = at.rpartition("/")[0]
    if folder and (context.home.root / folder / "seal.json").is_file():
        return f"{OF_RUN}{folder}"
    return f"{OF_STUDY}{at}|{study.name}" if SPACE_FILE in study.settings else study.space


def _changed_file(context: Context, study: Study) -> str:
    """The space file that the study names, if it is in the folder and defines another space by now."""
    named = named_file(study)
    try:
        file = context.home.there(named, "space")
    except ArchLLMError:
        return ""
    return named if changed_since(study, file) else ""


def _requirements(study: Study) -> list[str]:
    found = []
    for name, (low, high) in study.settings.get("where", {}).items():
        ends = [figure(float(end)) for end in (low, high) if end is not None]
        sign = "in" if len(ends) > 1 else "≥" if low is not None else "≤"
        found.append(f"{name} {sign} {' to '.join(ends)}")
    return found


def _state(found: Snapshot | None, job: Job | None) -> str:
    """`running` also where another process is at work on it."""
    if job is not None and job.running:
        return job.state
    if found is not None and found.running:
        return "running"
    if found is None:
        return "starting" if job is not None and job.running else "failed"
    return "open" if found.open else "ended"


def _figures(found: Snapshot) -> list[tuple[str, str, str]]:
    """What is known of a search in numbers: name, value, remark."""
    best, counts = found.result.best, found.counts
    told = []
    if best is not None and best.values is not None:
        for spec, value in zip(found.study.objectives, best.values, strict=True):
            remark = "the best" if len(best.values) == 1 else "of the best by the first"
            told.append((measured(spec), figure(value), remark))
    failed = counts["failed"]
    remark = f"{failed:,} failed" if failed else ""
    told.append(("evaluations", f"{len(found.over):,}", remark))
    if len(found.study.objectives) > 1:
        told.append(("on the front", f"{len(found.result.front):,}", ""))
    if found.open:
        told.append(
            ("under way", f"{counts['running']:,}", f"{counts['waiting']:,} waiting" if counts["waiting"] else "")
        )
    if found.cost:
        told.append(("cost", duration(found.cost), "of all evaluations"))
    return told


def _now(request: Request) -> Response:
    """Charts, best and failures as they are now."""
    context, at, found = _snapshot(request)
    space = _space_of(context, at, found.study)
    best, svg = found.result.best, ""
    if best is not None and space is not None:
        try:
            svg = space.parse(best.text).svg()
        except ArchLLMError:  # a store may hold any text
            svg = ""
    known = known_of(found.study, space)
    return part(
        "search_now.html.j2",
        found=found,
        panels=panels_of(found, known),
        missing=known.missing,
        figures=_figures(found),
        best=best,
        svg=svg,
        of=_of(context, at, found.study) if space is not None else "",
        failures=found.failures[:20],
        kinds=len(found.failures),
    )


def _trials(request: Request) -> Response:
    """A page of the table of trials."""
    context, at, found = _snapshot(request)
    asked = question(request, len(found.study.objectives))
    return part(
        "search_trials.html.j2",
        page=page_of(found, asked),
        asked=asked,
        study=found.study,
        of=_of(context, at, found.study),
        costs=bool(found.cost),
        columns=_columns(found.study, bool(found.cost)),
    )


def _columns(study: Study, costs: bool) -> list[tuple[str, str]]:
    """Names by which a table is ordered, and their headings."""
    own = [(str(at), measured(spec)) for at, spec in enumerate(study.objectives)]
    return [
        ("number", "trial"),
        *own,
        *([("cost", "cost, s")] if costs else []),
        ("state", "state"),
        ("text", "architecture"),
    ]


def _csv(request: Request) -> Response:
    """The trials that are asked for as a file."""
    _, _, found = _snapshot(request)
    asked = question(request, len(found.study.objectives))
    name = "".join(each if each.isascii() and each.isalnum() else "-" for each in found.study.name)[:80]
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(csv_of(found, asked), media_type="text/csv; charset=utf-8", headers=headers)


def _log(request: Request) -> Response:
    """What the command of a search that was started here has printed."""
    context, at, name, _ = study_named(request)
    job = context.jobs.latest((at, name))
    if job is None:
        raise InvalidInput("this page has not started it")
    return JSONResponse({"log": job.tail(), "state": job.state})


def _seen(context: Context, at: str, name: str) -> dict[str, Any]:
    """What a stream tells of a study: whether there is something new, and what state it is in."""
    job = context.jobs.latest((at, name))
    try:
        found = context.studies.lately(context.home.there(at, "store"), name)
    except ArchLLMError:
        found = None
    lines = "" if job is None else str(job.log.stat().st_size)
    return {
        "mark": "" if found is None else found.mark,
        "state": _state(found, job),
        "ours": job is not None and job.running,
        "log": lines,
        "evaluations": 0 if found is None else len(found.over),
    }


def _events(request: Request) -> Response:
    """A stream that says whenever something has happened in a study."""
    context, at, name, _ = study_named(request)
    return events(request, lambda: _seen(context, at, name))


def _together(request: Request) -> Response:
    """Several searches in one chart."""
    context = context_of(request)
    ids = asking.several(request, "id", MOST_COMPARED)
    if not ids:
        raise InvalidInput("choose the searches to compare")
    found, labels, spaces = [], [], []
    for each in ids:
        at, _, name = each.partition("|")
        snapshot = context.studies.now(context.home.there(at, "store"), name)
        found.append(snapshot)
        labels.append(name if len({other.partition("|")[0] for other in ids}) == 1 else f"{at}: {name}")
        spaces.append(_space_of(context, at, snapshot.study))
    known = known_of(found[0].study, spaces[0])
    panel = together(found, labels, known)
    rows = [(label, each, _figures(each)) for label, each in zip(labels, found, strict=True)]
    return page(request, "together.html.j2", panel_shown=panel, rows=rows, ids=ids, study=found[0].study)
