"""Training candidates on images: what is promised of scores, seeds, splits and failures."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn

from archllm.errors import DataError, DataMissing, EvaluationFailed, InvalidInput
from archllm.objectives import load_objective
from archllm.objectives.candidate import CandidateTraining
from archllm.objectives.train import TrainObjective
from archllm.spaces import Architecture, SearchSpace, load_space

CONVS = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
NOTHING = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
TINY = CandidateTraining(epochs=2, batch_size=16, network={"channels": 2})


def halves(n: int, height: int = 8, width: int = 8, channels: int = 1, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Noise with a bright half, whose side is the class: easy to learn."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    x = rng.normal(5, 0.3, (n, channels, height, width))
    x[y == 0, :, :, : width // 2] += 1
    x[y == 1, :, :, width // 2 :] += 1
    return {"x": x, "y": y}


@pytest.fixture
def data(tmp_path: Path) -> str:
    np.savez(tmp_path / "halves.npz", **halves(80))
    return str(tmp_path / "halves.npz")


@pytest.fixture
def arch(nasbench201: SearchSpace) -> Architecture:
    return nasbench201.parse(CONVS)


def test_the_score_is_the_accuracy_of_the_trained_network_on_validation_images(arch: Architecture, data: str) -> None:
    config = CandidateTraining(epochs=6, batch_size=8, network={"channels": 4})
    objective = TrainObjective(arch.space, data, config)
    network, found = objective.train(arch)
    assert not network.training and found.value == 100
    with torch.no_grad():
        for x, y, score in (
            (objective.split.valid_x, objective.split.valid_y, found.value),
            (objective.split.test_x, objective.split.test_y, found.test["accuracy"]),
        ):
            assert 100 * (network(objective.prepared(x)).argmax(1).numpy() == y).mean() == score


def test_an_evaluation_tells_curve_size_and_cost(arch: Architecture, data: str) -> None:
    objective = TrainObjective(arch.space, data, TINY)
    found = objective.evaluate(arch)
    curve = found.curves[objective.spec]
    assert len(curve) == 2 and found.value == curve[-1] and found.metrics["best_valid"] == max(curve)
    network = arch.build(num_classes=2, channels=2, cells=1, in_channels=1, image_size=8)
    assert found.metrics["params"] == sum(parameter.numel() for parameter in network.parameters())
    assert found.metrics["macs"] > 0 and found.metrics["train_loss"] > 0
    assert found.cost == found.metrics["seconds"] > 0 and found.failure is None


def test_convolutions_read_digits_and_a_cell_without_connections_guesses(nasbench201: SearchSpace) -> None:
    pytest.importorskip("sklearn")
    objective = TrainObjective(nasbench201, "digits", CandidateTraining(epochs=3, most_images=500))
    convs, nothing = (objective.evaluate(nasbench201.parse(text)).value for text in (CONVS, NOTHING))
    assert convs is not None and nothing is not None
    assert convs > 50 and 5 < nothing < 15


@pytest.mark.parametrize("space", ["nasbench101", "nasbench201", "darts"])
def test_default_networks_of_every_space_can_be_trained(space: str, data: str) -> None:
    objective = load_objective(f"train:{data}", load_space(space))
    assert isinstance(objective, TrainObjective)
    assert objective.direction == "maximise" and objective.spec == f"train:{data}"
    objective = TrainObjective(objective.space, data, CandidateTraining(epochs=1))
    (found,) = objective.space.architectures(objective.space.sample(1, np.random.default_rng(0)))
    value = objective.evaluate(found).value
    assert value is not None and 0 <= value <= 100


def test_a_seed_gives_one_result_and_another_seed_another(arch: Architecture, data: str) -> None:
    def weights(seed: int) -> torch.Tensor:
        network, _ = TrainObjective(arch.space, data, TINY, seed).train(arch)
        return torch.cat([value.flatten().float() for value in network.state_dict().values()])

    torch.manual_seed(1)
    first = weights(0)
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert torch.equal(first, weights(0)) and not torch.equal(first, weights(1))
    assert torch.equal(state, torch.get_rng_state())  # nothing was drawn from the global generator


def test_test_images_have_no_influence_on_anything_but_the_test_score(arch: Architecture, tmp_path: Path) -> None:
    train, found = halves(40), []
    for seed, flip in ((1, 0), (2, 1)):
        test = halves(40, seed=seed)
        some = (test["y"] == 0) | (np.arange(40) < 9)  # more of one class, so that guessing tells the two apart
        np.savez(tmp_path / "data.npz", **train, x_test=test["x"][some], y_test=test["y"][some] ^ flip)
        objective = TrainObjective(arch.space, str(tmp_path / "data.npz"), TINY)
        found.append((*objective.train(arch), objective.statistics))
    (one, first, mean), (other, second, again) = found
    assert np.array_equal(mean, again)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert first.curves == second.curves and first.metrics["train_loss"] == second.metrics["train_loss"]
    assert first.test != second.test


def test_training_images_have_mean_zero_and_deviation_one_in_each_channel(arch: Architecture, tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(256, size=(40, 8, 8, 3), dtype=np.uint8)
    x[..., 2] = 9  # nothing to divide by
    np.savez(tmp_path / "data.npz", x=x, y=np.arange(40) % 2)
    objective = TrainObjective(arch.space, str(tmp_path / "data.npz"), TINY)
    prepared = objective.prepared(objective.split.train_x)
    assert prepared.dtype == torch.float32
    assert prepared.mean((0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-4)
    assert prepared.std((0, 2, 3), unbiased=False).tolist() == pytest.approx([1, 1, 0], abs=1e-4)
    mean, std = objective.statistics
    assert mean.tolist() == pytest.approx([127.5, 127.5, 9], abs=5) and std.tolist() == pytest.approx(
        [74, 74, 1], abs=5
    )


@pytest.mark.parametrize(("height", "width", "size"), [(8, 8, 8), (9, 9, 12), (6, 9, 12), (13, 4, 16)])
def test_images_are_padded_to_the_next_size_that_the_network_can_halve(
    arch: Architecture, tmp_path: Path, height: int, width: int, size: int
) -> None:
    np.savez(tmp_path / "data.npz", **halves(20, height, width))
    objective = TrainObjective(arch.space, str(tmp_path / "data.npz"), TINY)
    images = objective.prepared(objective.split.train_x)
    assert objective.network_options["image_size"] == size and images.shape[2:] == (size, size)
    top, left = (size - height) // 2, (size - width) // 2
    inside = images[:, :, top : top + height, left : left + width]
    assert inside.ne(0).all() and images.ne(0).sum() == inside.numel()
    assert objective.evaluate(arch).value is not None


def test_images_are_resized_where_a_size_is_set(arch: Architecture, tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", **halves(20, 10, 14))
    objective = TrainObjective(arch.space, str(tmp_path / "data.npz"), CandidateTraining(image_size=4))
    images = objective.prepared(objective.split.train_x)
    assert images.shape[2:] == (4, 4)
    brighter = images[:, 0, :, 0].mean(1) > images[:, 0, :, 3].mean(1)
    assert brighter.tolist() == (objective.split.train_y == 0).tolist()


def test_a_pickled_objective_is_small_and_reads_images_when_they_are_needed(arch: Architecture, data: str) -> None:
    objective = TrainObjective(arch.space, data, TINY, seed=3)
    found = objective.evaluate(arch)
    packed = pickle.dumps(objective)
    assert len(packed) < 2_000
    aside = Path(data).rename(Path(data).with_name("aside.npz"))
    again = pickle.loads(packed)  # noqa: S301 - our own
    with pytest.raises(DataMissing):
        again.evaluate(arch)
    aside.rename(data)
    same = again.evaluate(arch)
    assert (again.spec, again.space, again.config, again.seed) == (objective.spec, arch.space, TINY, 3)
    assert (same.value, same.curves, same.test) == (found.value, found.curves, found.test)


def test_trained_weights_are_saved_and_taken_up_by_a_new_network(arch: Architecture, data: str, tmp_path: Path) -> None:
    objective = TrainObjective(arch.space, data, TINY)
    network, _ = objective.train(arch)
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    again = arch.build(**objective.network_options)
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    images = objective.prepared(objective.images.x)
    assert torch.equal(again.eval()(images), network(images))


def test_a_trained_network_is_exported_with_the_options_of_the_objective(
    arch: Architecture, data: str, tmp_path: Path
) -> None:
    objective = TrainObjective(arch.space, data, TINY)
    network, _ = objective.train(arch)
    arch.export(tmp_path / "network.py", "python", weights=network, **objective.network_options)
    assert (tmp_path / "network.py").is_file()


def test_a_candidate_that_diverges_fails_with_a_reason_and_its_cost(arch: Architecture, data: str) -> None:
    config = CandidateTraining(epochs=3, batch_size=8, learning_rate=1e30, clip=None, network={"channels": 2})
    found = TrainObjective(arch.space, data, config).evaluate(arch)
    assert found.value is None and found.cost > 0
    assert found.failure is not None and "diverged" in found.failure


def test_a_candidate_that_takes_too_long_fails(arch: Architecture, data: str) -> None:
    found = TrainObjective(arch.space, data, CandidateTraining(time_limit=1e-6)).evaluate(arch)
    assert found.value is None and found.cost > 0
    assert found.failure is not None and "time limit of 1e-06 s in epoch 1" in found.failure


def test_a_candidate_that_is_too_large_fails_before_it_is_built(arch: Architecture, data: str) -> None:
    config = CandidateTraining(network={"channels": 50_000}, most_params=1_000_000)
    found = TrainObjective(arch.space, data, config).evaluate(arch)
    assert found.value is None
    assert found.failure is not None and "parameters, more than 1,000,000" in found.failure


def failing(error: Exception) -> Callable[..., Any]:
    def fit(*_: Any, **__: Any) -> Any:
        raise error

    return fit


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
    ],
)
def test_a_candidate_that_needs_too_much_memory_fails(
    arch: Architecture, data: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective = TrainObjective(arch.space, data, TINY)
    monkeypatch.setattr("archllm.objectives.fitting.fit", failing(error))
    found = objective.evaluate(arch)
    assert (found.value, found.failure) == (None, "it ran out of memory") and found.cost > 0
    with pytest.raises(EvaluationFailed):
        objective.train(arch)


def test_an_error_of_another_kind_is_not_swallowed(
    arch: Architecture, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective = TrainObjective(arch.space, data, TINY)
    monkeypatch.setattr("archllm.objectives.fitting.fit", failing(RuntimeError("shapes do not fit")))
    with pytest.raises(RuntimeError, match="shapes"):
        objective.evaluate(arch)


def test_a_last_step_with_a_single_image_is_left_out(arch: Architecture, tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", **halves(50, 4, 4))  # 1 x 1 in the last stage: batch norm would refuse
    config = CandidateTraining(epochs=1, batch_size=2, most_images=9, network={"channels": 2})
    assert TrainObjective(arch.space, str(tmp_path / "data.npz"), config).evaluate(arch).value is not None


def test_the_auxiliary_head_of_darts_is_trained(darts: SearchSpace, tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", **halves(12, 32, 32))
    options = {"channels": 2, "layers": 2, "auxiliary": True, "drop_path": 0.2}
    objective = TrainObjective(darts, str(tmp_path / "data.npz"), CandidateTraining(epochs=1, network=options))
    (arch,) = darts.architectures(darts.sample(1, np.random.default_rng(0)))
    network, found = objective.train(arch)
    fresh = arch.build(**objective.network_options)
    assert isinstance(network.auxiliary, nn.Module) and found.value is not None
    changed = {name for name, value in network.named_parameters() if not torch.equal(value, fresh.get_parameter(name))}
    assert any(name.startswith("auxiliary") for name in changed)
    assert isinstance(network(objective.prepared(objective.split.test_x)), torch.Tensor)


def test_an_architecture_of_another_space_is_refused(arch: Architecture, darts: SearchSpace, data: str) -> None:
    objective = TrainObjective(darts, data, CandidateTraining(epochs=1))
    for use in (objective.evaluate, objective.train):
        with pytest.raises(InvalidInput, match=r"of darts.* got one of nasbench201"):
            use(arch)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"image_size": 6}, "image_size must be a multiple of 4.* got 6"),
        ({"network": {"chanels": 4}}, "no setting 'chanels'; did you mean 'channels'"),
        ({"network": {"channels": 0}}, "channels must be a whole number from 1 to"),
        ({"cutout": 8}, "cutout must be smaller than the images of 8 pixels, got 8"),
        ({"device": "quantum"}, "device 'quantum' can't be used here"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_trained(
    arch: Architecture, data: str, config: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        TrainObjective(arch.space, data, CandidateTraining(**config))


def test_images_that_can_not_be_used_are_refused_before_anything_is_trained(arch: Architecture, tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"no/such/data.*digits"):
        load_objective("train:no/such/data", arch.space)
    np.savez(tmp_path / "data.npz", x=np.zeros((9, 8, 8)), y=[0] * 8 + [1])
    with pytest.raises(DataError, match="class '1' has too few images"):
        TrainObjective(arch.space, str(tmp_path / "data.npz"))
    with pytest.raises(InvalidInput, match="seed must be a whole number from 0"):
        TrainObjective(arch.space, "digits", seed=-1)


def test_other_images_than_those_of_the_source_are_refused(arch: Architecture, data: str) -> None:
    objective = TrainObjective(arch.space, data, TINY)
    with pytest.raises(InvalidInput, match=r"n x 1 x h x w, got shape \(2, 3, 8, 8\)"):
        objective.prepared(np.zeros((2, 3, 8, 8)))
    with pytest.raises(InvalidInput, match="at most 8 x 8 pixels, got 9 x 8"):
        objective.prepared(np.zeros((2, 1, 9, 8)))
