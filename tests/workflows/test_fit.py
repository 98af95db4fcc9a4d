"""A fit from images to files, interrupted and gone on with, and what is done with the files."""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from archllm.classifier.fitted import Fitted
from archllm.errors import DataError, InvalidInput, MissingExtra, RunFolderError
from archllm.networks.export.device_programs import DEVICE_FORMATS
from archllm.reporting import classifier_page
from archllm.spaces import load_space
from archllm.training.progress import Event
from archllm.ui.fit_facts import FILES, now, outcome
from archllm.workflows.fit import PAGE, fit
from archllm.workflows.predict import predict

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("onnxruntime")
pytest.importorskip("jinja2")

CLASSES = ("<script>alert(1)</script>", "red & blue", "=1+1")
"""Names of folders come from outside, and stand in pages, tables and files."""


def shapes(folder: Path, each: int = 40) -> Path:
    """Bright squares, bars and noise: three classes of 16 x 12 pixels."""
    rng = np.random.default_rng(0)
    for label, name in enumerate(CLASSES):
        (folder / name.replace("/", "_")).mkdir(parents=True)
        for number in range(each):
            image = rng.integers(0, 80, (12, 16, 3), dtype=np.uint8)
            left, top = rng.integers(1, 8), rng.integers(1, 5)
            if label < 2:
                image[top : top + (6 if label else 3), left : left + (3 if label else 6), label] = 250
            Image.fromarray(image).save(folder / name.replace("/", "_") / f"{number}.png")
    return folder


def fast(factor: float) -> Callable[[], float]:
    """A clock on which this process works so many times slower, so that a minute is over soon."""
    return lambda: factor * time.process_time()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shapes(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def found(photos: Path, told: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fitted]:
    """A fit that is interrupted in its search and in its training."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("runs") / "photos"
    # Libraries are loaded before the clock runs: how long that takes differs most from machine to machine.
    cell = load_space("nasbench201").sample(1, np.random.default_rng(0))
    load_space("nasbench201").architectures(cell)[0].export(out.parent / "any.onnx", to="onnx", channels=4, cells=1)
    options = {"data": str(photos), "minutes": 1, "max_params": "40k", "out": out, "say": told.append}
    options["clock"] = fast(1.0)
    seen: set[str] = set()

    def interrupting(event: Event) -> None:
        if event.stage not in seen:
            seen.add(event.stage)
            raise KeyboardInterrupt

    for resume in (False, True):
        with pytest.raises(KeyboardInterrupt):
            fit(progress=interrupting, resume=resume, **options)
    yield fit(progress=False, resume=True, log=[f"csv:{out.parent / 'log.csv'}"], **options)
    assert seen == {"search", "training"}
    torch.set_num_threads(threads)


def test_it_says_what_it_found_and_what_it_will_do(found: Fitted, told: list[str]) -> None:
    said = "\n".join(told)
    for part in ("120 colour images in 3 classes", "for the test", "plan: images of 12 x 12", "short trainings"):
        assert part in said


def test_limits_are_kept_and_the_time_is_that_of_all_calls(found: Fitted) -> None:
    assert found.chosen.params <= 40_000
    assert sum(found.seconds.values()) == pytest.approx(60, rel=0.35)  # loading libraries is most of this minute
    assert found.to_json() == json.loads((found.folder / "fit.json").read_text())["result"]


def test_the_local_page_shows_what_came_out_and_what_was_under_way(found: Fitted) -> None:
    shown = now(found.folder, None)
    assert shown.state == "complete" and shown.result == found.to_json() and shown.minutes == 1
    told = outcome(found.folder, found.to_json())
    assert told.tiles[0][1] == f"{found.judged.accuracy:.1f} %" and told.text == found.chosen.arch.text
    assert [each.asked for each in told.limits] == ["40,000", "", ""] and told.limits[0].kept
    assert {name for name, _ in told.files} == set(FILES) - {"model.pte", "model.tflite"}  # these are asked for


def test_the_page_draws_the_front_against_latency_and_sizes(found: Fitted) -> None:
    assert {each.arch.text for each in found.finalists} <= set(found.milliseconds)
    assert {each.name for each in found.known} <= set(found.milliseconds) and min(found.milliseconds.values()) > 0
    text = (found.folder / PAGE).read_text()
    for title in ("Accuracy against latency", "Accuracy against parameters", "Accuracy against multiply-accumulates"):
        assert title in text


def test_what_further_files_need_is_missed_before_anything_is_done(tmp_path: Path) -> None:
    for form in DEVICE_FORMATS:
        if find_spec({"executorch": "executorch", "tflite": "litert_torch"}[form]) is None:
            with pytest.raises(MissingExtra, match=form):
                fit(data="digits", minutes=1, also=(form,), out=tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_its_course_is_in_the_log(found: Fitted) -> None:
    with (found.folder.parent / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["stage"] for row in rows} >= {"training", "files"}
    assert any(float(row["accuracy"]) > 0 for row in rows if row["accuracy"])
    assert all(float(row["left"]) >= 0 for row in rows)


def test_the_accuracy_is_that_of_the_file_on_images_that_nothing_saw(found: Fitted, photos: Path) -> None:
    low, high = found.judged.interval
    assert len(found.judged.labels) == 24 and low <= found.judged.accuracy <= high
    assert found.judged.accuracy > 60
    files = sorted(photos.glob("*/*.png"))
    predicted = predict(run=found.folder, images=tuple(files))
    right = [each.file.parent.name == predicted.classes[each.best()[0]] for each in predicted.images]
    assert np.mean(right) > 0.6 and predicted.failed == []


def test_a_damaged_image_is_named_and_the_others_go_on(found: Fitted, photos: Path, tmp_path: Path) -> None:
    bad = tmp_path / "=bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    good = next(photos.glob("red*/*.png"))
    predicted = predict(run=found.folder, images=(bad, good, tmp_path / "absent.png"), csv=tmp_path / "out.csv")
    assert [each.probabilities is None for each in predicted.images] == [True, False, True]
    assert "=bad.png" in (predicted.images[0].failure or "") and "absent.png" in (predicted.images[2].failure or "")
    with (tmp_path / "out.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == [
        "file",
        "class",
        *("'" + name if name.startswith("=") else name for name in predicted.classes),
        "failure",
    ]
    assert rows[1][0] == str(good) and sum(map(float, rows[1][2:5])) == pytest.approx(1, abs=1e-4)
    assert json.loads(json.dumps(predicted.to_json()))["images"][0]["class"] is None


def test_the_page_holds_all_of_it_and_no_script_of_a_class_name(found: Fitted) -> None:
    page = (found.folder / PAGE).read_text()
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)&lt;" in page
    for part in (
        "ResNet-8",
        "95 % interval",
        "Confusion matrix",
        "Learning curve",
        "Got right",
        "model.onnx",
        "archllm predict",
    ):
        assert part in page
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", page)


def test_the_page_shows_what_was_left_behind_in_earlier_rounds(found: Fitted) -> None:
    other = replace(found.chosen, params=1_234_567)
    staged = replace(found, earlier=(other,), plan=replace(found.plan, rounds=(2, 1)))
    page = classifier_page.page(staged)
    assert "left behind" in page and "1,234,567" in page and "at the end of each of 2 rounds" in page
    assert staged.to_json()["left_behind"] == [other.to_json()]


def test_a_complete_fit_gives_its_files_and_leaves_no_checkpoints(found: Fitted) -> None:
    names = {path.name for path in found.folder.iterdir()}
    assert {"model.onnx", "model.py", "model.safetensors", "model.pt2", "report.html", "fit.json", "search.db"} <= names
    assert "checkpoints" not in names
    assert max(each.difference for each in found.files) < 1e-4


def test_a_fit_goes_on_with_its_own_images_only(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = {"data": str(tmp_path / "photos"), "minutes": 1, "out": out, "clock": fast(1.2), "say": lambda line: None}
    shapes(tmp_path / "photos", 8)

    def interrupting(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(progress=interrupting, **options)
    next((tmp_path / "photos").glob("red*/*.png")).unlink()
    with pytest.raises(RunFolderError, match="other images"):
        fit(progress=False, resume=True, **options)


@pytest.mark.parametrize(
    ("classes", "each", "message"),
    [(0, 0, "no|sub"), (1, 9, "at least 2 classes"), (2, 1, "too few images"), (30, 1, "too few images")],
)
def test_images_that_nothing_can_be_learned_from_are_refused(
    tmp_path: Path, classes: int, each: int, message: str
) -> None:
    (tmp_path / "photos").mkdir()
    for label in range(classes):
        (tmp_path / "photos" / str(label)).mkdir()
        for number in range(each):
            Image.fromarray(np.full((8, 8, 3), label, dtype=np.uint8)).save(tmp_path / f"photos/{label}/{number}.png")
    with pytest.raises(DataError, match=message):
        fit(data=str(tmp_path / "photos"), minutes=1, out=tmp_path / "run", say=lambda line: None)


def test_limits_that_nothing_keeps_name_the_smallest_there_is(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="the smallest there is takes"):
        fit(data=str(photos), minutes=5, max_params=10, out=tmp_path / "run", say=lambda line: None, progress=False)
    assert not (tmp_path / "run").exists()  # so that the same command can be given again, with other limits


def test_a_run_without_a_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no trained network"):
        predict(run=tmp_path, images=(tmp_path / "a.png",))
