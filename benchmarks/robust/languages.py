"""Run folders and language models whose settings ask for more than their files hold: refused before it is taken."""

from __future__ import annotations

import copy
import json
import random
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.robust.attack import Attack, Found, Round
from benchmarks.robust.texts import tally
from benchmarks.robust.watching import Watched, watched_apart

_CODES, _LENGTH = 30, 2
_NUMBERS: tuple[object, ...] = (
    *(0, -1, 2, 1_000, 10**5, 10**6, 2**31, 10**9, 2**53, 10**18, 1e308, float("nan")),
    *(True, None, "x", [], {}, [10**9], [[1]], "9" * 5_000),
)


def model(folder: Path, family: str = "llama") -> Path:
    """A language model of a few thousand random weights, with its tokenizer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({"</s>": 0} | {letter: at + 1 for at, letter in enumerate(alphabet)}, []))
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>").save_pretrained(folder)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 128}
    more = {"intermediate_size": 32} if family == "llama" else {}
    config = AutoConfig.for_model(family, vocab_size=len(alphabet) + 1, **sizes, **more)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


def priors(folder: Path) -> dict[str, Path]:
    """Folders of trained priors by name: of codes, of a language model with adapters, of one that is trained whole."""
    import numpy as np

    from archllm.prior import PriorConfig, build_prior

    codes = np.random.default_rng(0).integers(_CODES, size=(60, _LENGTH))
    base = {"kind": "text", "base": str(model(folder / "base")), "rank": 2}
    settings: dict[str, dict[str, Any]] = {
        "codes": {"kind": "code", "width": 16, "layers": 1, "heads": 2},
        "adapters": base,
        "whole": base | {"tuning": "full", "base": str(model(folder / "gpt2", "gpt2"))},
    }
    found = {}
    for name, changes in settings.items():
        prior = build_prior(PriorConfig(steps=1, batch=8, **changes), _CODES, _LENGTH, ("params",), "space")
        prior.fit(codes, codes, 0, conditions=codes[:, :1], validation_conditions=codes[:, :1])
        prior.save(folder / name)
        found[name] = folder / name
    return found


def _use(folder: Path) -> None:
    """Loads a prior and draws from it."""
    import torch

    from archllm.prior import load_prior

    load_prior(folder, _CODES, _LENGTH).sample(3, generator=torch.Generator().manual_seed(0))


def _start(folder: Path) -> None:
    """Takes a language model as the base of a training."""
    from archllm.prior.text.pretrained import find_base

    find_base(str(folder)).load()


def changed(source: Path, target: Path, chance: random.Random) -> str:
    """Copies a folder with one to three settings changed; which."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    path = chance.choice([path for path in sorted(target.rglob("*.json")) if path.stat().st_size < 10_000])
    about = json.loads(path.read_text())
    told = [path.relative_to(target).as_posix()]
    for _ in range(chance.choice([1, 1, 2, 3])):
        inside, key = chance.choice(list(_places(about)))
        inside[key] = copy.deepcopy(chance.choice(_NUMBERS))
        told.append(f"{key}={str(inside[key])[:20]}")
    path.write_text(json.dumps(about))
    return " ".join(told)


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in list(entries):
        yield data, key
        yield from _places(value)


def demanding(round_: Round) -> Found:
    """Loads so many priors and language models with settings that others made."""
    chance = random.Random(round_.seed)
    seeds = dict.fromkeys(priors(round_.folder).values(), _use)
    seeds |= {round_.folder / "base": _start, round_.folder / "gpt2": _start}
    for path, use in seeds.items():
        use(path)  # imports all that the copies of this process need
    target, told = round_.folder / "changed", ""

    def calls() -> Iterator[Any]:
        nonlocal told
        for _ in range(round_.count):
            path = chance.choice(list(seeds))
            told = f"{path.name}: {changed(path, target, chance)}"
            yield partial(seeds[path], target)

    def watch(call: Any) -> Watched:
        found = watched_apart(call)
        return Watched(found.outcome, f"{told}: {found.message}", found.seconds, found.megabytes)

    return tally("settings", calls(), watch)


ATTACKS = {"languages": Attack("hostile", "language models and priors that ask for much", demanding, 400, 1, 30)}
