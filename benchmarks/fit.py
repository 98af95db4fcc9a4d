"""`archllm fit` against known small networks and random search, with the same images, recipe and minutes.

`python -m benchmarks.fit --only rate` chooses the learning rates of the controls, each the best of three, in runs of a
third of the minutes with another seed; all other runs need them. `--only photos5-fit` runs a part; what was run is not
run again. Each run gets `--minutes` of CPU time on one thread, so a busy machine changes nothing but the wait.

A fit, and the random search beside it, are asked for half the milliseconds of the control of their seed that is best on
validation images, so controls run first. Known designs within that limit are compared on photos5, which may be tuned
on, in short and in longer trainings, by validation images alone. In the end the files of all runs of a seed are timed
against each other. Needs `photos5.zip` in `$ARCHLLM_DATA`, and for Fashion-MNIST its IDX files in the folder that
`--fashion` names.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness.jobs import Benchmark, Job, Work, read_job, seeds
from benchmarks.harness.results import Result

if TYPE_CHECKING:
    from archllm.objectives.train import TrainObjective

MINUTES = 6.0

CONTROLS = ("ResNet-8", "MobileNetV2 0.35", "DS-CNN")

RATES = (0.03, 0.1, 0.3)
"""Learning rates that controls choose from; a fit takes the last one, whatever the images."""

RATE_SEED, RATE_SHARE = 1_000, 1 / 3
"""Seed, and share of the minutes, of the runs that choose a learning rate."""

DATA = ("digits", "shapes", "photos5", "fashion")

OURS = {"fit": None, "random search": "random"}
"""What searches, and its method; `None` for the default."""

HALF = 0.475
"""Share of the best control's milliseconds that is asked for: half of it, less what measurements differ by."""

TUNED = "photos5"
"""The set of images on which designs are compared."""

DESIGN_CHANNELS = 16
"""Scale of their networks, which is that of fits there."""

LENGTHS = (4.0, 100.0)
"""Seconds of the trainings by which they are compared: about those of a search, and of a last round."""

TIMED = 20.0
"""Seconds in which the files of a seed take turns, at most."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of CPU time of each run")
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA), help="sets of images")
    parser.add_argument("--space", default=None, help="the space that is searched; by default that of `archllm fit`")
    fashion = Path("/usr/share/datasets/fashion-mnist")
    parser.add_argument("--fashion", type=Path, default=fashion, help="folder of Fashion-MNIST's IDX files")
    seeds(parser, range(3), "seeds of splits, searches and trainings")


def rate_jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """The runs that choose learning rates of the controls."""
    return {
        f"rate-{data}-{name.replace(' ', '-')}-{rate:g}": {
            "part": "rate",
            "data": data,
            "network": name,
            "rate": rate,
            "minutes": arguments.minutes * RATE_SHARE,
            "seed": RATE_SEED,
        }
        for data in arguments.data
        for name in CONTROLS
        for rate in RATES
    }


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """Learning rates of the controls, then the controls of each seed, and the fits that are compared with them."""
    found = rate_jobs(arguments)
    for seed in arguments.seeds:
        runs = {name: job for data in arguments.data for name, job in _runs(arguments, data, seed).items()}
        found |= {name: job for name, job in runs.items() if job["part"] == "control"}
        found |= {name: job for name, job in runs.items() if job["part"] == "fit"}
        if TUNED in arguments.data:
            about = {"part": "designs", "data": TUNED, "lengths": list(LENGTHS), "seed": seed}
            found[f"{TUNED}-designs-{seed}"] = about | {"minutes": arguments.minutes}
    return found


def _runs(arguments: argparse.Namespace, data: str, seed: int) -> dict[str, Job]:
    """What is compared: all that one seed does with one set of images."""
    about = {"data": data, "minutes": arguments.minutes, "seed": seed}
    found: dict[str, Job] = {}
    for name in CONTROLS:
        found[f"{data}-{name.replace(' ', '-')}-{seed}"] = {"part": "control", "network": name, **about}
    for name in OURS:
        job = {"part": "fit", "method": name, "space": arguments.space, **about}
        found[f"{data}-{name.replace(' ', '-')}-{seed}"] = job
    return found


def latency_jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """Timings of files against each other, where all runs of a seed are there."""
    found: dict[str, Job] = {}
    for data in arguments.data:
        for seed in arguments.seeds:
            runs = _runs(arguments, data, seed)
            done = {name: read_job(arguments.folder, name, job) for name, job in runs.items()}
            files = {name: result["image"] for name, result in done.items() if result and "image" in result}
            if all(result is not None for result in done.values()):
                job = {"part": "latency", "data": data, "minutes": arguments.minutes, "seed": seed, "files": files}
                found[f"latency-{data}-{seed}"] = job
    return found


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Reads the images of a job."""
    if job["part"] == "latency":
        return lambda: _timed(job, arguments.folder)
    rate = 0.0
    if job["part"] == "control":
        rate = _rate_runs(job["data"], job["network"], arguments)["rate"]
    elif job["part"] == "rate":
        rate = job["rate"]
    else:
        best = _best_control(job, arguments)
    source = images_of(job["data"], arguments)
    if job["part"] == "designs":
        return lambda: _designs(job, source, best)
    onnx = arguments.folder / f"{arguments.job}.onnx"
    if job["part"] == "fit":
        return lambda: _fit(job, source, best, onnx)
    objective = _objective(source, job["seed"])
    return lambda: _control(job, objective, rate, onnx)


def images_of(data: str, arguments: argparse.Namespace) -> str:
    """What `archllm fit` takes for a set of images.

    Raises:
        FileNotFoundError: its files are not there.
    """
    if data == "digits":
        return "digits"
    if data == "fashion":
        if not arguments.fashion.is_dir():
            raise FileNotFoundError(f"no Fashion-MNIST in {arguments.fashion}; see --fashion")
        return str(arguments.fashion)
    folder = Path(tempfile.gettempdir()) / f"archllm-images-of-{data}"
    inner = "photos5" if data == "photos5" else "shapes"
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
            made = Path(aside) / data
            if data == "shapes":
                coloured_shapes(made / inner)
            else:
                with zipfile.ZipFile(Path(os.environ["ARCHLLM_DATA"]) / "photos5.zip") as opened:
                    opened.extractall(made)
            with suppress(OSError):  # another job was faster
                made.rename(folder)
    return str(folder / inner)


def coloured_shapes(folder: Path, each: int = 100) -> None:
    """Writes circles, squares and triangles of any colour on noise of any colour, 64 x 48 pixels."""
    import numpy as np
    import PIL.Image

    rng = np.random.default_rng(0)
    down, right = np.mgrid[:48, :64]
    for name in ("circle", "square", "triangle"):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            image = rng.integers(0, 256, 3) + rng.normal(0, 20, (48, 64, 3))
            size = int(rng.integers(6, 14))
            x, y = right - rng.integers(size, 64 - size), down - rng.integers(size, 48 - size)
            inside = {
                "circle": x**2 + y**2 < size**2,
                "square": (abs(x) < 0.85 * size) & (abs(y) < 0.85 * size),
                "triangle": (y < 0.8 * size) & (y > 2 * abs(x) - size),
            }[name]
            image[inside] = rng.integers(0, 256, 3) + rng.normal(0, 20, (int(inside.sum()), 3))
            PIL.Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(folder / name / f"{number}.png")


def _fit(job: Job, source: str, control: Result, onnx: Path) -> Result:
    from archllm.errors import EvaluationFailed, InvalidInput
    from archllm.workflows.fit import fit

    objective = _objective(source, job["seed"])
    half = HALF * float(control["latency_ms"])
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder  # what a first fit has to measure is a part of its minutes
        options: dict[str, Any] = {} if job["space"] is None else {"space": job["space"]}
        asked = {"control": control["network"], "max_latency": float(f"{half:.4f}")}
        try:
            found = fit(
                data=source,
                minutes=job["minutes"],
                max_latency=f"{half:.4f}ms",
                method=OURS[job["method"]],
                seed=job["seed"],
                out=Path(folder) / "run",
                clock=time.process_time,
                progress=False,
                **options,
            )
        except (InvalidInput, EvaluationFailed) as error:
            return asked | {"nothing": str(error)}  # keeps to the limit
        result = found.to_json()
        shutil.copyfile(Path(folder) / "run" / "model.onnx", onnx)
    kept = (
        "test_accuracy",
        "test_images",
        "validation_accuracy",
        "params",
        "macs",
        "latency_ms",
        "latency_interval_ms",
    )
    return {
        **{name: result[name] for name in kept},
        "image": [_image(objective)[0], *[result["network"]["image_size"]] * 2],
        **asked,
        "network_setting": result["network"],
        "architecture": result["architecture"],
        "short_trainings": result["short_trainings"],
        "phases": result["seconds"],
        "minutes_spent": sum(result["seconds"].values()) / 60,
    }


def _designs(job: Job, source: str, control: Result) -> Result:
    """Validation accuracy of known designs, each as large as a fit's limit allows, after trainings from scratch."""
    from dataclasses import replace

    import numpy as np

    from archllm.classifier.designs import all_designs, known_designs, usual_designs
    from archllm.classifier.latency import FileLatency
    from archllm.classifier.limits import Limits
    from archllm.classifier.raw import bytes_statistics, deployed, timed
    from archllm.classifier.timed import TimedTraining
    from archllm.networks.latency import measure_members
    from archllm.objectives.train import TrainObjective
    from archllm.spaces import load_space

    space, config = load_space("mobile"), _objective(source, job["seed"]).config
    networks = space.require_networks()
    objective = TrainObjective(space, source, replace(config, network={"channels": DESIGN_CHANNELS}), job["seed"])
    setting, limit = objective.network_setting, HALF * float(control["latency_ms"])
    some = usual_designs(space)
    if some is None:
        raise ValueError(f"no designs of {space.name} are written down")
    blueprint = networks.blueprint(some[[0]], setting)
    file = timed(deployed(blueprint, blueprint.build().eval(), *bytes_statistics(objective)))
    overhead = max(0.0, file.fastest - measure_members(networks, some[[0]], setting)[0].fastest)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        latency = FileLatency(space, setting, limit, overhead, all_designs(space))
        archs = known_designs(space, setting, Limits(latency=limit), latency)
        ms = [float(latency.measured(arch.graph)[0]) for arch in archs]
    found = []
    for arch, each in zip(archs, ms, strict=True):
        trainings = [TimedTraining(objective, seconds, time.process_time) for seconds in job["lengths"]]
        evaluations = [training.evaluate(arch) for training in trainings]
        found.append(
            {
                "architecture": arch.text,
                "latency_ms": each,
                "params": int(np.asarray(networks.params(arch.graph, setting))[0]),
                "validation_accuracy": [evaluation.value for evaluation in evaluations],
            }
        )
        print(found[-1], flush=True)
    return {"max_latency": limit, "designs": found}


def _objective(source: str, seed: int) -> TrainObjective:
    """The images, split and recipe of a fit; its space is of no account here."""
    from archllm.classifier.config import recipe
    from archllm.classifier.scale import image_sizes
    from archllm.objectives.train import TrainObjective
    from archllm.spaces import load_space

    space = load_space("nasbench201")
    objective = TrainObjective(space, source, recipe(None), seed)
    return TrainObjective(space, source, recipe(image_sizes(*objective.images.x.shape[2:])[0]), seed)


def _rate_runs(data: str, network: str, arguments: argparse.Namespace) -> Result:
    """The run of the learning rate that was best by validation.

    Raises:
        FileNotFoundError: the runs that choose it were not made.
    """
    found = []
    for name, each in rate_jobs(arguments).items():
        if each["data"] == data and each["network"] == network:
            result = read_job(arguments.folder, name, each)
            if result is None:
                raise FileNotFoundError(f"run {name} first: it helps to choose a learning rate")
            found.append(result)
    return max(found, key=lambda result: float(result["validation_accuracy"]))


def _best_control(job: Job, arguments: argparse.Namespace) -> Result:
    """The control of the same data and seed that is best on validation images.

    Raises:
        FileNotFoundError: one of them was not run.
    """
    found: list[Result] = []
    for name, each in _runs(arguments, job["data"], job["seed"]).items():
        if each["part"] == "control":
            result = read_job(arguments.folder, name, each)
            if result is None:
                raise FileNotFoundError(
                    f"run {name} first: a fit is asked for half the milliseconds of the best control"
                )
            found.append(result)
    return max(found, key=lambda result: float(result["validation_accuracy"]))


def _image(objective: TrainObjective) -> tuple[int, int, int]:
    """Channels, height and width that controls are trained with."""
    size = objective.network_options["image_size"]
    return objective.images.x.shape[1], size, size


def _timed(job: Job, folder: Path) -> Result:
    """Files that take turns: what slows the machine slows all of them."""
    from archllm.networks.latency.runtime import runnable
    from archllm.networks.latency.setting import RuntimeSetting
    from archllm.networks.latency.timing import timings

    sizes = [(*shape[1:], shape[0]) for shape in job["files"].values()]
    ready = [
        runnable(folder / f"{name}.onnx", RuntimeSetting(), size)
        for name, size in zip(job["files"], sizes, strict=True)
    ]
    found = timings(ready, TIMED)
    return {"timings": {name: vars(timing) for name, timing in zip(job["files"], found, strict=True)}}


def _control(job: Job, objective: TrainObjective, rate: float, onnx: Path) -> Result:
    from dataclasses import replace

    import torch

    from archllm.baselines.small_networks import SMALL_NETWORKS
    from archllm.classifier.training import train_for
    from archllm.networks.counting import count_macs, count_params
    from archllm.networks.latency import measure_onnx
    from archllm.objectives.fitting import Training, accuracy

    began = time.process_time()
    image = _image(objective)
    torch.manual_seed(job["seed"])
    network = SMALL_NETWORKS[job["network"]](len(objective.images.classes), image[0])
    config = replace(objective.config, learning_rate=rate)
    train, valid, test = objective.sets
    seconds = 60 * job["minutes"] - (time.process_time() - began) - 5  # what a fit needs to write its files
    trained = train_for(Training(network, train, config, job["seed"]), valid, seconds, time.process_time)
    spent = time.process_time() - began
    onnx.parent.mkdir(parents=True, exist_ok=True)
    onnx.write_bytes(_onnx(trained.network, image))
    timing = measure_onnx(onnx, image=(*image[1:], image[0]))
    return {
        "rate_chosen": rate,
        "test_accuracy": accuracy(trained.network, test),
        "test_images": len(test[1]),
        "validation_accuracy": trained.accuracy,
        "params": count_params(network),
        "macs": count_macs(network, image),
        "image": list(image),
        "latency_ms": timing.ms,
        "latency_interval_ms": [timing.low, timing.high],
        "images_seen": trained.images,
        "minutes_spent": spent / 60,
    }


def _onnx(network: Any, image: tuple[int, int, int]) -> bytes:
    """Written as that of a fit: with normalisation inside, and resizing where an image has another size."""
    import torch

    from archllm.networks.export.programs import onnx_program
    from archllm.networks.export.raw_images import RawImages

    channels, size, _ = image
    module = RawImages(network.eval(), size, [127.0] * channels, [64.0] * channels).eval()
    example = torch.zeros(3, size + 7, size + 12, channels, dtype=torch.uint8)
    any_size = {at: torch.export.Dim(name, min=1) for at, name in enumerate(("batch", "height", "width"))}
    return onnx_program(module, example, any_size, "probabilities")


BENCHMARK = Benchmark("fit", __doc__, jobs, prepare, add_arguments, after=latency_jobs)

if __name__ == "__main__":
    BENCHMARK.main()
