"""The promises of a tokenizer, kept by every quantizer, every context and the plain one."""

from __future__ import annotations

import json
import math
import warnings
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from archllm.data.split import split_cells
from archllm.errors import InvalidInput, RunFolderError
from archllm.graphs import Graphs, equal
from archllm.spaces import SearchSpace, load_space
from archllm.tokenizer import Tokenizer, TokenizerConfig, build_tokenizer, load_tokenizer
from archllm.training.loop import Loop
from archllm.training.progress import Event, Listener

SPACE = load_space("nasbench201")
CELLS = split_cells(SPACE, 0.9, 1, 0)
FEW = CELLS.train[:300]

EMA = TokenizerConfig(
    code_length=6, codebook_size=64, width=16, layers=1, batch=32, steps=150, learning_rate=1e-2, warm_up=0.3
)
CONFIGS = {
    "ema": EMA,
    "fsq": replace(EMA, quantizer="fsq", steps=300),
    "simvq": replace(EMA, quantizer="simvq", code_width=4, steps=300),
    "causal": replace(EMA, context="causal", steps=300),
    "full": replace(EMA, context="full"),
    "plain": TokenizerConfig(kind="plain"),
}
FAITHFUL = {"ema": 1.0, "fsq": 0.3, "simvq": 0.3, "causal": 0.3, "full": 0.9, "plain": 1.0}
"""Share of held-out cells that so short a training gives back at least."""
LEARNED = [name for name in CONFIGS if name != "plain"]


@cache
def trained(name: str) -> Tokenizer:
    tokenizer = build_tokenizer(SPACE, CONFIGS[name])
    tokenizer.fit(CELLS.train, 0)
    return tokenizer


@pytest.fixture(params=CONFIGS)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return trained(request.param)


def short(
    name: str,
    graphs: Graphs = FEW,
    seed: int = 0,
    steps: int = 20,
    space: SearchSpace = SPACE,
    listener: Listener | None = None,
    checkpoint: Path | None = None,
) -> Tokenizer:
    """A tokenizer that has learned next to nothing."""
    tokenizer = build_tokenizer(space, replace(CONFIGS[name], steps=steps))
    tokenizer.fit(graphs, seed, listener, checkpoint)
    return tokenizer


def any_codes(tokenizer: Tokenizer, n: int) -> NDArray[np.int64]:
    return np.random.default_rng(0).integers(tokenizer.codebook_size, size=(n, tokenizer.length))


def same(left: Graphs, right: Graphs) -> bool:
    return len(left) == len(right) and bool(equal(left, right).all())


# --- codes ---------------------------------------------------------------------------------------------------------


def test_codes_are_so_many_whole_numbers_in_range(tokenizer: Tokenizer) -> None:
    codes = tokenizer.encode(CELLS.held_out)
    assert codes.shape == (len(CELLS.held_out), tokenizer.length) and codes.dtype == np.int64
    assert 0 <= codes.min() <= codes.max() < tokenizer.codebook_size


def test_what_is_encoded_one_by_one_gets_the_codes_that_it_gets_in_a_batch(tokenizer: Tokenizer) -> None:
    few = CELLS.held_out[:20]
    assert (np.concatenate([tokenizer.encode(graph) for graph in few]) == tokenizer.encode(few)).all()


def test_room_for_more_nodes_does_not_change_codes_or_features(tokenizer: Tokenizer) -> None:
    few, wide = CELLS.held_out[:50], CELLS.held_out[:50].padded(SPACE.max_nodes + 3)
    assert (tokenizer.encode(wide) == tokenizer.encode(few)).all()
    assert np.array_equal(tokenizer.embed(wide), tokenizer.embed(few))


@pytest.mark.parametrize("name", CONFIGS)
def test_every_way_of_writing_a_member_gets_the_same_codes(name: str, nasbench101: SearchSpace) -> None:
    rng = np.random.default_rng(0)
    members = nasbench101.sample(200, rng)
    copies = nasbench101.relabel(members, rng)
    assert not same(copies, members)
    tokenizer = short(name, members, steps=3, space=nasbench101)
    assert (tokenizer.encode(copies) == tokenizer.encode(members)).all()
    assert np.allclose(tokenizer.embed(copies), tokenizer.embed(members))


def test_a_read_only_architecture_is_encoded_without_a_warning(tokenizer: Tokenizer) -> None:
    graph = SPACE.architectures(CELLS.held_out[:1])[0].graph
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (tokenizer.encode(graph) == tokenizer.encode(CELLS.held_out[:1])).all()


def test_an_empty_batch_goes_through_every_question(tokenizer: Tokenizer) -> None:
    nothing = CELLS.held_out[:0]
    assert tokenizer.encode(nothing).shape == (0, tokenizer.length)
    assert len(tokenizer.decode(np.zeros((0, tokenizer.length), np.int64))) == 0
    assert tokenizer.embed(nothing).shape == (0, tokenizer.embed(FEW).shape[1])
    with pytest.raises(InvalidInput):
        tokenizer.reconstruction(nothing)


# --- back to graphs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONFIGS)
def test_a_short_training_is_enough_to_give_cells_back(name: str) -> None:
    tokenizer = trained(name)
    back = tokenizer.decode(tokenizer.encode(CELLS.held_out))
    share = np.mean(
        [text == other for text, other in zip(SPACE.format(back), SPACE.format(CELLS.held_out), strict=True)]
    )
    assert share >= FAITHFUL[name]
    assert tokenizer.reconstruction(CELLS.held_out) == pytest.approx(share)


@pytest.mark.parametrize("name", LEARNED)
def test_one_step_of_training_is_not_enough_to_give_cells_back(name: str) -> None:
    assert short(name, steps=1).reconstruction(CELLS.held_out) < 0.01


def test_any_codes_become_graphs_on_the_nodes_of_the_space(tokenizer: Tokenizer) -> None:
    graphs = tokenizer.decode(any_codes(tokenizer, 500))
    assert graphs.ops.shape == (500, SPACE.max_nodes)
    assert -1 <= graphs.ops.min() <= graphs.ops.max() < len(SPACE.op_names)


@pytest.mark.parametrize("name", CONFIGS)
def test_nothing_is_masked_or_repaired_on_the_way_back(name: str) -> None:
    tokenizer = short(name, steps=1) if name in LEARNED else trained(name)
    graphs = tokenizer.decode(any_codes(tokenizer, 500))
    assert not SPACE.validate(graphs).all()
    if name in LEARNED:
        assert np.tril(graphs.adjacency).any()  # no cell has such an edge, and an untrained decoder does not know


@pytest.mark.parametrize("wrong", ["short", "long", "flat", "negative", "large", "fraction"])
def test_what_are_no_codes_is_refused(tokenizer: Tokenizer, wrong: str) -> None:
    good = tokenizer.encode(FEW[:2])
    codes = {
        "short": good[:, :-1],
        "long": np.pad(good, ((0, 0), (0, 1))),
        "flat": good.ravel(),
        "negative": np.where(np.arange(tokenizer.length) == 0, -1, good),
        "large": np.where(np.arange(tokenizer.length) == 0, tokenizer.codebook_size, good),
        "fraction": good + 0.5,
    }[wrong]
    with pytest.raises(InvalidInput, match="codes must be"):
        tokenizer.decode(codes)


# --- features and usage --------------------------------------------------------------------------------------------


def test_features_are_finite_and_one_row_each(tokenizer: Tokenizer) -> None:
    features = tokenizer.embed(CELLS.held_out)
    assert features.ndim == 2 and len(features) == len(CELLS.held_out) and features.dtype == np.float32
    assert np.isfinite(features).all()
    assert len(np.unique(features.round(4), axis=0)) > 0.9 * len(features)


def test_usage_counts_codes_and_perplexity_is_the_size_of_an_equal_choice(tokenizer: Tokenizer) -> None:
    assert tokenizer.usage(np.array([[0, 1, 2, 3] * 5])) == (4, pytest.approx(4.0))
    assert tokenizer.usage(np.full((7, 3), 2)) == (1, pytest.approx(1.0))
    used, perplexity = tokenizer.usage(np.array([[0, 0], [0, 3]]))  # H = 3/4 ln(4/3) + 1/4 ln 4
    assert used == 2 and perplexity == pytest.approx(math.sqrt(2) * (4 / 3) ** 0.75)


# --- randomness and resuming ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LEARNED)
def test_one_seed_gives_one_tokenizer_and_another_seed_another(name: str) -> None:
    first, other = short(name), short(name, seed=1)
    torch.manual_seed(99)
    again = short(name)
    assert (again.encode(FEW) == first.encode(FEW)).all()
    assert np.array_equal(again.embed(FEW), first.embed(FEW))
    assert not np.allclose(other.embed(FEW), first.embed(FEW))


@pytest.mark.parametrize("name", CONFIGS)
def test_training_leaves_the_global_random_state_alone(name: str) -> None:
    before = torch.random.get_rng_state()
    short(name, steps=2)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("warm_up", [0.0, 0.5, 1.0])
def test_a_codebook_put_in_at_any_time_comes_from_the_seed(warm_up: float) -> None:
    def codes() -> NDArray[np.int64]:
        tokenizer = build_tokenizer(SPACE, replace(EMA, codebook_size=8, steps=6, warm_up=warm_up))
        tokenizer.fit(FEW, 0)
        return tokenizer.encode(FEW)

    torch.manual_seed(1)
    first = codes()
    torch.manual_seed(2)
    assert (codes() == first).all()


class Stop(Exception):
    """What interrupts a training in a test."""


# An `ema` codebook is put in after 6 of the 20 steps; the step in which a listener stops is not in the checkpoint.
@pytest.mark.parametrize(
    ("name", "stop"), [("ema", 1), ("ema", 6), ("ema", 7), ("ema", 20), *((n, 11) for n in LEARNED)]
)
def test_an_interrupted_training_ends_as_an_uninterrupted_one(
    name: str, stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archllm.tokenizer.vq.Loop", partial(Loop, checkpoint_seconds=-1.0))
    heard: list[int] = []

    def stopping(event: Event) -> None:
        if event.step == stop:
            raise Stop

    with pytest.raises(Stop):
        short(name, seed=3, listener=stopping, checkpoint=tmp_path / "point")
    resumed = short(name, seed=3, listener=lambda event: heard.append(event.step), checkpoint=tmp_path / "point")
    assert heard == list(range(stop, 21))
    whole = short(name, seed=3)
    assert (resumed.encode(FEW) == whole.encode(FEW)).all()
    assert np.array_equal(resumed.embed(FEW), whole.embed(FEW))
    assert same(resumed.decode(any_codes(resumed, 100)), whole.decode(any_codes(whole, 100)))


# --- what is not trained yet ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONFIGS)
def test_an_untrained_tokenizer_says_so(name: str, tmp_path: Path) -> None:
    tokenizer = build_tokenizer(SPACE, CONFIGS[name])
    for ask in (
        lambda: tokenizer.encode(FEW),
        lambda: tokenizer.decode(np.zeros((1, tokenizer.length), np.int64)),
        lambda: tokenizer.save(tmp_path),
    ):
        with pytest.raises(InvalidInput, match="not trained"):
            ask()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("n", [0, 1])
def test_there_is_nothing_to_learn_from_cells_that_do_not_differ(name: str, n: int) -> None:
    with pytest.raises(InvalidInput):
        short(name, FEW[:n], steps=1)


# --- files ---------------------------------------------------------------------------------------------------------


def test_a_saved_tokenizer_comes_back_the_same(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tokenizer.json", "tokenizer.safetensors"]
    back = load_tokenizer(tmp_path, SPACE)
    assert back.config == tokenizer.config
    assert (back.length, back.codebook_size) == (tokenizer.length, tokenizer.codebook_size)
    assert back.parameters() == tokenizer.parameters()
    assert (back.encode(CELLS.held_out) == tokenizer.encode(CELLS.held_out)).all()
    assert np.array_equal(back.embed(CELLS.held_out), tokenizer.embed(CELLS.held_out))
    assert same(back.decode(any_codes(tokenizer, 300)), tokenizer.decode(any_codes(tokenizer, 300)))


@pytest.mark.parametrize("file", ["tokenizer.json", "tokenizer.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "folder", "empty", "half", "noise", "json", "deep"])
def test_a_damaged_file_is_refused_by_name(tokenizer: Tokenizer, tmp_path: Path, file: str, damage: str) -> None:
    tokenizer.save(tmp_path)
    path = tmp_path / file
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        other = {"empty": b"", "half": content[: len(content) // 2], "noise": bytes(range(256)) * 9}
        path.write_bytes((other | {"json": b'{"a": [1]}', "deep": b"[" * 100_000})[damage])
    with pytest.raises(RunFolderError) as caught:
        load_tokenizer(tmp_path, SPACE)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"groups": None},
        {"groups": []},
        {"groups": {"a": 1}},
        {"groups": list(range(8))},
        {"groups": [[0, 1, 2], [3, 4, 5], [6, 6, 7]]},
        {"groups": [[0, 1, 2], [3], [4], [5], [6], [8]]},
        {"groups": [[0, 1], [2, 3], [4, 5], [6, 7]]},
        {"config": {"width": 1.5}},
        {"config": {"width": 32}},
        {"config": {"width": "wide"}},
        {"config": {"layers": 2}},
        {"config": {"codebook_size": 32}},
        {"config": {"quantizer": "fsq"}},
        {"config": {"context": "full"}},
        {"config": {"kind": "plain"}},
        {"config": {"nonsense": 1}},
        {"config": 3},
    ],
    ids=str,
)
def test_a_description_of_another_tokenizer_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    short("ema", steps=1).save(tmp_path)
    path = tmp_path / "tokenizer.json"
    about = json.loads(path.read_text())
    if isinstance(change.get("config"), dict):
        change = {"config": about["config"] | change["config"]}
    path.write_text(json.dumps(about | change))
    with pytest.raises(RunFolderError, match=r"tokenizer\.json"):
        load_tokenizer(tmp_path, SPACE)


CHANGES = {
    "learned": {
        "used": [None, *map(torch.tensor, (64, [64], [-1], [0.5], [[1]], [2, 1], [1, 1], []))],
        "encoder.project.weight": [None, torch.zeros(3)],
        "other": [torch.zeros(1)],
    },
    "plain": {
        "words": [None, torch.zeros(3), torch.zeros(2, 2, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)],
        "varying": [None, torch.zeros(8), torch.zeros(3, dtype=torch.bool), torch.zeros(8, dtype=torch.bool)],
        "fixed": [None, torch.zeros(8), torch.zeros(3, dtype=torch.int64)],
    },
}


@pytest.mark.parametrize(
    ("name", "tensor", "value"),
    [
        pytest.param("plain" if kind == "plain" else "ema", tensor, value, id=f"{kind}-{tensor}-{at}")
        for kind, tensors in CHANGES.items()
        for tensor, values in tensors.items()
        for at, value in enumerate(values)
    ],
)
def test_weights_of_another_tokenizer_are_refused(
    name: str, tensor: str, value: torch.Tensor | None, tmp_path: Path
) -> None:
    short(name, steps=1).save(tmp_path)
    path = tmp_path / "tokenizer.safetensors"
    tensors = load_file(path) | ({} if value is None else {tensor: value})
    if value is None:
        del tensors[tensor]
    save_file(tensors, path)
    with pytest.raises(RunFolderError, match=r"tokenizer\.safetensors"):
        load_tokenizer(tmp_path, SPACE)


def test_a_tokenizer_of_another_space_is_refused(tokenizer: Tokenizer, tmp_path: Path, darts: SearchSpace) -> None:
    tokenizer.save(tmp_path)
    with pytest.raises(RunFolderError, match=r"tokenizer\.json.*'nasbench201'.*'darts'"):
        load_tokenizer(tmp_path, darts)


def test_a_folder_that_is_not_there_can_not_be_written_to(tokenizer: Tokenizer, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="none"):
        tokenizer.save(tmp_path / "none")
