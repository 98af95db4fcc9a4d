"""Devices: timings that were made elsewhere, kept by name in the user's data folder.

A file of timings says what was timed, and how long it took:

    {"space": "nasbench201", "network": {"channels": 8, "cells": 1},
     "timings": [{"architecture": "|none~0|+…", "ms": 3.21, "low": 3.1, "high": 3.4}, …]}

`network` may be left out (the network of the space's paper), `low` and `high` too; other entries are not looked at.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archllm.config import unknown
from archllm.errors import ArchLLMError, DataError, DataMissing, InvalidInput, RunFolderError, shown
from archllm.files import make_folder, read_text, write_text
from archllm.graphs import Graphs, concatenate
from archllm.networks.setting import NetworkSetting
from archllm.objectives.identity import fingerprint, plain
from archllm.objectives.latency.features import LatencyFeatures
from archllm.objectives.latency.model import FEWEST, LatencyModel
from archllm.objectives.table import data_folder
from archllm.spaces import SearchSpace

MOST_TIMINGS = 500
"""Timings of a device, at most."""

_LARGEST_FILE = 1_000_000  # characters
_LONGEST = 10_000  # characters of an architecture
_MOST_MS = 1e7
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Timings:
    """What a device took for some networks of a space."""

    space: str
    """Name of the space."""

    network: Mapping[str, Any]
    """Fields of the network setting; what is not named is as in the space's paper."""

    texts: tuple[str, ...]
    """`m` architectures."""

    ms: tuple[float, ...]
    """`m` milliseconds."""

    @classmethod
    def read(cls, file: Path) -> Timings:
        """Timings of a file, as far as they can be judged without their space.

        Raises:
            DataError: the file can't be read, or holds something else.
        """
        text = read_text(file, _LARGEST_FILE)
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{file} is not a file of timings: it is no JSON ({error})") from error
        try:
            return cls._of(document)
        except DataError as error:
            raise DataError(f"{file}: {error}") from error

    @classmethod
    def _of(cls, document: Any) -> Timings:
        if not isinstance(document, dict):
            raise DataError(f"timings are an object with space and timings, got {shown(document)}")
        space, rows, network = (document.get(key) for key in ("space", "timings", "network"))
        if not isinstance(space, str):
            raise DataError(f"space must be the name of a space, got {shown(space)}")
        network = {} if network is None else network
        plain_values = isinstance(network, dict) and all(
            isinstance(each, int | float | str) for each in network.values()
        )
        if not plain_values:
            raise DataError(f"network must be an object of settings, got {shown(network)}")
        if not isinstance(rows, list) or not FEWEST <= len(rows) <= MOST_TIMINGS:
            found = f"{len(rows)} of them" if isinstance(rows, list) else shown(rows)
            raise DataError(f"timings must be a list of {FEWEST} to {MOST_TIMINGS}, got {found}")
        texts, ms = [], []
        for at, row in enumerate(rows):
            text, value = (row.get("architecture"), row.get("ms")) if isinstance(row, dict) else (None, None)
            if not isinstance(text, str) or len(text) > _LONGEST:
                raise DataError(f"timings[{at}].architecture must be the text of an architecture, got {shown(text)}")
            number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
            if not 0 < number < _MOST_MS:
                raise DataError(f"timings[{at}].ms must be milliseconds above 0 and below 1e7, got {shown(value)}")
            texts.append(text)
            ms.append(float(number))
        return cls(space, network, tuple(texts), tuple(ms))

    def members(self, space: SearchSpace) -> tuple[Graphs, NDArray[np.float64]]:
        """The `m` members and their milliseconds; of one that was timed several times, the median.

        Raises:
            DataError: they are of another space, one can't be read, or too few are different.
        """
        if self.space != space.name:
            raise DataError(f"these are timings of {shown(self.space)}, not of {space.name}")
        graphs = []
        for at, text in enumerate(self.texts):
            try:
                graphs.append(space.parse(text).graph)
            except ArchLLMError as error:
                raise DataError(f"timings[{at}].architecture: {error}") from error
        members = concatenate(graphs)
        keys = space.keys(members)
        found, first = np.unique(keys, return_index=True)
        if len(found) < FEWEST:
            raise DataError(f"timings of at least {FEWEST} different networks are needed, got {len(found)}")
        values = np.array(self.ms)
        return members[first], np.array([np.median(values[keys == key]) for key in found])

    def setting(self, space: SearchSpace) -> NetworkSetting:
        """The network setting that was timed.

        Raises:
            DataError: the space's networks have no such setting.
        """
        try:
            setting: NetworkSetting = space.require_networks().setting(**self.network)
        except ArchLLMError as error:
            raise DataError(f"network: {error}") from error
        return setting

    @property
    def fingerprint(self) -> str:
        """A name that timings with other contents don't have."""
        return fingerprint(json.dumps(self.to_json(), sort_keys=True))

    def to_json(self) -> dict[str, Any]:
        """The contents of a file of timings."""
        rows = [{"architecture": text, "ms": ms} for text, ms in zip(self.texts, self.ms, strict=True)]
        return {"space": self.space, "network": plain(self.network), "timings": rows}


@dataclass(frozen=True)
class Device:
    """A device by its name."""

    name: str
    """Its name; `latency:NAME` is the objective."""

    file: Path
    """Where its timings are kept."""

    timings: Timings
    """Its timings."""


def import_device(file: Path, name: str, space: SearchSpace, *, overwrite: bool = False) -> Device:
    """Keeps timings under the name of a device, after making sure that predictions can be made of them.

    Args:
        file: a file of timings.
        name: letters, digits, `_`, `-` and `.`.
        space: the space that they are of.
        overwrite: whether timings that are kept under the name are replaced.

    Raises:
        InvalidInput: the name can't be used, or is in use.
        DataError: the file can't be used.
    """
    target = _file(name)
    if target.exists() and not overwrite:
        raise InvalidInput(
            f"there is a device {name!r} already; choose another name, or remove it (archllm device remove {name})"
        )
    timings = Timings.read(file)
    try:
        _model(timings, space)
    except DataError as error:
        raise DataError(f"{file}: {error}") from error
    make_folder(target.parent)
    write_text(target, json.dumps(timings.to_json(), ensure_ascii=False) + "\n")
    return Device(name, target, timings)


def devices() -> list[Device]:
    """All devices whose timings can be read, by name."""
    found = []
    for file in sorted(_folder().glob("*.json")):
        try:
            found.append(Device(file.stem, file, Timings.read(file)))
        except ArchLLMError:
            continue  # `find_device` says what is wrong with it
    return found


def find_device(name: str) -> Device:
    """A device by its name.

    Raises:
        InvalidInput: the name can't be one.
        DataMissing: there is none of that name.
        DataError: its file was damaged.
    """
    file = _file(name)
    if not file.is_file():
        known = [each.name for each in devices()]
        raise DataMissing(
            f"{unknown('device', name, known)}; time the kit of `archllm device kit` on it, and import the timings"
        )
    return Device(name, file, Timings.read(file))


def remove_device(name: str) -> Device:
    """Forgets the timings of a device.

    Raises:
        InvalidInput: the name can't be one.
        DataMissing: there is none of that name.
        RunFolderError: the file can't be removed.
    """
    file = _file(name)
    try:
        device = find_device(name)
    except DataError:  # a damaged file can be removed, too
        device = Device(name, file, Timings("", {}, (), ()))
    try:
        file.unlink()
    except OSError as error:
        raise RunFolderError(f"can't remove {file}: {error.strerror}") from error
    return device


def device_latency(name: str, space: SearchSpace) -> LatencyModel:
    """What networks of a space take on a device, under the network setting that was timed there.

    Raises:
        InvalidInput: the name can't be one.
        DataMissing: there is no such device.
        DataError: its timings are of another space, or damaged.
    """
    device = find_device(name)
    try:
        return _model(device.timings, space)
    except DataError as error:
        raise DataError(f"device {name}: {error}") from error


def _model(timings: Timings, space: SearchSpace) -> LatencyModel:
    members, ms = timings.members(space)
    return LatencyModel(LatencyFeatures(space, timings.setting(space)), members, ms)


def _folder() -> Path:
    return data_folder() / "devices"


def _file(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"a device is called by letters, digits, _, - and . (at most 64), got {shown(name)}")
    return _folder() / f"{name}.json"
