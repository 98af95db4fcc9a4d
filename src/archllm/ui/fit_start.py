"""What a fit that is started from the page may be: images and run folder within the folder, and no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from archllm.classifier.folder import FitFolder
from archllm.classifier.scale import SCALES
from archllm.config import unknown
from archllm.errors import DataMissing, InvalidInput, shown
from archllm.files import check_own_files
from archllm.networks.device_forms import RUNTIMES, installed_forms
from archllm.ui.context import Context
from archllm.ui.home import DEEPEST, Home
from archllm.ui.search_start import METHODS as SEARCH_METHODS
from archllm.ui.search_start import OF_A_RUN
from archllm.workflows.options import FitOptions

SPACES = tuple(sorted(SCALES, key=lambda name: name != "mobile"))
"""Spaces that a fit can search, the default first."""

METHODS = tuple(name for name in SEARCH_METHODS if name not in OF_A_RUN)
"""Methods that can be chosen; without a choice, a generator that comes with the package is searched with, if any."""

BUILT_IN = "digits"
"""Images that need no file."""

CHOSEN = ("minutes", "max_params", "max_macs", "max_latency", "space", "image_size", "method", "seed")
"""Options that the page has fields for, beside images, run folder and `also`."""

MOST_MINUTES = 7 * 24 * 60

_LONGEST = 200  # characters of a value


def source_of(home: Home, named: str) -> str:
    """The images that a path from the folder names, as a fit takes them.

    Raises:
        InvalidInput: it leads out of the folder.
        DataMissing: there is nothing.
        RunFolderError: a link inside leads out of it, or something there is no ordinary file.
    """
    if named == BUILT_IN:
        return named
    place = home.within(named)
    if not place.is_file() and not place.is_dir():
        raise DataMissing(f"there is no folder or archive {shown(named)} here")
    if place.is_dir():
        check_own_files(place)
    return str(place)


def options_from(context: Context, asked: Mapping[str, Any]) -> tuple[FitOptions, str]:
    """The options of a new fit, and its run folder as a path from the folder.

    Args:
        context: of the page.
        asked: `data` and `out`, paths from the folder; and, where they are not to be the defaults, those of `CHOSEN`.

    Raises:
        InvalidInput: something of it can't be used.
    """
    data, at = (_word(asked, name) for name in ("data", "out"))
    settings = {name: asked[name] for name in CHOSEN if asked.get(name) not in (None, "")}
    for name, value in settings.items():
        if type(value) not in (int, float, str) or len(str(value)) > _LONGEST:
            raise InvalidInput(f"{name} must be a number or a text, got {shown(value)}")
    also = asked.get("also") or []
    if not isinstance(also, list) or not set(map(str, also)) <= {*installed_forms()}:
        raise InvalidInput(f"further files are {', '.join(installed_forms()) or 'none here'}, got {shown(also)}")
    options = FitOptions(
        data=source_of(context.home, data), out=_new_folder(context.home, at), also=tuple(also), **settings
    )
    return _checked(options), at


def options_of(context: Context, at: str, minutes: float | None = None) -> FitOptions:
    """The options with which a fit of the folder goes on.

    Args:
        context: of the page.
        at: its run folder, as a path from the folder.
        minutes: how long all of it may take; by default as long as it was asked for before.

    Raises:
        InvalidInput: its record names something that the page does not start.
        RunFolderError: there is no such fit, or its record is damaged.
    """
    out = context.home.there(at, "fit")
    record = FitFolder.open(out).record
    named, before = record.get("data"), record.get("minutes")
    if not isinstance(named, str):
        raise InvalidInput(f"the record of {shown(at)} does not say which images it is of")
    root = context.home.root
    path = Path(named)
    if path.is_absolute() and not path.is_relative_to(root):
        raise InvalidInput(f"the images of this fit, {shown(named)}, are not in the folder; go on in a terminal")
    source_of(context.home, path.relative_to(root).as_posix() if path.is_absolute() else named)
    if named.startswith("-"):
        raise InvalidInput(f"{shown(named)} can't be named on a command line; go on in a terminal")
    known = {name: value for name, value in record["asked"].items() if value is not None}
    odd = [name for name in known if name not in CHOSEN]
    if odd:
        raise InvalidInput(f"the record of {shown(at)} has {', '.join(map(shown, odd))}, which no fit has")
    also = record.get("also", [])
    if not isinstance(also, list) or not all(each in RUNTIMES for each in map(str, also)):
        raise InvalidInput(f"the record of {shown(at)} has further files that no fit has: {shown(also)}")
    options = FitOptions(data=named, out=out, resume=True, also=tuple(also), **known)  # as it is known to the fit
    minutes = minutes if minutes is not None else before
    return _checked(options if minutes is None else replace(options, minutes=minutes))


def _checked(options: FitOptions) -> FitOptions:
    """Options that name no code and end some day.

    Raises:
        InvalidInput: they don't.
    """
    if options.space not in SPACES:
        raise InvalidInput(unknown("space", options.space, SPACES))
    if options.method is not None and options.method not in METHODS:
        raise InvalidInput(unknown("method", options.method, METHODS))
    if options.minutes > MOST_MINUTES:
        raise InvalidInput(f"minutes must be at most {MOST_MINUTES:,}, a week, got {options.minutes:g}")
    return options


def _new_folder(home: Home, at: str) -> Path:
    place = home.within(at)
    parts = place.relative_to(home.root).parts
    if not parts or any(part.startswith((".", "-")) for part in parts) or len(parts) > DEEPEST:
        raise InvalidInput(
            f"a run folder is named like fits/photos, {DEEPEST} folders deep at most, without . or - in front, got "
            f"{shown(at)}"
        )
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise InvalidInput(f"{shown(at)} is there already; name another run folder")
    return place


def _word(asked: Mapping[str, Any], name: str) -> str:
    found = asked.get(name)
    if not isinstance(found, str) or not found.strip() or len(found) > 2_000:
        raise InvalidInput(f"{name} must be a path from the folder, got {shown(found)}")
    return found.strip()
