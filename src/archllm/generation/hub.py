"""Run folders on a Hugging Face hub: `hf:OWNER/NAME`, or `hf:OWNER/NAME@REVISION`.

A run is data: settings as TOML and JSON, weights as safetensors. Only files of these kinds go either way, whatever else
a repository holds; what was fetched is read like any run folder of others, and its checksums are compared.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archllm.errors import DataMissing, InvalidInput, RunFolderError
from archllm.files import LARGEST_JSON, assembling, cache_folder, make_folder, read_text
from archllm.generation.run_folder import check_seal, read_info, read_report

PREFIX = "hf:"
"""What the name of a run on the hub begins with."""

_NAME = re.compile(r"(?P<name>[\w-][\w.-]*/[\w-][\w.-]*)(@(?P<revision>[\w][\w./-]*))?")
_FILE = re.compile(r"(prior/)?[A-Za-z0-9_][\w.-]*\.(json|toml|safetensors|txt)")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LARGEST = 1 << 35  # bytes of a run


@dataclass(frozen=True)
class Pushed:
    """A run on the hub.

    Example:
        >>> Pushed("me/cells", "https://HOST/me/cells", ("config.toml",)).to_json()["load"]
        'hf:me/cells'
    """

    name: str
    """Its name there, OWNER/NAME."""

    url: str
    """Its page."""

    files: tuple[str, ...]
    """What was sent."""

    def to_json(self) -> dict[str, Any]:
        """What `archllm push --json` prints."""
        return {"name": self.name, "url": self.url, "files": list(self.files), "load": f"{PREFIX}{self.name}"}


def push(run: str | Path, name: str, *, private: bool = False) -> Pushed:
    """Sends a run folder to the hub, with a page about it; nothing else of the folder, such as stores of searches.

    Args:
        run: the run folder.
        name: OWNER/NAME on the hub; a repository that is there gets a new commit.
        private: whether a new repository is private.

    Raises:
        InvalidInput: it is no such name.
        RunFolderError: the run is not complete.
        DataMissing: the hub can't be reached, or refuses.
    """
    where, folder = _parts(name)[0], Path(run)
    info = read_info(folder)
    check_seal(folder)
    sealed = json.loads(read_text(folder / "seal.json", LARGEST_JSON))
    names = [*sealed, "seal.json", "metrics.json"]
    if strange := [each for each in names if not _FILE.fullmatch(each)]:
        raise RunFolderError(f"{folder / strange[0]} is no file that a run on the hub can have")
    from huggingface_hub import CommitOperationAdd, HfApi

    card = _card(where, info.space, read_report(folder))
    parts = [CommitOperationAdd(each, str(folder / each)) for each in names]
    parts.append(CommitOperationAdd("README.md", card.encode()))
    try:
        api = HfApi()
        page = api.create_repo(where, private=private, exist_ok=True)
        api.create_commit(where, parts, commit_message=f"A generator of {info.space}")
    except Exception as error:
        raise DataMissing(f"can't push to {where}: {error}; `hf auth login` says who you are") from error
    return Pushed(where, str(page), tuple(names))


def is_on_hub(run: str | Path) -> bool:
    """Whether a run is named as one on the hub.

    Example:
        >>> is_on_hub("hf:me/cells"), is_on_hub("runs/mine")
        (True, False)
    """
    return str(run).startswith(PREFIX)


def local(run: str | Path) -> Path:
    """The folder of a run: the path itself, or where one from the hub is kept, which is fetched if it is not there.

    Raises:
        InvalidInput: it is no name of a run on the hub.
        DataMissing: the hub can't be reached, or has no such run.
        RunFolderError: what was fetched can't be written.
    """
    if not is_on_hub(run):
        return Path(run)
    name, revision = _parts(str(run).removeprefix(PREFIX))
    home = cache_folder() / "hub" / name.replace("/", "--")
    if revision is not None and _COMMIT.fullmatch(revision) and (home / revision).is_dir():
        return home / revision  # a commit never changes
    from huggingface_hub import HfApi

    try:
        api = HfApi()
        about = api.model_info(name, revision=revision, files_metadata=True)
        commit, files = str(about.sha), {each.rfilename: each.size or 0 for each in about.siblings or ()}
        if not _COMMIT.fullmatch(commit):
            raise ValueError(f"the hub names no commit but {commit!r}")
        if (home / commit).is_dir():
            return home / commit
        names = _wanted(name, files)
        make_folder(home)
        with assembling(home / commit) as aside:
            for each in names:
                api.hf_hub_download(name, each, revision=commit, local_dir=aside)
            shutil.rmtree(aside / ".cache", ignore_errors=True)  # notes of the download
    except (DataMissing, RunFolderError):
        raise
    except Exception as error:
        raise DataMissing(f"can't get {run}: {error}") from error
    return home / commit


def _parts(name: str) -> tuple[str, str | None]:
    """Name and revision."""
    found = _NAME.fullmatch(name)
    if found is None or ".." in name:
        raise InvalidInput(f"a run on the hub is named OWNER/NAME, or OWNER/NAME@REVISION to load it, got {name!r}")
    return found["name"], found["revision"]


def _wanted(name: str, files: dict[str, int]) -> list[str]:
    """Which files of a repository belong to a run."""
    found = [each for each in files if _FILE.fullmatch(each) and ".." not in each]
    if "config.toml" not in found or "seal.json" not in found:
        raise DataMissing(f"{PREFIX}{name} is no run of archllm: it has no config.toml with a seal.json")
    if (size := sum(files[each] for each in found)) > _LARGEST:
        raise DataMissing(f"{PREFIX}{name} has {size:,} bytes, more than the {_LARGEST:,} that a run may have")
    return found


def _card(name: str, space: str, report: dict[str, Any]) -> str:
    """The page of a run: what it is, what was measured, how it is used."""
    figures = {
        "reconstruction of held-out architectures": _percent(report.get("reconstruction")),
        "nats per held-out architecture": report.get("held_out_nats"),
        "ideal": report.get("ideal_nats"),
    }
    rows = [f"| {told} | {value} |" for told, value in figures.items() if value is not None]
    return "\n".join(
        [
            "---",
            "library_name: archllm",
            "tags:",
            "- archllm",
            "- neural-architecture-search",
            "---",
            "",
            f"# A generator of {space}",
            "",
            "It writes new architectures of the space, valid and pairwise different:",
            "",
            f"    archllm sample {PREFIX}{name} -n 10",
            "",
            "| measured | |",
            "|---|---|",
            *rows,
            "",
        ]
    )


def _percent(share: Any) -> str | None:
    return f"{share:.2%}" if isinstance(share, int | float) else None
