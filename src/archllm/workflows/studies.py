"""Studies as commands name, describe and find them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from archllm.config import parse_words
from archllm.networks.setting import NetworkSetting
from archllm.reporting.network_words import network_words
from archllm.spaces import SearchSpace, load_space
from archllm.spaces.registry import is_name
from archllm.study.store import Study

LONGEST = 60
"""Characters of the objectives in the name of a study, at most."""


def study_name(method: str, objectives: Sequence[str], seed: int) -> str:
    """The name of a study that was given none: method, objectives and seed, as a shell takes it without quotes.

    Example:
        >>> study_name("gp", ["train:photos?epochs=20", "params"], 0)
        'gp-train-photos-epochs=20-params-0'
    """
    told = "+".join(objectives)
    words = re.sub(r"[^A-Za-z0-9._=]+", "-", told).strip("-")
    if len(words) > LONGEST:
        words = f"{words[: LONGEST - 9].strip('-')}-{sha256(told.encode()).hexdigest()[:8]}"
    return f"{method}-{words}-{seed}"


def network_options(options: Mapping[str, Any] | Sequence[str], space: SearchSpace) -> dict[str, Any]:
    """Fields of a network setting, given by name or as `KEY=VALUE`.

    Raises:
        InvalidInput: there is no such field, a value is of another type, or the space has no networks.
    """
    if isinstance(options, Mapping):
        return dict(options)
    return parse_words(options, space.require_networks().setting_type, "the network") if options else {}


def network_told(study: Study) -> str:
    """The network setting of a study in words; empty where it has none."""
    if study.network is None:
        return ""
    if is_name(study.space):
        space = load_space(study.space)
        setting = network_of(study, space)
        if setting is not None:
            return network_words(space, setting)
    return ", ".join(f"{name} {value}" for name, value in study.network.items())


def network_of(study: Study, space: SearchSpace) -> NetworkSetting | None:
    """The network setting of a study; `None` where it has none.

    Raises:
        InvalidInput: the space's networks of today know no such setting.
    """
    if study.network is None or space.networks is None:
        return None
    setting: NetworkSetting = space.networks.setting(**study.network)
    return setting
