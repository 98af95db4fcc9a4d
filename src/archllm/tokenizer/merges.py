"""MergesTokenizer: frequent neighbours of a serialisation become codes of their own, as in byte-pair encoding."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from archllm.errors import InvalidInput, RunFolderError
from archllm.files import replacing, write_text
from archllm.graphs import ABSENT, Graphs
from archllm.spaces.base import SearchSpace
from archllm.tokenizer.base import NOT_TRAINED, Members, Tokenizer
from archllm.tokenizer.config import TokenizerConfig
from archllm.tokenizer.parts import AnySerialisation
from archllm.tokenizer.plain import PlainTokenizer
from archllm.training.progress import Event, Listener

_LEARNED_FROM = 50_000  # members at most whose neighbours are counted
_RARE = 0.001  # share of the members below which a pair is no motif
_ROOM = 1.25  # length of the longest sequence that can be written, in lengths of the longest seen
_FIRST = 0x4E00  # characters that stand for tokens start here: 20,000 letters without case, marks or composition


class MergesTokenizer(Tokenizer):
    """Byte-pair encoding (Sennrich et al., 2016, section 3.2) of what `PlainTokenizer` writes.

    Again and again, the pair of neighbouring codes that occurs most often becomes a new code. As nodes are written one
    after the other, a code comes to stand for a motif: a few operations and how they are connected. Nothing is lost.

    Args:
        space: the space to read.
        config: `kind` and `merges` matter.

    Example:
        >>> from archllm.spaces import load_space
        >>> from archllm.tokenizer import TokenizerConfig
        >>> space = load_space("nasbench101")
        >>> cells = space.sample(2000, np.random.default_rng(0))
        >>> tokenizer = MergesTokenizer(space, TokenizerConfig(kind="merges", merges=64))
        >>> tokenizer.fit(cells, seed=0)
        >>> codes = tokenizer.encode(cells)
        >>> bool(tokenizer.lengths(codes).mean() < 0.95 * tokenizer.plain.lengths(tokenizer.plain.encode(cells)).mean())
        True
        >>> tokenizer.reconstruction(cells)
        1.0
    """

    def __init__(self, space: SearchSpace, config: TokenizerConfig) -> None:
        self.space, self.config = space, config
        self.plain = PlainTokenizer(space, config)
        self.length, self.codebook_size = self.plain.length, 1  # until it is fitted
        self.pairs: NDArray[np.int64] | None = None

    def fit(
        self,
        graphs: Graphs,
        seed: int,
        listener: Listener | None = None,
        checkpoint: Path | None = None,
    ) -> None:
        self.plain.fit(graphs, seed)
        some = graphs[np.random.default_rng(seed).permutation(len(graphs))[:_LEARNED_FROM]]
        pairs = self._learned(self._texts(self.plain.encode_as_written(some)))
        self._take(pairs, self.plain.length)
        lengths = [self.lengths(self._written(part)).max() for part in _parts(graphs)]
        self.length = min(self.plain.length, round(_ROOM * int(max(lengths))) + 1)
        if listener is not None:
            listener(Event("tokenizer", 1, 1, {"merges": float(len(pairs))}))

    def _learned(self, texts: list[str]) -> NDArray[np.int64]:
        """`m x 2` pairs of codes to join, in this order."""
        from tokenizers import Tokenizer as Library
        from tokenizers import models, trainers

        # The end is never part of a pair: a code speaks of what is there.
        alphabet = [chr(_FIRST + token) for token in range(self.plain.codebook_size)]
        library = Library(models.BPE())
        trainer = trainers.BpeTrainer(
            vocab_size=len(alphabet) + self.config.merges,
            min_frequency=max(2, round(_RARE * len(texts))),
            initial_alphabet=alphabet,
            show_progress=False,
        )
        library.train_from_iterator(texts, trainer)
        number = {letter: token for token, letter in enumerate(alphabet)}
        pairs = []
        for left, right in json.loads(library.to_str())["model"]["merges"]:
            pairs.append((number[left], number[right]))
            number[left + right] = self._first + len(pairs) - 1
        return np.array(pairs, dtype=np.int64).reshape(-1, 2)

    @property
    def _first(self) -> int:
        """The code of the first pair, behind the tokens and, where these have none, the end."""
        return self.plain.codebook_size + (self.plain.end is None)

    def _take(self, pairs: NDArray[np.int64], length: int) -> None:
        self.pairs, self.length = pairs, length
        self.end = self.plain.codebook_size if self.plain.end is None else self.plain.end
        self.codebook_size = self._first + len(pairs)
        for cached in ("_library", "_expansions"):
            self.__dict__.pop(cached, None)

    @cached_property
    def _library(self) -> Any:
        """The library's model of these pairs."""
        from tokenizers import Tokenizer as Library
        from tokenizers import models

        texts = [chr(_FIRST + token) for token in range(self._first)]
        merges = []
        for left, right in self._fitted.tolist():
            merges.append((texts[left], texts[right]))
            texts.append(texts[left] + texts[right])
        # Two ways of joining may give one text; it keeps the number of the first.
        vocabulary: dict[str, int] = {}
        for number, text in enumerate(texts):
            vocabulary.setdefault(text, number)
        return Library(models.BPE(vocab=vocabulary, merges=merges))

    @cached_property
    def _expansions(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tokens of each code, `codebook_size x longest` and filled with 0, and how many they are."""
        tokens: list[list[int]] = [[token] for token in range(self._first)]
        for left, right in self._fitted.tolist():
            tokens.append(tokens[left] + tokens[right])
        lengths = np.array([len(each) for each in tokens])
        lengths[self.end] = 0
        table = np.zeros((len(tokens), int(lengths.max(initial=1))), dtype=np.int64)
        for code, each in enumerate(tokens):
            table[code, : len(each)] = each
        return table, lengths

    @property
    def _fitted(self) -> NDArray[np.int64]:
        if self.pairs is None:
            raise InvalidInput(NOT_TRAINED)
        return self.pairs

    def _texts(self, tokens: NDArray[np.int64]) -> list[str]:
        """Token sequences as texts, a character each, without their ends."""
        letters = (tokens + _FIRST).astype("<u4")
        ends = self.plain.lengths(tokens)
        return [row[:end].tobytes().decode("utf-32-le") for row, end in zip(letters, ends.tolist(), strict=True)]

    def _written(self, graphs: Graphs) -> NDArray[np.int64]:
        codes = np.full((len(graphs), self.length), self.end, dtype=np.int64)
        encoded = self._library.encode_batch_fast(self._texts(self.plain.encode_as_written(graphs)))
        for row, each in enumerate(encoded):
            ids = each.ids if len(each.ids) <= self.length else [self._way.foreign]  # too long to be written
            codes[row, : len(ids)] = ids
        return codes

    def told(self, codes: NDArray[np.int64]) -> NDArray[np.bool_]:
        return self._way.told(codes)

    @property
    def _way(self) -> AnySerialisation:
        if self.plain.way is None:
            raise InvalidInput(NOT_TRAINED)
        return self.plain.way

    def encode_as_written(self, graphs: Graphs) -> NDArray[np.int64]:
        self._fitted  # noqa: B018 - says so if there is nothing to write with
        parts = [self._written(part) for part in _parts(graphs)]
        return np.concatenate(parts) if parts else np.zeros((0, self.length), np.int64)

    def decode(self, codes: NDArray[np.int64]) -> Graphs:
        table, lengths = self._expansions
        self._check(codes)
        going = (codes == self.end).cumsum(1) == 0
        at = np.where(going, lengths[codes], 0).cumsum(1)
        tokens = np.full((len(codes), self.plain.length), 0 if self.plain.end is None else self.plain.end)
        for offset in range(table.shape[1]):
            row, column = np.nonzero(going & (offset < lengths[codes]))
            place = at[row, column] - lengths[codes[row, column]] + offset
            inside = place < self.plain.length
            tokens[row[inside], place[inside]] = table[codes[row[inside], column[inside]], offset]
        graphs = self.plain.decode(tokens)
        total = at[:, -1] if codes.shape[1] else np.zeros(len(codes))
        # Too many tokens for any member, or too few where all have as many: a loop keeps them from passing for one.
        wrong = total > self.plain.length if self.plain.end is not None else total != self.plain.length
        if graphs.edgeless:
            graphs.ops[wrong] = ABSENT  # nor does a member hold nothing
        else:
            graphs.adjacency[wrong, 0, 0] = True
        return graphs

    def embed(self, members: Members) -> NDArray[np.float32]:
        """The features of `PlainTokenizer`."""
        return self.plain.embed(members)

    def to(self, device: str) -> Self:
        return self  # look-ups only

    def parameters(self) -> int:
        return 0

    def save(self, folder: Path) -> None:
        pairs = self._fitted
        way = self.plain.way
        assert way is not None
        tensors = way.tensors() | {"pairs": torch.from_numpy(pairs), "most": torch.tensor([self.length])}
        with replacing(folder / "tokenizer.safetensors") as path:
            save_file(tensors, path)
        write_text(folder / "tokenizer.json", json.dumps(self.plain.about(), indent=2) + "\n")

    def restore(self, way: object, tensors: dict[str, torch.Tensor]) -> None:
        """Takes over saved pairs; see `PlainTokenizer.restore`.

        Raises:
            RunFolderError: they are none.
        """
        self.plain.restore(way, tensors)
        pairs, most = tensors.get("pairs"), tensors.get("most")
        if pairs is None or pairs.dtype != torch.int64 or pairs.ndim != 2 or pairs.shape[1] != 2:
            raise RunFolderError("tokenizer.safetensors does not fit tokenizer.json: it holds no pairs of codes")
        if most is None or most.dtype != torch.int64 or most.shape != (1,):
            raise RunFolderError("tokenizer.safetensors does not fit tokenizer.json: it holds no length")
        known = self._first + np.arange(len(pairs))  # a pair joins codes that come before it
        joined = pairs.numpy()
        if (joined < 0).any() or (joined >= known[:, None]).any() or not 1 <= int(most[0]) <= self.plain.length:
            raise RunFolderError("tokenizer.safetensors does not fit tokenizer.json: its pairs join unknown codes")
        self._take(joined, int(most[0]))
        if self._longest() > self.plain.length:
            raise RunFolderError(
                "tokenizer.safetensors does not fit tokenizer.json: its codes are longer than a member"
            )

    def _longest(self) -> int:
        """Tokens of the longest code."""
        lengths = [1] * self._first
        for left, right in self._fitted.tolist():
            lengths.append(lengths[left] + lengths[right])
        return max(lengths)


def _parts(graphs: Graphs) -> list[Graphs]:
    """Graphs in parts whose texts fit into memory."""
    return [graphs[start : start + _LEARNED_FROM] for start in range(0, len(graphs), _LEARNED_FROM)]
