"""Contract of a tokenizer: codes in range, the same for isomorphic members, decoded freely, and saved without loss."""

from __future__ import annotations

import math
import warnings
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from archllm.data.split import Cells, split_cells
from archllm.errors import InvalidInput, RunFolderError
from archllm.graphs import Graphs, equal
from archllm.spaces import SearchSpace, load_space
from archllm.testing.common import damaged, once_per_suite
from archllm.tokenizer.base import Tokenizer
from archllm.tokenizer.registry import load_tokenizer
from archllm.training.progress import Event, Listener


class Stop(Exception):
    """Interrupts a training."""


@cache
def split(space: str) -> Cells:
    """Nine tenths of a space to learn from, the rest to be given back."""
    return split_cells(load_space(space), 0.9, 1, 0)


def random_codes(tokenizer: Tokenizer, n: int) -> NDArray[np.int64]:
    """`n x length` codes, each uniform."""
    return np.random.default_rng(0).integers(tokenizer.codebook_size, size=(n, tokenizer.length))


def same(left: Graphs, right: Graphs) -> bool:
    """Whether two batches hold equal graphs in the same order."""
    return len(left) == len(right) and bool(equal(left, right).all())


@once_per_suite
def trained_by(suite: type[TokenizerContract]) -> Tokenizer:
    """The tokenizer of a suite, trained once."""
    contract = suite()
    tokenizer = contract.build(load_space(suite.space))
    tokenizer.fit(contract.cells.train, 0)
    return tokenizer


class TokenizerContract:
    """What every tokenizer keeps.

    Set `tokenizer`, or override `build` where the class takes more than the space. With training, build the
    tokenizer so that it trains for seconds; `brief` asks for next to no training at all.

    Example:
        >>> from archllm.tokenizer import PlainTokenizer
        >>> class TestPlain(TokenizerContract):
        ...     tokenizer = PlainTokenizer
        ...     faithful = 1.0
    """

    tokenizer: ClassVar[type[Any]]
    """The class to test; called with a space."""

    space: ClassVar[str] = "nasbench201"
    """Name of the enumerable space on which it is tested."""

    faithful: ClassVar[float] = 0.3
    """Share of held-out members that the tokenizer gives back at least after the training of `build`."""

    def build(self, space: SearchSpace, brief: bool = False) -> Tokenizer:
        """An untrained tokenizer of a space.

        Args:
            space: whose members it is to read.
            brief: whether a few steps of training will do.
        """
        tokenizer: Tokenizer = self.tokenizer(space)
        return tokenizer

    def load(self, folder: Path, space: SearchSpace) -> Tokenizer:
        """The tokenizer that was saved in a folder."""
        return load_tokenizer(folder, space)

    def brief(
        self,
        graphs: Graphs | None = None,
        seed: int = 0,
        listener: Listener | None = None,
        checkpoint: Path | None = None,
    ) -> Tokenizer:
        """A tokenizer that has learned next to nothing."""
        tokenizer = self.build(load_space(self.space), brief=True)
        tokenizer.fit(self.few if graphs is None else graphs, seed, listener, checkpoint)
        return tokenizer

    @property
    def cells(self) -> Cells:
        """Members to learn from and held-out ones."""
        return split(self.space)

    @property
    def few(self) -> Graphs:
        """A few of the members to learn from."""
        return self.cells.train[:300]

    @pytest.fixture
    def trained(self) -> Tokenizer:
        """A trained tokenizer, shared by the tests of the class."""
        return trained_by(type(self))

    # --- codes -----------------------------------------------------------------------------------------------------

    def test_codes_are_so_many_whole_numbers_in_range(self, trained: Tokenizer) -> None:
        codes = trained.encode(self.cells.held_out)
        assert codes.shape == (len(self.cells.held_out), trained.length) and codes.dtype == np.int64
        assert 0 <= codes.min() <= codes.max() < trained.codebook_size

    def test_encoding_one_by_one_gives_the_codes_of_the_batch(self, trained: Tokenizer) -> None:
        few = self.cells.held_out[:20]
        assert (np.concatenate([trained.encode(graph) for graph in few]) == trained.encode(few)).all()

    def test_room_for_more_nodes_does_not_change_codes_or_features(self, trained: Tokenizer) -> None:
        few = self.cells.held_out[:50]
        wide = few.padded(few.nodes + 3)
        assert (trained.encode(wide) == trained.encode(few)).all()
        assert np.array_equal(trained.embed(wide), trained.embed(few))

    def test_isomorphic_members_have_the_same_codes(self) -> None:
        space, rng = load_space("nasbench101"), np.random.default_rng(0)
        members = space.sample(200, rng)
        copies = space.permute(members, rng)
        assert not same(copies, members)
        tokenizer = self.build(space, brief=True)
        tokenizer.fit(members, 0)
        assert (tokenizer.encode(copies) == tokenizer.encode(members)).all()
        assert np.allclose(tokenizer.embed(copies), tokenizer.embed(members))

    def test_a_read_only_architecture_is_encoded_without_a_warning(self, trained: Tokenizer) -> None:
        graph = trained.space.architectures(self.cells.held_out[:1])[0].graph
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert (trained.encode(graph) == trained.encode(self.cells.held_out[:1])).all()

    def test_an_empty_batch_goes_through_every_question(self, trained: Tokenizer) -> None:
        nothing = self.cells.held_out[:0]
        assert trained.encode(nothing).shape == (0, trained.length)
        assert len(trained.decode(np.zeros((0, trained.length), np.int64))) == 0
        assert trained.embed(nothing).shape == (0, trained.embed(self.few).shape[1])
        with pytest.raises(InvalidInput):
            trained.reconstruction(nothing)

    # --- back to graphs --------------------------------------------------------------------------------------------

    def test_a_short_training_is_enough_to_give_members_back(self, trained: Tokenizer) -> None:
        space, held_out = trained.space, self.cells.held_out
        back = trained.decode(trained.encode(held_out))
        pairs = zip(space.format(back), space.format(held_out), strict=True)
        share = np.mean([text == other for text, other in pairs])
        assert share >= self.faithful
        assert trained.reconstruction(held_out) == pytest.approx(share)

    def test_any_codes_become_graphs_on_the_nodes_of_the_space(self, trained: Tokenizer) -> None:
        graphs = trained.decode(random_codes(trained, 500))
        assert graphs.ops.shape == (500, trained.space.max_nodes)
        assert -1 <= graphs.ops.min() <= graphs.ops.max() < len(trained.space.op_names)

    def test_nothing_is_masked_or_repaired_on_the_way_back(self) -> None:
        tokenizer = self.brief()
        assert not tokenizer.space.validate(tokenizer.decode(random_codes(tokenizer, 500))).all()

    @pytest.mark.parametrize("wrong", ["short", "long", "flat", "negative", "large", "fraction"])
    def test_codes_of_another_shape_or_range_are_refused(self, trained: Tokenizer, wrong: str) -> None:
        good = trained.encode(self.few[:2])
        codes = {
            "short": good[:, :-1],
            "long": np.pad(good, ((0, 0), (0, 1))),
            "flat": good.ravel(),
            "negative": np.where(np.arange(trained.length) == 0, -1, good),
            "large": np.where(np.arange(trained.length) == 0, trained.codebook_size, good),
            "fraction": good + 0.5,
        }[wrong]
        with pytest.raises(InvalidInput, match="codes must be"):
            trained.decode(codes)

    # --- features and usage ----------------------------------------------------------------------------------------

    def test_features_are_finite_and_one_row_each(self, trained: Tokenizer) -> None:
        features = trained.embed(self.cells.held_out)
        assert features.ndim == 2 and len(features) == len(self.cells.held_out) and features.dtype == np.float32
        assert np.isfinite(features).all()
        assert len(np.unique(features.round(4), axis=0)) > 0.9 * len(features)

    def test_usage_counts_codes_and_perplexity_is_the_size_of_an_equal_choice(self, trained: Tokenizer) -> None:
        used, perplexity = trained.usage(np.array([[0, 1, 2, 3] * 5]))
        assert used == 4 and perplexity == pytest.approx(4.0)
        used, perplexity = trained.usage(np.full((7, 3), 2))
        assert used == 1 and perplexity == pytest.approx(1.0)
        used, perplexity = trained.usage(np.array([[0, 0], [0, 3]]))  # H = 3/4 ln(4/3) + 1/4 ln 4
        assert used == 2 and perplexity == pytest.approx(math.sqrt(2) * (4 / 3) ** 0.75)

    # --- randomness ------------------------------------------------------------------------------------------------

    def test_one_seed_gives_one_tokenizer_whatever_the_global_random_state(self) -> None:
        first = self.brief()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(99)
            before = torch.random.get_rng_state()
            again = self.brief()
            assert torch.equal(torch.random.get_rng_state(), before)
        assert (again.encode(self.few) == first.encode(self.few)).all()
        assert np.array_equal(again.embed(self.few), first.embed(self.few))

    # --- before any training ---------------------------------------------------------------------------------------

    def test_an_untrained_tokenizer_says_so(self, tmp_path: Path) -> None:
        tokenizer = self.build(load_space(self.space))
        for ask in (
            lambda: tokenizer.encode(self.few),
            lambda: tokenizer.decode(np.zeros((1, tokenizer.length), np.int64)),
            lambda: tokenizer.save(tmp_path),
        ):
            with pytest.raises(InvalidInput, match="not trained"):
                ask()
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("n", [0, 1])
    def test_there_is_nothing_to_learn_from_members_that_do_not_differ(self, n: int) -> None:
        with pytest.raises(InvalidInput):
            self.brief(self.few[:n])

    # --- files -----------------------------------------------------------------------------------------------------

    def test_a_saved_tokenizer_comes_back_the_same(self, trained: Tokenizer, tmp_path: Path) -> None:
        trained.save(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["tokenizer.json", "tokenizer.safetensors"]
        back, held_out, codes = self.load(tmp_path, trained.space), self.cells.held_out, random_codes(trained, 300)
        assert back.config == trained.config
        assert (back.length, back.codebook_size) == (trained.length, trained.codebook_size)
        assert back.parameters() == trained.parameters()
        assert (back.encode(held_out) == trained.encode(held_out)).all()
        assert np.array_equal(back.embed(held_out), trained.embed(held_out))
        assert same(back.decode(codes), trained.decode(codes))

    @pytest.mark.parametrize("file", ["tokenizer.json", "tokenizer.safetensors"])
    @pytest.mark.parametrize("damage", ["missing", "folder", "empty", "half", "noise", "json", "deep"])
    def test_a_damaged_file_is_refused_by_name(
        self, trained: Tokenizer, tmp_path: Path, file: str, damage: str
    ) -> None:
        trained.save(tmp_path)
        path = tmp_path / file
        content = path.read_bytes()
        path.unlink()
        if damage == "folder":
            path.mkdir()
        elif damage != "missing":
            path.write_bytes(damaged(content)[damage])
        with pytest.raises(RunFolderError) as caught:
            self.load(tmp_path, trained.space)
        assert str(path) in str(caught.value)

    def test_a_tokenizer_of_another_space_is_refused(self, trained: Tokenizer, tmp_path: Path) -> None:
        trained.save(tmp_path)
        with pytest.raises(RunFolderError, match=rf"tokenizer\.json.*'{self.space}'.*'darts'"):
            self.load(tmp_path, load_space("darts"))

    def test_a_missing_folder_can_not_be_written_to(self, trained: Tokenizer, tmp_path: Path) -> None:
        with pytest.raises(RunFolderError, match="none"):
            trained.save(tmp_path / "none")


class LearnedTokenizerContract(TokenizerContract):
    """What a tokenizer keeps that is trained step by step, from a random start, and tells a listener of each step.

    Example:
        >>> class TestSmall(LearnedTokenizerContract):
        ...     def build(self, space: SearchSpace, brief: bool = False) -> Tokenizer:
        ...         return build_tokenizer(space, TokenizerConfig(steps=5 if brief else 300, codebook_size=64))
    """

    def test_hardly_any_training_is_not_enough_to_give_members_back(self) -> None:
        assert self.brief().reconstruction(self.cells.held_out) < 0.5 * self.faithful

    def test_another_seed_gives_another_tokenizer(self) -> None:
        assert not np.allclose(self.brief(seed=1).embed(self.few), self.brief().embed(self.few))

    def test_an_interrupted_training_ends_as_an_uninterrupted_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        steps: list[int] = []
        self.brief(listener=lambda event: steps.append(event.step))
        self.check_resuming(steps[len(steps) // 2], tmp_path, monkeypatch)

    def check_resuming(self, stop: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A training that stops when a step is told, and is started again, ends as one that never stopped.

        Args:
            stop: the step; it is not in the checkpoint, so that it is told once more.
            folder: an empty one.
            monkeypatch: used to write a checkpoint after every step.
        """
        monkeypatch.setattr("archllm.training.loop.CHECKPOINT_SECONDS", -1.0)
        steps: list[int] = []
        heard: list[int] = []

        def stopping(event: Event) -> None:
            if event.step == stop:
                raise Stop

        with pytest.raises(Stop):
            self.brief(seed=3, listener=stopping, checkpoint=folder / "point")
        resumed = self.brief(seed=3, listener=lambda event: heard.append(event.step), checkpoint=folder / "point")
        whole = self.brief(seed=3, listener=lambda event: steps.append(event.step))
        assert heard == steps[steps.index(stop) :]
        assert (resumed.encode(self.few) == whole.encode(self.few)).all()
        assert np.array_equal(resumed.embed(self.few), whole.embed(self.few))
        codes = random_codes(resumed, 100)
        assert same(resumed.decode(codes), whole.decode(codes))
