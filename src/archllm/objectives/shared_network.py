"""The one network setting of a study: that of its objectives, or what is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_type_hints

from archllm.config import checked_value, field_names, unknown
from archllm.errors import InvalidInput
from archllm.networks.setting import NetworkSetting
from archllm.objectives.base import Objective
from archllm.spaces import SearchSpace


def on_one_network(
    objectives: Sequence[Objective], space: SearchSpace, options: Mapping[str, Any]
) -> tuple[list[Objective], NetworkSetting | None]:
    """Objectives that all score networks of one setting, and that setting.

    It is that of an objective that has one of its own (images that candidates are trained on, the networks of a
    benchmark), with the fields that are asked for; sizes follow it. Where no objective has one, it is that of the
    space's paper with these fields.

    Args:
        objectives: the objectives.
        space: their space.
        options: fields of the network setting that are asked for.

    Returns:
        The objectives, in their order, and the setting; `None` where no networks are made of the space's members.

    Raises:
        InvalidInput: objectives score different networks, or others than are asked for; or an option is wrong.

    Example:
        >>> from archllm.objectives import load_objective
        >>> from archllm.spaces import load_space
        >>> space = load_space("nasbench201")
        >>> _, setting = on_one_network([load_objective("params", space)], space, {"channels": 8})
        >>> setting.channels, setting.cells
        (8, 5)
    """
    if options:
        _check(options, space.require_networks().setting_type)
    if space.networks is None:
        return list(objectives), None
    asked = [each.with_network(options) for each in objectives] if options else list(objectives)
    with_own = [each for each in asked if each.network_setting is not None]
    leaders = [each for each in with_own if not each.follows_network] or with_own[:1]
    first: InvalidInput | None = None
    for leader in leaders:
        try:
            return _following(asked, leader)
        except InvalidInput as error:
            first = first or error
    if first is not None:
        raise first
    return asked, space.networks.setting(**options)


def _following(objectives: Sequence[Objective], leader: Objective) -> tuple[list[Objective], NetworkSetting]:
    """All objectives on the network of one of them.

    Raises:
        InvalidInput: one of them scores other networks.
    """
    setting = leader.network_setting
    assert setting is not None
    try:
        found = [each if each is leader else each.with_network(vars(setting)) for each in objectives]
    except InvalidInput as error:
        raise InvalidInput(f"{error}, which is the network of {leader.spec}") from error
    return found, setting


def _check(options: Mapping[str, Any], kind: type) -> None:
    known, hints = field_names(kind), get_type_hints(kind, include_extras=True)
    for name, value in options.items():
        if name not in known:
            raise InvalidInput(unknown("option", name, known, "the network"))
        checked_value(value, hints[name], f"the network: {name}")
