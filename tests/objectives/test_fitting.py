"""The training loop, on networks that tell what is done to them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archllm.objectives.candidate import CandidateTraining
from archllm.objectives.fitting import Training, accuracy, best_guess, fit, loss_of_a_guess

IMAGES = torch.arange(8.0).reshape(8, 1, 1, 1).expand(8, 1, 8, 8).contiguous()
LABELS = torch.arange(8) % 4
PLAIN: dict[str, Any] = {"augmentation": "none", "batch_size": 4, "weight_decay": 0.0}


class Spy(nn.Module):
    """Answers nothing but a zero per class; keeps a note of what it was given."""

    def __init__(self, auxiliary: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.auxiliary = auxiliary
        self.seen: list[list[int]] = []
        self.drop_paths: list[float] = []

    def set_drop_path(self, probability: float) -> None:
        self.drop_paths.append(probability)

    def forward(self, x: Tensor) -> Any:
        if self.training:
            self.seen.append(x[:, 0, 0, 0].int().tolist())
        logits = 0 * self.weight + torch.zeros(len(x), 4)
        return (logits, logits) if self.auxiliary and self.training else logits


def fitted(network: nn.Module, config: CandidateTraining, seed: int = 0, drop_path: float = 0.0) -> Any:
    data = (IMAGES, LABELS)
    return fit(network, data, data, config, seed, deadline=time.monotonic() + 600, drop_path=drop_path)


def test_an_auxiliary_head_adds_four_tenths_of_its_loss() -> None:
    guess = math.log(4)  # the loss of a network that knows nothing of 4 classes
    assert fitted(Spy(), CandidateTraining(**PLAIN)).train_loss == pytest.approx(guess)
    assert fitted(Spy(auxiliary=True), CandidateTraining(**PLAIN)).train_loss == pytest.approx(1.4 * guess)


def test_drop_path_rises_linearly_from_epoch_to_epoch() -> None:
    spy = Spy()
    fitted(spy, CandidateTraining(epochs=4, **PLAIN), drop_path=0.4)
    assert spy.drop_paths == pytest.approx([0, 0.1, 0.2, 0.3])
    still = Spy()
    fitted(still, CandidateTraining(epochs=4, **PLAIN))
    assert still.drop_paths == []


def test_every_epoch_sees_each_image_once_in_an_order_of_its_own_and_of_the_seed() -> None:
    orders = []
    for seed in (0, 0, 1):
        spy = Spy()
        fitted(spy, CandidateTraining(epochs=2, **PLAIN), seed)
        orders.append(spy.seen)
    assert [len(batch) for batch in orders[0]] == [4, 4, 4, 4]
    epochs = [[*one, *two] for one, two in (orders[0][:2], orders[0][2:])]
    assert [sorted(epoch) for epoch in epochs] == [list(range(8))] * 2 and epochs[0] != epochs[1]
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize(
    ("schedule", "shares"),
    [
        ("constant", [0.5, 1, 1, 1, 1, 1]),
        ("linear", [0.5, 1, 1, 0.75, 0.5, 0.25]),
        ("cosine", [0.5, 1, 1, 0.853553, 0.5, 0.146447]),
    ],
)
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_the_learning_rate_rises_and_then_falls_as_the_schedule_says(
    schedule: Any, shares: list[float], optimizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []
    kind = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[optimizer]
    monkeypatch.setattr(kind, "step", lambda self: rates.append(self.param_groups[0]["lr"]))
    config = CandidateTraining(
        epochs=3, schedule=schedule, warm_up=1 / 3, optimizer=optimizer, learning_rate=0.2, **PLAIN
    )
    fitted(Spy(), config)
    assert rates == pytest.approx([0.2 * share for share in shares], abs=1e-6)


def test_a_clipped_gradient_moves_the_weights_by_no_more_than_its_norm() -> None:
    def moved(clip: float | None) -> float:
        network = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
        before = [value.detach().clone() for value in network.parameters()]
        options = PLAIN | {"batch_size": 8, "momentum": 0.0, "warm_up": 0.0, "learning_rate": 1.0}
        fitted(network, CandidateTraining(epochs=1, clip=clip, **options))
        steps = [a - b.detach() for a, b in zip(before, network.parameters(), strict=True)]
        return float(torch.cat([step.flatten() for step in steps]).norm())

    assert moved(0.25) == pytest.approx(0.25, rel=1e-3) and moved(None) > 1


def test_smoothed_labels_leave_some_loss_to_a_network_that_is_always_right() -> None:
    class Right(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            label = x[:, 0, 0, 0].long() % 4
            return 20 * nn.functional.one_hot(label, 4) + 0 * self.weight

    sharp, smooth = (fitted(Right(), CandidateTraining(label_smoothing=share, **PLAIN)) for share in (0.0, 0.2))
    assert sharp.curve[-1] == smooth.curve[-1] == 100
    assert sharp.train_loss == pytest.approx(0, abs=1e-6)
    assert smooth.train_loss == pytest.approx(0.2 * 20 * 3 / 4, abs=1e-4)  # of 0.2, a quarter goes to each class


def test_accuracy_is_the_share_of_right_answers_in_percent() -> None:
    labels = torch.tensor([0] * 600 + [1] * 150 + [2] * 450)
    assert accuracy(Spy(), (torch.zeros(1_200, 1, 1, 1), labels)) == 50


def test_a_training_that_goes_on_from_its_state_is_the_one_that_was_not_interrupted() -> None:
    config = CandidateTraining(**PLAIN | {"augmentation": "crop-flip", "batch_size": 3, "momentum": 0.9})

    def network() -> nn.Module:
        torch.manual_seed(0)
        convolution = nn.Conv2d(1, 4, 3, padding=1)  # its weights and momentum lie in memory with channels last
        return nn.Sequential(convolution, nn.Conv2d(4, 4, 3, padding=1), nn.Flatten(), nn.Linear(4 * 64, 4))

    def stepped(training: Training, first: int, last: int) -> None:
        for step in range(first, last):
            training.step(step / 8, (step + 1) / 8)

    whole = Training(network(), (IMAGES / 8, LABELS), config, 0)
    stepped(whole, 0, 8)
    begun = Training(network(), (IMAGES / 8, LABELS), config, 0)
    stepped(begun, 0, 4)  # in the middle of the second epoch
    resumed = Training(network(), (IMAGES / 8, LABELS), config, 99)
    resumed.restore(*begun.state())
    stepped(resumed, 4, 8)
    assert resumed.loss == whole.loss and resumed.epochs == whole.epochs == 3
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name])


class Convolutional(nn.Module):
    """A convolution and norm, then `flatten`, which some networks do in a way that depends on the layout."""

    def __init__(self, flatten: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.flatten, self.layouts = flatten, set[bool]()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.classifier = nn.Linear(8 * 36, 4)

    def forward(self, x: Tensor) -> Tensor:
        found = self.layers(x)
        if self.training:
            self.layouts.add(found.is_contiguous(memory_format=torch.channels_last))
        logits: Tensor = self.classifier(self.flatten(found))
        return logits


class Auxiliary(Convolutional):
    """Looks at its tensors in the order of their dimensions while it is trained, and only then."""

    def forward(self, x: Tensor) -> Any:
        logits = super().forward(x)
        return (logits, self.classifier(viewed(self.layers(x)))) if self.training else logits


class Deep(Convolutional):
    """Has weights of five dimensions, for which there is no such layout."""

    def __init__(self, flatten: Callable[[Tensor], Tensor]) -> None:
        super().__init__(flatten)
        self.unused = nn.Conv3d(1, 1, 1)


@pytest.mark.parametrize("kind", [Auxiliary, Deep])
def test_a_network_that_does_not_allow_it_is_trained_as_it_is(kind: type[Convolutional]) -> None:
    network = kind(nn.Flatten())
    training = Training(network, (torch.randn(8, 3, 6, 6), LABELS[:8]), CandidateTraining(**PLAIN), 0)
    training.step(0.0, 0.5)
    assert network.layouts == {False} and math.isfinite(training.loss)


def viewed(x: Tensor) -> Tensor:
    return x.view(len(x), -1)


@pytest.mark.parametrize(("flatten", "last"), [(nn.Flatten(), True), (viewed, False)])
def test_weights_lie_as_is_fast_where_the_network_allows_it_and_learn_the_same(
    flatten: Callable[[Tensor], Tensor], last: bool
) -> None:
    config = CandidateTraining(**PLAIN | {"batch_size": 4})
    images = torch.randn(8, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    weights = []
    for form in (flatten, viewed):
        torch.manual_seed(0)
        network = Convolutional(form)
        training = Training(network, (images, LABELS[:8]), config, 0)
        for step in range(4):
            training.step(step / 4, (step + 1) / 4)
        assert training.finish() is network and all(each.is_contiguous() for each in network.parameters())
        weights.append(network.state_dict())
        assert network.layouts == {last if form is flatten else False}
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], rtol=1e-4, atol=1e-5)


def test_small_sets_are_passed_over_more_often_and_measured_no_more_often() -> None:
    spy = Spy()
    found = fitted(spy, CandidateTraining(least_steps=90, **PLAIN))
    assert found.steps == len(spy.seen) == 90 and len(found.curve) == 20  # 45 epochs of two steps


class Learner(nn.Module):
    """Learns nothing but how common each class is."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(4))

    def forward(self, x: Tensor) -> Tensor:
        return self.bias.expand(len(x), 4)


class Reader(Learner):
    """Can learn: the pixel is the number of the image."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(8, 4))

    def forward(self, x: Tensor) -> Tensor:
        return self.weights[x[:, 0, 0, 0].long()]


def test_a_network_that_still_guesses_midway_is_given_up_and_one_that_learns_is_not() -> None:
    config = CandidateTraining(epochs=200, **PLAIN)
    hopeless, hopeful, patient = (
        fitted(Learner(), config),
        fitted(Reader(), config),
        fitted(Learner(), CandidateTraining(epochs=200, stop_at_chance=None, **PLAIN)),
    )
    assert hopeless.stopped and 100 < hopeless.steps < 200 and hopeless.curve[-1] == 25
    assert not hopeful.stopped and hopeful.steps == 400 and hopeful.curve[-1] == 100
    assert not patient.stopped and patient.steps == 400


def test_a_guess_knows_how_common_classes_are() -> None:
    labels = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)
    share, limit = best_guess(labels)
    assert share == pytest.approx(60) and limit == pytest.approx(60 + 200 * math.sqrt(0.6 * 0.4 / 100))
    priors = torch.tensor([[0.6, 0.3, 0.1]]).log().expand(100, 3)
    for smoothing in (0.0, 0.1):
        expected = F.cross_entropy(priors, labels, label_smoothing=smoothing).item()
        assert loss_of_a_guess(labels, smoothing) == pytest.approx(expected, rel=1e-5)


def test_mixed_precision_computes_with_sixteen_bits_and_keeps_weights_with_thirty_two() -> None:
    found: list[torch.dtype] = []

    class Dense(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.found = nn.Linear(64, 4), list[torch.dtype]()

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.layer(x.flatten(1))
            self.found.append(logits.dtype)
            return logits

    for precision in ("mixed", "auto"):
        network = Dense()
        config = CandidateTraining(epochs=1, precision=precision, **PLAIN)
        Training(network, (IMAGES, LABELS), config, 0).step(0.0, 1.0)
        assert network.layer.weight.dtype == torch.float32
        found += network.found
    assert found == [torch.bfloat16, torch.float32]  # auto is full on a CPU
