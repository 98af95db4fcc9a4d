"""A cell: any text of any space, or one clicked together, and all that is known of it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from archllm.errors import ArchLLMError, InvalidInput
from archllm.generation.run_folder import read_info, read_space
from archllm.objectives import load_objective
from archllm.spaces import Architecture, SearchSpace, load_space
from archllm.spaces.kinds.choices import Choices
from archllm.spaces.registry import space_names
from archllm.study.kept_space import kept_space
from archllm.ui import asking
from archllm.ui.building import NONE, Row, rows_of, text_of
from archllm.ui.cell_facts import changed, likelihood, neighbours, scores
from archllm.ui.context import Context, Loaded, context_of
from archllm.ui.pages import page, part, rendered
from archllm.workflows.export import export
from archllm.workflows.info import info

OF_RUN, OF_FILE, OF_STUDY = "run:", "file:", "study:"
"""What stands before the path of a run, or of a space file, where a space is named."""

FILES = {
    "svg": "image/svg+xml",
    "python": "text/x-python",
    "onnx": "application/octet-stream",
    "torch": "application/zip",
}
"""What a cell can be downloaded as."""

_ENDINGS = {"svg": ".svg", "python": ".py", "onnx": ".onnx", "torch": ".pt2"}
_MOST_SPACES = 200


def routes() -> list[Route]:
    """Where the pages of cells are."""
    return [
        Route("/cell", _cell),
        Route("/cell/random", _random),
        Route("/cell/made", _made),
        Route("/cell/about", _about),
        Route("/cell/codes", _codes),
        Route("/cell/neighbours", _neighbours),
        Route("/cell/scores", _scores),
        Route("/cell/latency", _latency),
        Route("/cell/file", _file),
    ]


def space_of(context: Context, of: str) -> SearchSpace:
    """The space that `NAME`, `run:PATH`, `file:PATH` or, for one that a store keeps, `study:PATH|STUDY` stands for.

    Raises:
        InvalidInput: it names none, or leads out of the folder.
    """
    if of.startswith(OF_RUN):
        folder = context.home.there(of.removeprefix(OF_RUN), "run")
        return read_space(folder, read_info(folder))
    if of.startswith(OF_FILE):
        return load_space(context.home.there(of.removeprefix(OF_FILE), "space"))
    if of.startswith(OF_STUDY):
        at, _, name = of.removeprefix(OF_STUDY).partition("|")
        store = context.home.there(at, "store")
        kept = kept_space(context.studies.study(store, name), str(store))
        if kept is None:
            raise InvalidInput(f"{at} does not keep the space of study {name!r}; put its space file into this folder")
        return kept
    if of not in space_names():
        raise InvalidInput(f"there is no space {of!r} here; known are {', '.join(space_names())}")
    return load_space(of)


def _asked(request: Request) -> tuple[SearchSpace, Architecture, Loaded | None]:
    """The space, the cell and the generator, if one is named."""
    context = context_of(request)
    of, text = asking.text(request, "of"), asking.text(request, "text")
    if of.startswith(OF_RUN):
        loaded = context.models.get(context.home.there(of.removeprefix(OF_RUN), "run"))
        return loaded.model.space, loaded.model.space.parse(text.strip()), loaded
    space = space_of(context, of)
    return space, space.parse(text.strip()), None


def _imports(space: SearchSpace) -> tuple[str, ...]:
    """Modules of others that a network of the space would take importing, which a page does not."""
    return tuple(space.networks.imports()) if space.networks is not None else ()


def _cell(request: Request) -> Response:
    home = context_of(request).home
    of = asking.text(request, "of", asking.text(request, "space", "nasbench201"))
    runs = [each.path for each in home.listing("run")[:_MOST_SPACES]]
    files = [each.path for each in home.listing("space")[:_MOST_SPACES]]
    known = {*space_names(), *(OF_RUN + each for each in runs), *(OF_FILE + each for each in files)}
    if of.startswith(OF_STUDY):
        known.add(of)
    return page(
        request,
        "cell.html.j2",
        of=of if of in known else "nasbench201",
        study=of.removeprefix(OF_STUDY) if of.startswith(OF_STUDY) else "",
        text=asking.text(request, "text", ""),
        names=space_names(),
        runs=runs,
        files=files,
    )


def _random(request: Request) -> Response:
    """Any member, drawn uniformly."""
    space = space_of(context_of(request), asking.text(request, "of"))
    rng = np.random.default_rng(asking.whole(request, "seed", 0, 2**53))
    return JSONResponse({"text": space.architecture(space.sample(1, rng)).text})


def _made(request: Request) -> Response:
    """A text, by its words or by menus: whether it is a member, why not, and its menus."""
    space = space_of(context_of(request), asking.text(request, "of"))
    clicked = "clicked" in request.query_params
    problem, text = "", asking.text(request, "text", "")
    rows: tuple[Row, ...] = ()
    try:
        if clicked:
            text = text_of(space, dict(request.query_params))
        arch = space.parse(text.strip())
        text, rows = (text if clicked else arch.text), rows_of(arch)
    except ArchLLMError as error:
        problem = str(error)
    menus = [menu for row in rows for menu in row.menus]
    follows = isinstance(space, Choices) and bool(space.definition.when)  # menus appear and go with others
    return JSONResponse(
        {
            "text": text,
            "problem": problem,
            "clickable": clicked or bool(menus),
            "menus": rendered("cell_menus.html.j2", rows=rows, none=NONE)
            if menus and (follows or not clicked)
            else None,
        }
    )


def _about(request: Request) -> Response:
    """What is known at once."""
    space, arch, loaded = _asked(request)
    networks = space.networks
    counted = networks is not None and not networks.counts_import(None)
    found = info(arch, sizes=counted)
    of = asking.text(request, "of")
    return part(
        "cell_about.html.j2",
        of=of,
        arch=arch,
        found=found,
        svg=arch.svg(),
        likelihood=None if loaded is None else likelihood(loaded, arch),
        imports=_imports(space),
        networks=networks is not None,
        names={name: json.dumps(value) for name, value in found.other_names.items()},
    )


def _codes(request: Request) -> Response:
    """What other codes at one position give."""
    _, arch, loaded = _asked(request)
    if loaded is None:
        raise InvalidInput("codes are a generator's; choose a run as the space")
    found = changed(loaded, arch, asking.whole(request, "position", 0, 10_000))
    return part("cell_codes.html.j2", found=found, of=asking.text(request, "of"), wide=arch.space.name == "darts")


def _neighbours(request: Request) -> Response:
    space, arch, loaded = _asked(request)
    count, shown = neighbours(arch, loaded)
    counted = space.networks is not None and not space.networks.counts_import(None)
    sizes = [each.arch.params if counted else None for each in shown]
    return part(
        "cell_neighbours.html.j2",
        count=count,
        shown=list(zip(shown, sizes, strict=True)),
        of=asking.text(request, "of"),
        wide=space.name == "darts",
    )


def _scores(request: Request) -> Response:
    return part("cell_scores.html.j2", tables=list(scores(_asked(request)[1])))


def _latency(request: Request) -> Response:
    """Measured now, one at a time: measurements beside one another would disturb each other."""
    space, arch, _ = _asked(request)
    _check_builds(space)
    with context_of(request).measuring:
        found = load_objective("latency", space).evaluate(arch)
    return part("cell_latency.html.j2", found=found)


def _check_builds(space: SearchSpace) -> None:
    modules = _imports(space)
    if modules:
        raise InvalidInput(
            f"to build a network of {space.name} would take importing {', '.join(modules)}, which this page does not; "
            "use the command line"
        )


def _file(request: Request) -> Response:
    """A cell as a file."""
    space, arch, _ = _asked(request)
    kind = asking.text(request, "as")
    if kind not in FILES:
        raise InvalidInput(f"a cell is saved as {', '.join(FILES)}, got {kind!r}")
    if kind == "svg":
        content = arch.svg().encode()
    else:
        _check_builds(space)
        with context_of(request).exporting, tempfile.TemporaryDirectory(prefix="archllm-ui-") as folder:
            out = Path(folder) / f"cell{_ENDINGS[kind]}"
            export(arch=arch, space=space, to=kind, out=out)
            content = out.read_bytes()
    name = "".join(each if each.isalnum() else "-" for each in space.name) + f"-{arch.key}"
    return Response(
        content,
        media_type=FILES[kind],
        headers={"content-disposition": f'attachment; filename="{name}{_ENDINGS[kind]}"'},
    )
