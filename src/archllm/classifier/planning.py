"""Planning: which images and networks, how many trainings of which length, from what this machine needs for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from archllm.classifier.config import FitRequest
from archllm.classifier.informed import generator_of
from archllm.classifier.plan import SHARES, Plan, finalists_in, reserve, rounds_in, short_training
from archllm.classifier.raw import deployed, timed
from archllm.classifier.scale import Scaler, image_sizes, scales_of
from archllm.classifier.timetable import Timetable
from archllm.errors import InvalidInput
from archllm.graphs import Graphs
from archllm.objectives.train import TrainObjective
from archllm.spaces import SearchSpace

if TYPE_CHECKING:
    from archllm.networks.export.deploying import Deployment

LEAST_TRAINING = 10.0
"""Seconds for search and training below which a fit makes no sense."""


def new_plan(
    request: FitRequest, space: SearchSpace, objective: TrainObjective, times: Timetable, say: Callable[[str], None]
) -> Plan:
    """The plan of a fit, told line by line; the timetable keeps what its end needs.

    Args:
        request: what is asked for.
        space: the space that it names.
        objective: of full trainings, with the images read.
        times: what time there is.
        say: takes a line for the user.

    Raises:
        InvalidInput: the time is too short, or nothing keeps to the limits.
    """
    check_time(request, times)
    split, limits = objective.split, request.limits
    options = {"num_classes": len(objective.images.classes), "in_channels": objective.images.x.shape[1]}
    scaler = Scaler(space, limits, options, times.clock)
    height, width = objective.images.x.shape[2:]
    sizes_to_try = image_sizes(height, width, request.image_size)
    export, others, scaler.overhead = _timed_exports(scaler, sizes_to_try[0], times, request)
    times.reserve = reserve(export, others)
    check_time(request, times)
    scale = scaler.choose(sizes_to_try, len(split.train_y), 0.5 * max(0.0, times.open))
    check_time(request, times)
    if request.limits.latency is not None and scale.image_size != sizes_to_try[0]:
        scaler.overhead = _overhead(scaler, scale.image_size)
    search = times.search_ends() - times.elapsed
    short = short_training(scale.speed, search)
    training = times.open - search
    finalists = finalists_in(training, scale.speed, len(split.train_y))
    rounds = rounds_in(training, short, finalists)
    plan = Plan(scale, short, rounds, method_of(request, space), export, others, scaler.overhead)
    network = ", ".join(f"{name} {value}" for name, value in scale.network.items()) or "sizes of their own"
    size = f"{scale.image_size} x {scale.image_size}"
    say(f"plan: images of {size}, networks of {space.name} with {network} ({limits})")
    say(f"plan: {search:.0f} s of search by trainings of {short:.1f} s each")
    for count, share in zip(rounds[:-1], SHARES[len(rounds)], strict=False):
        say(f"plan: then the {count} that promise most go on, each for {share * training / count:.0f} s")
    training *= SHARES[len(rounds)][-1]
    full = "1 full training of" if finalists == 1 else f"{finalists} full trainings, each of"
    say(f"plan: then {full} {training / finalists:.0f} s")
    return plan


def check_time(request: FitRequest, times: Timetable) -> None:
    """Makes sure that time for search and training is left, by what is known so far of what all the rest needs.

    Raises:
        InvalidInput: there is too little.
    """
    known = times.reserve or reserve(0.0)
    if times.left - known < LEAST_TRAINING:
        least = np.ceil((times.elapsed + known + LEAST_TRAINING) / 6) / 10
        raise InvalidInput(
            f"--minutes {request.minutes:g} is too short for these images on this machine: reading, measuring and "
            f"writing files alone take {'' if times.reserve else 'more than '}{times.elapsed + known:.0f} s; take "
            f"{'at least' if times.reserve else 'more than'} --minutes {least:.1f}"
        )


def method_of(request: FitRequest, space: SearchSpace) -> str:
    """How the search chooses: as asked for, else `sequence` where a generator of the space comes with the package."""
    return request.method or ("sequence" if generator_of(space.name) is not None else "gp")


def _timed_exports(scaler: Scaler, size: int, times: Timetable, request: FitRequest) -> tuple[float, float, float]:
    """Seconds of an export to ONNX here, and of those asked for besides, which are most of the end of a fit.

    They hardly depend on the scale, which is not known yet; a small network with images of a size stands for all.

    Returns:
        Both, and, where latency is limited, milliseconds that a file takes beyond its network.
    """
    from archllm.networks.export.deploying import load_onnx
    from archllm.networks.export.device_programs import load_libraries

    load_onnx()  # loading libraries is paid for once
    for form in request.also:
        load_libraries(form)
    check_time(request, times)
    clock = times.clock
    before = clock()
    deployment = _deployed(scaler, size)
    _ = deployment.onnx
    onnx = clock() - before
    times.reserve = reserve(onnx)
    check_time(request, times)
    for form in request.also:
        deployment.for_device(form, {})
    others = clock() - before - onnx
    if request.limits.latency is None:
        return onnx, others, 0.0
    return onnx, others, _overhead(scaler, size, deployment)


def _overhead(scaler: Scaler, size: int, deployment: Deployment | None = None) -> float:
    """Milliseconds that the file of a small network takes beyond the network, for images of a size."""
    from archllm.networks.latency import measure_members

    setting, member = _small(scaler, size)
    alone = measure_members(scaler.networks, member, setting)[0]
    return max(0.0, timed(deployment or _deployed(scaler, size)).fastest - alone.fastest)


def _deployed(scaler: Scaler, size: int) -> Deployment:
    """A small network with what raw images need before it."""
    setting, member = _small(scaler, size)
    blueprint = scaler.networks.blueprint(member, setting)
    return deployed(blueprint, blueprint.build().eval(), *[np.ones(setting.in_channels, dtype=np.float32)] * 2)


def _small(scaler: Scaler, size: int) -> tuple[Any, Graphs]:
    return scaler.setting(size, scales_of(scaler.space)[0]), scaler.members[[len(scaler.members) // 2]]
