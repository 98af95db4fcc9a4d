"""Run folders: what a training leaves behind, and how it is read again."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archllm import toml_lines
from archllm.config import Seed, Settings
from archllm.data.corpus import CORPUS_FILE
from archllm.errors import ArchLLMError, InvalidInput, RunFolderError, shown
from archllm.files import LARGEST_JSON, check_own_files, read_text, refuse_existing, toml_value, write_text
from archllm.generation.config import TrainConfig

if TYPE_CHECKING:
    from archllm.spaces.base import SearchSpace

CONFIG_FILE = "config.toml"
"""Space, seed and all settings of the training."""

SPACE_FILE = "space.toml"
"""The definition of the space in a run folder, where the space does not come with archllm."""

BLOCKS_FILE = "blocks.json"
"""What a run folder records of blocks of others that the space names."""

_log = logging.getLogger(__name__)

_LARGEST = 1 << 20  # bytes of a file that describes a run
_FORMAT = 4
_OLDER = "; it is of an older version, in whose settings `orders` was what is `permutations` now, `prior.buckets` \
`prior.bins` and `prior.marginals` `prior.unigram_init`: train it again"


@dataclass(frozen=True)
class RunInfo(Settings):
    """The head of a run folder."""

    space: str
    """Name of the space."""

    seed: Seed
    """Seed of the training."""

    config: TrainConfig
    """Its configuration."""

    def to_toml(self) -> str:
        """The text of `config.toml`."""
        lines = [f"format = {_FORMAT}", f"space = {toml_value(self.space)}", f"seed = {self.seed}", "", "[train]"]
        nested = {}
        for name, value in asdict(self.config).items():
            if isinstance(value, dict):
                nested[name] = value
            else:
                lines.append(f"{name} = {toml_value(value)}")
        for name, table in nested.items():
            lines += ["", f"[train.{name}]", *(f"{key} = {toml_value(value)}" for key, value in table.items())]
        return "\n".join(lines) + "\n"


def write_info(folder: Path, info: RunInfo) -> None:
    """Writes `config.toml`."""
    write_text(folder / CONFIG_FILE, info.to_toml())


def read_info(folder: Path) -> RunInfo:
    """Reads `config.toml`.

    Raises:
        RunFolderError: the folder or the file is missing, or the file is not what this version writes.
    """
    path = folder / CONFIG_FILE
    if folder.is_file():
        raise RunFolderError(
            f"{folder} is a file, and a run folder is needed, as `archllm train SPACE --out RUN` writes one"
        )
    if not folder.is_dir():
        if work_folder(folder).is_dir():
            raise RunFolderError(
                f"the training to {folder} was interrupted; go on with it: archllm train SPACE --out {folder} --resume"
            )
        raise RunFolderError(f"there is no run folder {folder}; train one with `archllm train SPACE --out {folder}`")
    if not path.exists():  # first, as what lies in a folder of another kind is nobody's fault
        raise RunFolderError(f"{folder} is not a run folder: it has no config.toml")
    check_own_files(folder)
    try:
        data = toml_lines.loads(read_text(path, _LARGEST))
    except toml_lines.TOMLError as error:
        raise RunFolderError(f"{path} is damaged: {error}") from error
    if data.get("format") != _FORMAT:
        found = data.get("format")
        older = _OLDER if isinstance(found, int) and found < _FORMAT else ""
        raise RunFolderError(f"{path} has format {found!r}; this version reads format {_FORMAT}{older}")
    try:
        info = RunInfo.from_mapping({"space": data["space"], "seed": data["seed"], "config": data["train"]})
    except (KeyError, ArchLLMError) as error:
        raise RunFolderError(f"{path} is not a run configuration: {error}") from error
    if toml_lines.loads(info.to_toml()) != data:  # a default in place of a lost setting would tell of another run
        raise RunFolderError(f"{path} is not complete: it must hold every setting of the training and nothing else")
    return info


def write_space(folder: Path, space: SearchSpace) -> None:
    """Writes `space.toml`, the definition of a space that does not come with archllm, and `blocks.json`.

    The latter records the sources and sizes of blocks of others, so that they need not be imported to be counted.
    """
    from archllm.spaces.registry import is_name

    if is_name(space.name):
        return
    write_text(folder / SPACE_FILE, space.file or space.definition.to_toml())
    blocks = space.networks.record() if space.networks is not None else None
    if blocks is not None:
        write_text(folder / BLOCKS_FILE, blocks)


def read_space(folder: Path, info: RunInfo) -> SearchSpace:
    """The space of a run: that of its own `space.toml`, whatever became of the file that it was made from.

    A run folder may come from anybody, so nothing that lies in it is imported. Where the space names blocks of others,
    a line is logged about what building a network would import, and from where.

    Raises:
        RunFolderError: it can't be read, or the name is that of no space, or of a class that is not to be imported for
            the folder's sake.
    """
    from archllm.spaces.registry import is_name, space_of_text, stored_space

    path = folder / SPACE_FILE
    if is_name(info.space):
        try:
            return stored_space(info.space, folder / CONFIG_FILE)
        except InvalidInput as error:
            raise RunFolderError(str(error)) from error
    if not path.exists():
        raise RunFolderError(
            f"{folder / 'config.toml'} is of the space {info.space!r}, which is not known here, and there is no "
            f"{path}; put the original back or train again"
        )
    try:
        blocks = read_text(folder / BLOCKS_FILE, _LARGEST) if (folder / BLOCKS_FILE).exists() else None
        space = space_of_text(read_text(path, _LARGEST), str(path), info.space, blocks)
    except InvalidInput as error:
        raise RunFolderError(f"{path} is damaged: {error}") from error
    if space.name != info.space:
        raise RunFolderError(f"{path} defines the space {space.name!r}, but the run is of {info.space!r}")
    if space.networks is not None:
        for module, file in space.networks.imports().items():
            _tell_of_import(str(path), module, file)
    return space


@cache  # a command reads the same folder several times
def _tell_of_import(path: str, module: str, file: Path | None) -> None:
    where = (
        f"would be imported from {file}" if file else "are not found where Python looks (--modules DIR names a folder)"
    )
    _log.warning("%s names blocks of the module %s; to build a network, they %s", path, module, where)


def check_same_definition(folder: Path, info: RunInfo, space: SearchSpace) -> None:
    """Makes sure that an interrupted training goes on with the space that it began with.

    Raises:
        RunFolderError: the space file was changed in between.
    """
    if read_space(folder, info).identity != space.identity:
        raise RunFolderError(
            f"the definition of the space {space.name} is not the one that the interrupted training began with "
            f"({folder / SPACE_FILE}); put it back, or start afresh (--overwrite)"
        )


def read_report(folder: Path) -> dict[str, Any]:
    """Reads `metrics.json`, what the training measured.

    Raises:
        RunFolderError: it is missing or damaged.
    """
    path = folder / "metrics.json"
    try:
        report = json.loads(read_text(path, LARGEST_JSON))
    except (ValueError, RecursionError) as error:
        raise RunFolderError(f"can't read {path}: {error}; the run folder is not complete") from error
    if not isinstance(report, dict):
        raise RunFolderError(f"{path} must hold a JSON object")
    for name in ("reconstruction", "held_out_nats", "ideal_nats"):
        if name in report and not _is_number(report[name]):
            raise RunFolderError(f"{path}: {name} must be a number, found {shown(report[name])}")
    for name in ("parameters", "seconds"):
        found = report.get(name, {})
        if not isinstance(found, dict) or not all(map(_is_number, found.values())):
            raise RunFolderError(f"{path}: {name} must hold a number for each part, found {shown(found)}")
    return report


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def seal(folder: Path) -> None:
    """Writes `seal.json`, the checksums of the files that belong together."""
    write_text(folder / "seal.json", json.dumps(_checksums(folder), indent=2) + "\n")


def check_seal(folder: Path) -> None:
    """Makes sure that the files of a run folder are those that were saved together.

    Raises:
        RunFolderError: a file was changed, swapped, added or removed; the message names it.
    """
    path = folder / "seal.json"
    try:
        sealed = json.loads(read_text(path, _LARGEST))
        check_own_files(folder)
        found = _checksums(folder)
    except (OSError, ValueError, RecursionError) as error:
        raise RunFolderError(f"can't read {path}: {error}; the run folder is not complete") from error
    if not isinstance(sealed, dict):
        raise RunFolderError(f"{path} must hold a JSON object")
    for name in sorted(sealed.keys() | found.keys()):
        if sealed.get(name) != found.get(name):
            raise RunFolderError(
                f"{folder / name} is not the file saved with this run: it was changed, or is of another run; "
                "put the original back or train again"
            )


def _checksums(folder: Path) -> dict[str, str]:
    names = [CONFIG_FILE, "tokenizer.json", "tokenizer.safetensors"]
    optional = (SPACE_FILE, BLOCKS_FILE, "conditions.safetensors", CORPUS_FILE)
    names += [name for name in optional if (folder / name).exists()]
    paths = [folder / name for name in names] + sorted(path for path in (folder / "prior").glob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _checksum(path) for path in paths}


def _checksum(path: Path) -> str:
    with path.open("rb") as file:  # piece by piece: weights may be large
        return file_digest(file, "sha256").hexdigest()


def work_folder(out: Path) -> Path:
    """Where the run grows until it is complete: a hidden folder beside its final place."""
    return out.with_name(f".{out.name}.training")


def check_startable(out: Path, overwrite: bool = False) -> None:
    """Makes sure, before any long work, that a training to `out` can start.

    Raises:
        RunFolderError: `out` is taken, or an interrupted training to it is there, and `overwrite` is false.
    """
    refuse_existing(out, overwrite)
    if work_folder(out).exists() and not overwrite:
        raise RunFolderError(
            f"an interrupted training to {out} is there ({work_folder(out)}); go on with it (--resume) or "
            "start afresh (--overwrite)"
        )


def read_interrupted(out: Path) -> RunInfo:
    """The head of the interrupted training to `out`.

    Raises:
        RunFolderError: there is nothing to resume.
    """
    if not work_folder(out).exists():
        state = "is complete already" if out.exists() else "was never started"
        raise RunFolderError(f"there is nothing to resume: the training to {out} {state}")
    return read_info(work_folder(out))


def check_same(out: Path, found: RunInfo, asked: RunInfo) -> None:
    """Makes sure that an interrupted training can go on with the settings asked for.

    Raises:
        RunFolderError: a setting differs; the message names each.
    """
    flat_found, flat_asked = _flat(found), _flat(asked)
    changed = [f"{k} {flat_found[k]!r} (asked for: {v!r})" for k, v in flat_asked.items() if flat_found[k] != v]
    if changed:
        raise RunFolderError(
            f"the interrupted training to {out} has other settings: {', '.join(changed)}; "
            "resume with the same ones, or start afresh (--overwrite)"
        )


def _flat(info: RunInfo) -> dict[str, Any]:
    flat: dict[str, Any] = {"space": info.space, "seed": info.seed}
    for name, value in asdict(info.config).items():
        flat |= {f"{name}.{key}": inner for key, inner in value.items()} if isinstance(value, dict) else {name: value}
    return flat
