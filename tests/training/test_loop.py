"""The training loop on problems whose answer is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from archllm.errors import InvalidInput, RunFolderError, TrainingDiverged
from archllm.training.loop import Loop, Schedule, _Batches, resolve_device, seeded
from archllm.training.progress import Event, Metrics

TARGET = torch.tensor([1.0, -2.0, 3.0])


class Line(torch.nn.Module):
    """Three weights that start at zero."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(3))


def loop(module: Line, steps: int = 300, **others: object) -> Loop:
    """Fits the weights to `TARGET`, with noise from the global generator."""

    def loss(step: int, rows: torch.Tensor) -> tuple[torch.Tensor, Metrics]:
        noise = 0.01 * torch.randn(3) + 0.001 * rows.float().mean()
        return (module.weight - TARGET + noise).square().sum(), {"step": float(step)}

    return Loop("tokenizer", module, Schedule(steps, 4, 0.1, 0.0), seed=1, loss=loss, rows=10, **others)  # type: ignore[arg-type]


# --- randomness ----------------------------------------------------------------------------------------------------


def test_a_seeded_block_leaves_the_random_state_as_it_was_even_when_it_fails() -> None:
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    with pytest.raises(ZeroDivisionError), seeded(1, 2):
        torch.rand(100)
        raise ZeroDivisionError
    assert torch.equal(torch.rand(3), expected)


@given(seed=st.integers(0, 2**63 - 1), step=st.integers(-2, 10**6))
def test_a_seeded_block_depends_on_seed_and_step_alone(seed: int, step: int) -> None:
    def draw(seed: int, step: int) -> list[float]:
        with seeded(seed, step):
            return torch.rand(2).tolist()

    first = draw(seed, step)
    torch.rand(5)
    assert draw(seed, step) == first
    assert draw(seed, step + 1) != first and draw((seed + 1) % 2**63, step) != first


@given(rows=st.integers(1, 30), batch=st.integers(1, 40), seed=st.integers(0, 2**63 - 1))
def test_the_stream_of_batches_shows_every_example_once_an_epoch(rows: int, batch: int, seed: int) -> None:
    batches = _Batches(rows, batch, seed)
    stream = [batches.rows_of(step) for step in range(3 * rows // batch + 1)]
    assert all(len(each) == batch for each in stream)
    flat = torch.cat(stream).tolist()
    epochs = [flat[at : at + rows] for at in range(0, len(flat) - rows + 1, rows)]
    assert len(epochs) >= 2 and all(sorted(epoch) == list(range(rows)) for epoch in epochs)
    again = _Batches(rows, batch, seed)
    assert again.rows_of(len(stream) - 1).tolist() == stream[-1].tolist()  # whatever was asked before


def test_every_epoch_has_an_order_of_its_own() -> None:
    batches = _Batches(100, 100, 0)
    orders = {tuple(batches.rows_of(step).tolist()) for step in range(5)}
    assert len(orders) == 5 and tuple(_Batches(100, 100, 1).rows_of(0).tolist()) not in orders


# --- schedule ------------------------------------------------------------------------------------------------------


@given(steps=st.integers(1, 3000), peak=st.floats(1e-5, 1.0))
def test_the_learning_rate_is_positive_rises_once_and_ends_near_zero(steps: int, peak: float) -> None:
    schedule = Schedule(steps, 1, peak, 0.0)
    rates = [schedule.rate(step) for step in range(steps)]
    assert min(rates) > 0 and max(rates) <= peak
    assert rates[-1] <= 3 * peak / steps
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1]) and rates[top:] == sorted(rates[top:], reverse=True)
    if steps > 1000:
        assert max(rates) > 0.9 * peak


# --- the loop ------------------------------------------------------------------------------------------------------


def test_the_loop_finds_the_minimum_and_tells_of_every_step() -> None:
    heard: list[Event] = []
    module = Line()
    loop(module, listener=heard.append).run()
    assert torch.allclose(module.weight, TARGET, atol=0.05) and not module.training
    assert [(event.stage, event.step, event.steps) for event in heard] == [("tokenizer", n, 300) for n in range(1, 301)]
    assert [event.metrics["step"] for event in heard] == list(range(300))


def test_every_step_has_randomness_of_its_own_and_none_of_it_is_the_callers() -> None:
    def noises() -> list[float]:
        module, found = Line(), []

        def loss(step: int, rows: torch.Tensor) -> tuple[torch.Tensor, Metrics]:
            found.append(float(torch.rand(())))
            return module.weight.sum(), {}

        Loop("tokenizer", module, Schedule(20, 4, 0.1, 0.0), seed=1, loss=loss, rows=10).run()
        return found

    first = noises()
    torch.rand(7)
    assert noises() == first and len(set(first)) == 20


def validating(values: list[float], error: float = 0.0) -> Callable[[], Metrics]:
    found = iter(values)
    return lambda: {"validation_loss": next(found), "validation_error": error}


def test_validation_decides_which_weights_are_kept_and_when_to_stop() -> None:
    heard: list[Event] = []
    seen: dict[int, torch.Tensor] = {}
    module = Line()

    def listener(event: Event) -> None:
        heard.append(event)
        seen[event.step] = module.weight.detach().clone()

    values = [5.0, 3.0, 4.0, 3.5, 3.1, 1.0]
    loop(module, 100, validate=validating(values), validations=10, patience=3, listener=listener).run()
    assert [event.step for event in heard if "validation_loss" in event.metrics] == [10, 20, 30, 40, 50]
    assert heard[-1].step == 50
    assert torch.equal(module.weight, seen[20])


def test_what_validation_can_not_tell_apart_is_decided_for_more_training() -> None:
    module, seen = Line(), {}

    def listener(event: Event) -> None:
        seen[event.step] = module.weight.detach().clone()

    values = [5.0, 3.0, 3.15, 3.19, 3.21, 3.5, 3.3]  # the fourth is the last one within 0.2 of the best
    loop(module, 100, validate=validating(values, 0.2), validations=10, patience=3, listener=listener).run()
    assert max(seen) == 70 and torch.equal(module.weight, seen[40])


def test_the_last_weights_are_kept_where_that_is_asked_for_whatever_validation_says() -> None:
    module, seen = Line(), {}

    def listener(event: Event) -> None:
        seen[event.step] = module.weight.detach().clone()

    values = [1.0, *[2.0] * 9]
    loop(module, 100, validate=validating(values), validations=10, keep="last", patience=3, listener=listener).run()
    assert max(seen) == 100 and torch.equal(module.weight, seen[100])


def test_a_validation_that_is_no_number_is_no_improvement() -> None:
    module = Line()
    running = loop(module, 100, validate=validating([2.0, float("nan"), float("nan")]), patience=2)
    running.run()
    assert running.best_loss == 2.0 and torch.equal(module.weight, running.best["weight"])


class Stop(Exception):
    """What interrupts a training in a test."""


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints after every step."""
    monkeypatch.setattr("archllm.training.loop.CHECKPOINT_SECONDS", -1.0)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("stop", [1, 10, 11, 21, 35])
def test_an_interrupted_loop_ends_as_an_uninterrupted_one(stop: int, tmp_path: Path) -> None:
    def validate(module: Line) -> Callable[[], Metrics]:
        return lambda: {"validation_loss": abs(float(module.weight[0]) - 0.5), "validation_error": 0.0}

    def stopping(event: Event) -> None:
        if event.step == stop:
            raise Stop

    module, resumed, whole = Line(), Line(), Line()
    point = tmp_path / "point"
    with pytest.raises(Stop):
        loop(module, 50, validate=validate(module), listener=stopping, checkpoint=point).run()
    second = loop(resumed, 50, validate=validate(resumed), checkpoint=point)
    second.run()
    first = loop(whole, 50, validate=validate(whole))
    first.run()
    assert torch.equal(resumed.weight, whole.weight)
    assert (second.best_loss, second.stale) == (first.best_loss, first.stale)


def test_no_checkpoint_is_written_before_its_time(tmp_path: Path) -> None:
    loop(Line(), 20, checkpoint=tmp_path / "point").run()
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("damage", ["empty", "half", "noise", "foreign", "silent"])
def test_a_damaged_checkpoint_is_refused_with_what_to_do(damage: str, tmp_path: Path) -> None:
    point = tmp_path / "point"
    loop(Line(), 5, checkpoint=point).run()
    path = point.with_suffix(".safetensors")
    content = path.read_bytes()
    if damage == "foreign":
        save_file({"module.other": torch.zeros(2)}, path, metadata={"state": "{}"})
    elif damage == "silent":
        save_file({"module.weight": torch.zeros(3)}, path)
    else:
        path.write_bytes({"empty": b"", "half": content[: len(content) // 2], "noise": bytes(range(256))}[damage])
    with pytest.raises(RunFolderError, match=r"(?s)point\.safetensors can't be taken up.*delete"):
        loop(Line(), 5, checkpoint=point).run()


@pytest.mark.parametrize("name", ["nothing", "cuda:99", ""])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="device"):
        resolve_device(name)
    assert resolve_device("cpu") == "cpu" and resolve_device("auto") in ("cpu", "cuda")


def test_a_loss_that_is_no_number_ends_the_training_with_where_and_what_to_do() -> None:
    module = Line()

    def loss(step: int, rows: torch.Tensor) -> tuple[torch.Tensor, Metrics]:
        value = next(module.parameters()).sum()
        return value * (float("nan") if step == 3 else 1.0), {}

    with pytest.raises(TrainingDiverged, match=r"tokenizer diverged at step 4 of 20 .*learning rate"):
        Loop("tokenizer", module, Schedule(20, 4, 0.1, 0.0), seed=1, loss=loss, rows=10).run()
