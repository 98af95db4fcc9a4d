"""Numbers, times and options as people read them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

_OFFICIAL = re.compile(r"(?:nasbench201|nats-size)/(?P<data>[^./@]+)(?:\.(?P<part>\w+))?(?:@(?P<epochs>\d+))?")
_PARTS = {None: "validation accuracy", "valid": "validation accuracy", "test": "test accuracy"}


def figure(value: float) -> str:
    """A number for people.

    Example:
        >>> figure(830426.0), figure(91.60671), figure(0.25)
        ('830,426', '91.6067', '0.25')
    """
    if float(value).is_integer() and abs(value) >= 1000:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:,.6g}".replace("-", "−")


def measured(spec: str) -> str:
    """What an objective measures, and its unit, where the objective's spec tells.

    Example:
        >>> measured("train:digits?epochs=2"), measured("minimise:latency?threads=2"), measured("macs")
        ('validation accuracy on digits, %', 'latency, ms', 'multiply-accumulates')
        >>> measured("table:nasbench201/cifar10.valid@12"), measured("table:mine/loss")
        ('validation accuracy on cifar10 after 12 epochs, %', 'loss in the table mine')
    """
    goal = next((spec.partition(":")[2] for way in ("minimise:", "maximise:") if spec.startswith(way)), spec)
    kind, _, rest = goal.partition(":")
    if goal in ("params", "macs"):
        return {"params": "parameters", "macs": "multiply-accumulates"}[goal]
    if re.split(r"[:?]", goal)[0] == "latency":
        device = rest.partition("?")[0]
        return f"latency on {device}, ms" if device else "latency, ms"
    if kind == "train" and rest:
        return f"validation accuracy on {PurePath(rest.partition('?')[0]).name}, %"
    if kind == "proxy" and rest:
        return f"{rest.partition('?')[0]}, a training-free score"
    if kind == "table" and rest:
        return _of_table(rest)
    if kind == "python" and rest:
        return f"score of {rest.rpartition(':')[2]}"
    if kind == "command" and rest:
        return f"what {PurePath(rest.split()[0]).name} prints" if rest.split() else spec
    return spec


def metric_words(metric: str, objectives: Sequence[str]) -> str:
    """What a metric besides the objectives is, and its unit, where the objectives' specs tell.

    Example:
        >>> metric_words("cifar10.test@200", ["params", "table:nasbench201/cifar10"])
        'test accuracy on cifar10 after 200 epochs, %'
        >>> metric_words("cifar10.test@200", ["table:mine/score"])
        'cifar10.test@200'
    """
    for spec in objectives:
        table, slash, _ = spec.rpartition("/")
        words = measured(f"{table}/{metric}") if slash else ""
        if words.endswith(", %") and table.startswith(("table:", "maximise:table:", "minimise:table:")):
            return words
    return metric


def _of_table(rest: str) -> str:
    official = _OFFICIAL.fullmatch(rest)
    if official is not None and official["part"] in _PARTS:
        after = f" after {official['epochs']} epochs" if official["epochs"] else ""
        return f"{_PARTS[official['part']]} on {official['data']}{after}, %"
    table, _, metric = rest.rpartition("/")
    return f"{metric} in the table {PurePath(table).name}" if table else f"score in the table {metric}"


def option(value: object) -> str:
    """An option of a method, as a sentence has it."""
    return " and ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def duration(seconds: float) -> str:
    """A time as people say it.

    Example:
        >>> duration(0.0), duration(75.0), duration(90_000.0)
        ('0 s', '1 min 15 s', '25 h 0 min')
    """
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
