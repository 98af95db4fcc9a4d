"""Recipes: the settings of a training that trials found good for a space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from archllm.generation.config import TrainConfig
from archllm.prior.config import PriorConfig
from archllm.spaces.base import SearchSpace
from archllm.spaces.kinds.product.space import Product
from archllm.tokenizer.hints import code_layout

PRESETS = {"quick": 0.3, "standard": 1.0, "thorough": 3.0}
"""What a preset multiplies the steps by."""

MOST_CODES = 2048
"""Codes of the largest codebook that is recommended."""

_MOST = 0.5  # share of the cells to train on from which few enough are missing to learn little by heart
_TOKENS = 5_000_000  # nodes of all training members of a space of sequences together, about
_BATCH_TOKENS = 8_192  # and of a batch of them


def recommended(space: SearchSpace, split: float = 0.9, base: str = "", conditions: Sequence[str] = ()) -> TrainConfig:
    """The configuration that trials found good for a space and a share of it to train on.

    Args:
        space: the space.
        split: share of the cells to train on.
        base: the pre-trained language model that is to be the prior; without one, a small one from scratch.
        conditions: what generation is to be steered by.
    """
    config = replace(_recommended(space, split), conditions=tuple(conditions))
    if not base:
        if not conditions:
            whole = space.enumerable and space.size < 100_000 and split >= _MOST
            return replace(config, prior=_to_the_end(config.prior)) if whole else config
        # Each batch tells of other conditions, so there is more to learn; what is learned by heart matters less. The
        # unigram initialisation keeps draws valid under conditions and guidance.
        prior = config.prior
        steps = 2 * prior.steps if space.enumerable else 10_000  # under conditions, codes are independent no more
        unigram_init = prior.unigram_init or space.enumerable
        prior = replace(prior, steps=steps, dropout=min(prior.dropout, 0.2), unigram_init=unigram_init)
        return replace(config, prior=prior)
    steps = 430 if space.enumerable and space.size < 100_000 else 2000
    steps = 2 * steps if conditions else steps
    text = replace(
        PriorConfig(), kind="text", base=base_of(base), steps=steps, batch=32, learning_rate=1e-3, weight_decay=0.0
    )
    return replace(config, prior=replace(text, validation=config.prior.validation))


def recommended_for_corpus(config: TrainConfig, corpus: str, start: str = "") -> TrainConfig:
    """The configuration that trials found good for a corpus.

    Args:
        config: that of the run to start from; else what is recommended for the space.
        corpus: the file.
        start: the run folder to start from, if there is one.
    """
    prior = replace(config.prior, steps=600, batch=128, validation=0.1, keep="best")
    if start:  # gently, so that what makes a member is not forgotten
        prior = replace(prior, learning_rate=config.prior.learning_rate / 4)
        return replace(config, corpus=corpus, start=start, prior=prior)
    prior = replace(prior, width=64, layers=2, dropout=0.2, learning_rate=3e-3)
    return replace(config, corpus=corpus, prior=prior, tokenizer=replace(config.tokenizer, kind="plain"))


def _to_the_end(prior: PriorConfig) -> PriorConfig:
    """The prior of a small space that is trained on most of its cells: the weights of the last step are kept.

    Learning by heart which cells are missing then costs some thousandths of a nat. A validation split resolves little
    more, and to choose by it keeps weights of high learning rates, which still draw codes that belong elsewhere.
    """
    return replace(prior, keep="last", validation=0.005, steps=round(1.2 * prior.steps))


def base_of(prior: str) -> str:
    """The pre-trained model that `--prior` names: nothing for `code`, else an absolute path, or a name on the hub."""
    path = Path(prior).expanduser()
    return "" if prior == "code" else str(path.resolve()) if path.exists() else prior


def _recommended(space: SearchSpace, split: float) -> TrainConfig:
    config = TrainConfig(split=split)
    if any(part.sequential for part in _parts(space)):  # a code for each token would be one more name for it
        config = replace(config, tokenizer=replace(config.tokenizer, kind="plain"))
        if not space.enumerable:
            return _of_sequences(space, config)
    if isinstance(space, Product):  # each part has tokens of its own, exact ones
        config = replace(config, tokenizer=replace(config.tokenizer, kind="plain"))
        if not space.enumerable:
            prior = replace(config.prior, width=48, layers=2, steps=3000, learning_rate=0.012, weight_decay=0.0)
            return replace(config, cells=200_000, prior=replace(prior, batch=128))
    if not space.enumerable:  # hardly any prefix is seen twice, so targets are noisy: a small model, many steps
        prior = replace(config.prior, width=64, layers=2, steps=5000, learning_rate=6e-3)
        if space.slotted:  # many codes an architecture, each of few contents: a small batch says much
            prior = replace(prior, width=48, batch=128, learning_rate=0.012, weight_decay=0.0)
            if code_layout(space).independent:  # their marginals are all that there is to know
                prior = replace(prior, layers=1, steps=500, unigram_init=True)
            tokenizer = replace(config.tokenizer, codebook_size=_codebook(space), batch=64, steps=350)
            return replace(config, cells=200_000, tokenizer=tokenizer, prior=prior)
        if (code_layout(space).largest or 0) > MOST_CODES:  # no codebook tells that many apart: join what is frequent
            prior = replace(prior, batch=128, steps=3000)
            return replace(config, cells=200_000, tokenizer=replace(config.tokenizer, kind="merges"), prior=prior)
        if code_layout(space).independent:
            prior = replace(prior, steps=400, unigram_init=True)
        return replace(config, tokenizer=replace(config.tokenizer, codebook_size=MOST_CODES, steps=1500), prior=prior)
    if round(space.size * split) >= 100_000:
        return config
    # Few cells: attention dropout keeps the prior from learning by heart which cells are missing. Of some thousand, a
    # twentieth is too few to tell good weights from lucky ones, so nearly all are trained on, to the end.
    steps = 600 if 50_000 <= space.size < 100_000 else 300
    aside = 0.05 if space.size >= 10_000 else 0.005
    prior = replace(config.prior, steps=steps, learning_rate=6e-3, dropout=0.5, validation=aside)
    if space.size >= 100_000:
        return replace(config, tokenizer=replace(config.tokenizer, steps=500), prior=replace(prior, learning_rate=3e-3))
    return replace(config, tokenizer=replace(config.tokenizer, codebook_size=_codebook(space), steps=300), prior=prior)


def _parts(space: SearchSpace) -> Sequence[SearchSpace]:
    return space.spaces if isinstance(space, Product) else [space]


def _of_sequences(space: SearchSpace, config: TrainConfig) -> TrainConfig:
    """Long members have many tokens each, so fewer of them say as much; and each takes longer to draw."""
    cells = max(10_000, min(100_000, _TOKENS // space.max_nodes))
    batch = max(32, min(128, _BATCH_TOKENS // space.max_nodes))
    prior = replace(config.prior, width=48, layers=2, steps=3000, batch=batch, learning_rate=0.01)
    return replace(config, cells=cells, prior=prior)


def _codebook(space: SearchSpace) -> int:
    """Codes for a small space: twice as many as its nodes need, a power of two, so that none is short of one."""
    words = code_layout(space).contents or 64
    return min(MOST_CODES, max(128, 1 << (3 * words // 2).bit_length()))
