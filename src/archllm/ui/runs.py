"""Runs: the list of them, and the page of one generator."""

from __future__ import annotations

import time
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from archllm.conditional.request import COUNTED
from archllm.generation.config import SamplingOptions
from archllm.generation.run_folder import read_info, read_report, read_space
from archllm.ui import asking
from archllm.ui.context import context_of
from archllm.ui.pages import page, part
from archllm.ui.run_facts import facts_of

AT_ONCE = 60
"""Runs on one page of the list."""

MOST_DRAWS = 2_000
"""Draws at once, so that an answer takes about a second."""

_MOST_REQUIREMENTS = 20
_MOST_TEXTS = 20_000


def routes() -> list[Route]:
    """Where the pages of runs are."""
    return [
        Route("/runs", _list),
        Route("/run", _run),
        Route("/run/inside", _inside),
        Route("/run/draws", _draws),
        Route("/run/texts", _texts),
    ]


def _list(request: Request) -> Response:
    home = context_of(request).home
    found = home.listing("run", "training", "fit")
    at = asking.whole(request, "page", 1, 10**6) or 1
    shown = [facts_of(home, each) for each in found[(at - 1) * AT_ONCE : at * AT_ONCE]]
    pages = max(-(-len(found) // AT_ONCE), 1)
    return page(
        request,
        "runs.html.j2",
        runs=shown,
        total=len(found),
        at=at,
        pages=pages,
        complete=home.complete,
        examples=("archllm demo", "archllm train nasbench201 --preset quick --out runs/mine"),
    )


def _run(request: Request) -> Response:
    """The page of a generator, at once: what takes a while follows in parts."""
    home = context_of(request).home
    at = asking.text(request, "at")
    folder = home.there(at, "run")
    info, report = read_info(folder), read_report(folder)
    space = read_space(folder, info)
    names = [*info.config.condition_names]
    if space.networks is not None and not space.networks.counts_import(None):
        names += [name for name in COUNTED if name not in names]
    return page(
        request,
        "run.html.j2",
        at=at,
        info=info,
        report=report,
        space=space,
        measured=_tiles(report),
        requirements=names,
        conditions=info.config.condition_names,
        wide=space.name == "darts",
    )


def _tiles(report: dict[str, object]) -> list[tuple[str, str, str]]:
    """What the training measured; nothing of a file that others have changed."""
    from archllm.reporting.words import duration

    found = []
    number = int | float
    reconstruction, nats, ideal = (report.get(name) for name in ("reconstruction", "held_out_nats", "ideal_nats"))
    if isinstance(reconstruction, number):
        found.append(("reconstruction", f"{reconstruction:.2%}", "of held-out architectures, exact"))
    if isinstance(nats, number) and isinstance(ideal, number):
        found.append(("held-out nats", f"{nats:.3f}", f"per architecture; ideal {ideal:.3f}"))
    for name, told in (("parameters", "tokenizer and prior"), ("seconds", "to train them")):
        both = report.get(name)
        if isinstance(both, dict) and all(isinstance(each, number) for each in both.values()):
            total = sum(both.values())
            value = duration(total) if name == "seconds" else f"{total:,.0f}"
            found.append(("training" if name == "seconds" else name, value, told))
    return found


def _inside(request: Request) -> Response:
    """Figures of a generator: its codebook, its training, its quality, cells that it drew."""
    from archllm.reporting import panels

    context = context_of(request)
    loaded = context.models.get(context.home.there(asking.text(request, "at"), "run"))
    data, space = loaded.data(), loaded.model.space
    return part(
        "run_inside.html.j2",
        codebook=panels.codes(data.codebook, space) if data.codebook else None,
        training=panels.training(data.training, data.validation, data.model.config.yardstick),
        quality=data.quality,
        codes=f"{loaded.model.tokenizer.length} × {loaded.model.tokenizer.codebook_size}",
    )


def _options(request: Request, most: int) -> SamplingOptions:
    """The options of draws: requirements without the guidance that only conditions take."""
    where = asking.several(request, "where", _MOST_REQUIREMENTS)
    return SamplingOptions(
        n=max(asking.whole(request, "n", 200, most), 1),
        temperature=asking.number(request, "temperature", 1.0),
        guidance=asking.number(request, "guidance", 1.0) if where else 1.0,
        seed=asking.whole(request, "seed", 0, 2**31),
        novel=asking.flag(request, "novel"),
        where=where,
    )


def _steered(options: SamplingOptions, conditions: tuple[str, ...]) -> SamplingOptions:
    """The same, with guidance only where a requirement is on a condition of the run."""
    from archllm.conditional.requirements import parse_all

    steering = parse_all(options.where).keys() & set(conditions)
    return options if steering else replace(options, guidance=1.0)


def _draws(request: Request) -> Response:
    """Draws with these settings, made now."""
    from archllm.ui.draws import draw

    context = context_of(request)
    folder, asked = context.home.there(asking.text(request, "at"), "run"), _options(request, MOST_DRAWS)
    loaded = context.models.get(folder)
    options = _steered(asked, loaded.model.config.condition_names)
    start = time.perf_counter()
    found = draw(loaded, options, asking.whole(request, "shown", 12, 60))
    found = replace(found, seconds=time.perf_counter() - start)
    space = loaded.model.space
    counted = space.networks is not None and not space.networks.counts_import(None)
    cells = [
        {"arch": arch, "svg": arch.svg(), "new": new, "params": arch.params if counted else None}
        for arch, new in zip(found.cells, found.new, strict=True)
    ]
    return part(
        "run_draws.html.j2",
        found=found,
        cells=cells,
        at=asking.text(request, "at"),
        space=space,
        wide=space.name == "darts",
    )


def _texts(request: Request) -> Response:
    """Architectures as a file of texts: valid, pairwise different, and as they are required to be."""
    context = context_of(request)
    folder, asked = context.home.there(asking.text(request, "at"), "run"), _options(request, _MOST_TEXTS)
    loaded = context.models.get(folder)
    options = _steered(asked, loaded.model.config.condition_names)
    with loaded.lock:
        found = loaded.model.generate(options)
    text = "".join(f"{arch.text}\n" for arch in found)
    name = "".join(each if each.isalnum() else "-" for each in loaded.folder.name)
    return Response(
        text,
        media_type="text/plain; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}.txt"'},
    )
