"""Quality and speed of generation: the built-in spaces, baselines, ablations, few training cells.

`python -m benchmarks.generation` trains every method on every space with several seeds, and measures raw draws.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.harness.jobs import Benchmark, Job, Work, seeds
from benchmarks.harness.results import Result
from benchmarks.harness.tables import mean_std

if TYPE_CHECKING:
    import torch

    from archllm import ArchLLM
    from archllm.baselines import GraphVAE
    from archllm.generation.config import TrainConfig
    from archllm.generation.generator import Quality
    from archllm.graphs import Graphs
    from archllm.spaces import SearchSpace

SPACES = ("nasbench101", "nasbench201", "darts")
METHODS = ("vq", "plain", "marginal", "vae", "uniform")
DRAWS = (1_000, 10_000)
TEMPERATURES = (0.6, 0.8, 0.9, 1.0, 1.1, 1.2)

SMALL_DATA: list[tuple[str, str, dict[str, Any]]] = [
    ("vq", "vq", {}),
    ("vq-32-permutations", "vq", {"permutations": 32}),
    ("plain", "plain", {}),
]

SHORT: dict[str, dict[str, dict[str, Any]]] = {  # budgets of the ablation
    "nasbench201": {},
    "nasbench101": {"prior": {"steps": 300}},
}

ABLATIONS: dict[str, dict[str, dict[str, Any]]] = {
    "reference": {},
    "codebook-32": {"tokenizer": {"codebook_size": 32}},
    "codebook-64": {"tokenizer": {"codebook_size": 64}},
    "codebook-128": {"tokenizer": {"codebook_size": 128}},
    "codebook-256": {"tokenizer": {"codebook_size": 256}},
    "codebook-512": {"tokenizer": {"codebook_size": 512}},
    "fsq-512": {"tokenizer": {"quantizer": "fsq", "codebook_size": 512}},
    "simvq-512": {"tokenizer": {"quantizer": "simvq", "codebook_size": 512}},
    "causal-context": {"tokenizer": {"context": "causal", "codebook_size": 512}},
    "causal-predictable": {"tokenizer": {"context": "causal", "codebook_size": 512, "predictability": 0.1}},
    "full-context": {"tokenizer": {"context": "full", "codebook_size": 512}},
    "full-predictable": {"tokenizer": {"context": "full", "codebook_size": 512, "predictability": 0.1}},
    "length-2": {"tokenizer": {"code_length": 2, "codebook_size": 512}},
    "length-3": {"tokenizer": {"code_length": 3, "codebook_size": 4096}},
    "length-6": {"tokenizer": {"code_length": 6}},
    "one-hot-targets": {"prior": {"soft_targets": False}},
    "no-codebook-warm-up": {"tokenizer": {"warm_up": 0.0}},
}

_16_CODES = {"code_length": 16, "codebook_size": 128, "steps": 500}

NO_OUTPUT_BIAS: dict[str, Any] = {"unigram_init": False, "steps": 5000}
"""A prior on DARTS without output-bias (unigram) initialisation: it has to learn the marginals, too."""

DARTS_TRIALS: dict[str, dict[str, dict[str, Any]]] = {  # the reference is in the main part
    "no-output-bias": {"prior": NO_OUTPUT_BIAS},
    "2500-steps": {"prior": NO_OUTPUT_BIAS | {"steps": 2500}},
    "short-tokenizer": {"tokenizer": {"steps": 1000}, "prior": NO_OUTPUT_BIAS},
    "16-codes": {"tokenizer": _16_CODES, "prior": NO_OUTPUT_BIAS | {"steps": 2500}},
    "16-codes-5000-steps": {"tokenizer": _16_CODES, "prior": NO_OUTPUT_BIAS},
    "16-codes-large-batch": {"tokenizer": _16_CODES, "prior": NO_OUTPUT_BIAS | {"steps": 1250, "batch": 1024}},
}

NOT_ON = {  # what is the reference there, or can't be exact by far
    "nasbench101": {"codebook-32", "codebook-64", "codebook-512", "length-2", "length-6"},
    "nasbench201": {"codebook-128", "length-3"},
}

REPEATS = 3
"""How often each action is timed; the fastest counts."""

DECODED = ("vq", "vae")
"""Methods whose speed of batch decoding is compared."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    seeds(parser, range(3), "seeds of split, weights and draws")


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """Which part of the page a job serves, and what to train with which settings."""
    found: dict[str, Job] = {"speed": {"part": "speed"}}
    first = arguments.seeds[0]
    for seed in arguments.seeds:
        for space in SPACES:
            for method in METHODS:
                job = {"part": "main", "space": space, "method": method, "seed": seed}
                found[f"main-{space}-{method}-{seed}"] = job | {"sweep": method == "vq" and seed == first}
        for space, split in (("nasbench101", 0.01), ("nasbench201", 0.1)):
            for name, method, train in SMALL_DATA:
                if space == "nasbench201" and train.get("permutations"):
                    continue  # a NAS-Bench-201 cell has one node permutation only
                job = {"part": "small", "space": space, "method": method, "seed": seed, "variant": name}
                found[f"small-{space}-{name}-{seed}"] = job | {"train": {"split": split} | train}
    for space in ("nasbench101", "nasbench201"):
        for name, changes in ABLATIONS.items():
            if name not in NOT_ON[space]:
                train = SHORT[space] | {k: SHORT[space].get(k, {}) | v for k, v in changes.items()}
                found[f"ablation-{space}-{name}-{first}"] = _variant(space, name, train, first)
    for name, changes in DARTS_TRIALS.items():
        found[f"ablation-darts-{name}-{first}"] = _variant("darts", name, changes, first)
    for space in SPACES[:2]:
        for method in DECODED:
            found[f"decoding-{space}-{method}"] = {"part": "decoding", "space": space, "method": method, "seed": first}
    return dict(sorted(found.items(), key=lambda job: _rank(job[1], first)))


def _variant(space: str, name: str, train: dict[str, Any], seed: int) -> Job:
    return {"part": "ablation", "space": space, "method": "vq", "seed": seed, "train": train, "variant": name}


def _rank(job: Job, first_seed: int) -> tuple[int, int]:
    """Cheap and telling jobs first, so that a run that is cut short leaves a page worth reading."""
    seed, space, part = job.get("seed", first_seed), job.get("space", ""), job["part"]
    if part == "speed":
        return 0, seed
    if seed == first_seed:
        return {"main": 1, "small": 2, "decoding": 3, "ablation": 5 if space == "nasbench201" else 6}[part], seed
    if part == "main" and (space == "nasbench201" or (space == "nasbench101" and job["method"] == "vq")):
        return 4, seed
    return 7 if job.get("method") == "vq" else 8, seed


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Builds the space, its split and the configuration of a job."""
    from archllm import load_space

    if job["part"] == "speed":
        return _speed()
    space, seed = load_space(job["space"]), job["seed"]
    if job["method"] == "uniform":
        return lambda: _uniform(space, seed)
    if job["method"] == "vae":
        train_vae = _vae(space, seed)
        if job["part"] == "decoding":
            return lambda: _decoding_of_vae(train_vae())
        return lambda: _quality_of_vae(space, seed, train_vae)
    config = config_of(space, job)
    if job["part"] == "decoding":
        return lambda: _decoding_of_model(space, config, seed)
    return lambda: _quality(space, config, job)


def config_of(space: SearchSpace, job: Job) -> TrainConfig:
    """What a job trains and how: the recommended settings, changed."""
    from archllm.generation.config import TrainConfig
    from archllm.generation.recommended import recommended

    changes = dict(job.get("train", {}))
    config = TrainConfig.from_mapping(changes, default=recommended(space, changes.get("split", 0.9)))
    if job["method"] == "plain":  # node tokens depend on each other, so their marginals are no start
        prior = replace(config.prior, **NO_OUTPUT_BIAS) if config.prior.unigram_init else config.prior
        config = replace(config, tokenizer=replace(config.tokenizer, kind="plain"), prior=prior)
    if job["method"] == "marginal":
        config = replace(config, prior=replace(config.prior, kind="marginal"))
    return config


def _quality(space: SearchSpace, config: TrainConfig, job: Job) -> Result:
    """Trains a tokenizer and a prior and measures their raw draws."""
    from archllm import train

    model, seed = train(space, config, job["seed"]), job["seed"]
    draws = {}
    for n in DRAWS:
        draws[str(n)] = _means(model.evaluate(n, seeds=[seed]))
    sweep = {}
    for temperature in TEMPERATURES if job.get("sweep") else ():
        sweep[str(temperature)] = _means(model.evaluate(DRAWS[-1], seeds=[seed], temperature=temperature))
    expected = _expected(space, model.training_keys)
    result = {"report": model.report, "draws": draws, "temperatures": sweep, "expected": expected}
    return result | ({"rate": _rate(model)} if job.get("sweep") else {})


def _means(quality: Quality) -> dict[str, float]:
    return {name: metric.mean for name, metric in quality.metrics.items()}


def _rate(model: ArchLLM) -> dict[str, float]:
    """Distinct valid cells per second, drawing, decoding, checking and keys included."""
    model.sample(100)
    samples = [model.sample(10_000, seed=seed) for seed in range(5)]
    rates = [sample.kept / sample.seconds for sample in samples]
    mean, std = mean_std(rates)
    return {"mean": mean, "std": std, "best": max(rates)}


def _vae(space: SearchSpace, seed: int) -> Callable[[], GraphVAE]:
    """The training of a VAE on the cells that a generator would be trained on."""
    from archllm.baselines import GraphVAE, recommended_vae

    train = _cells(space, seed).train
    return lambda: GraphVAE(space, recommended_vae(space)).fit(train, seed)


def _quality_of_vae(space: SearchSpace, seed: int, train_vae: Callable[[], GraphVAE]) -> Result:
    import torch

    from archllm.data.split import known
    from archllm.generation.metrics import Tally

    cells = _cells(space, seed)
    keys = known(space, cells.train)
    start = time.perf_counter()
    vae = train_vae()
    seconds = time.perf_counter() - start
    draws = {}
    for n in DRAWS:
        graphs = vae.sample(n, generator=torch.Generator().manual_seed(seed))
        draws[str(n)] = Tally(space, keys).add(graphs, None).metrics()
    report = {
        "reconstruction": vae.reconstruction(cells.held_out[:20_000]),
        "held_out_nats": vae.elbo_nats(cells.held_out[:2_000], samples=64, seed=seed),
        "ideal_nats": space.ideal_nats,
        "seconds": {"vae": seconds},
        "parameters": {"vae": vae.parameters()},
    }
    return {"report": report, "draws": draws, "expected": _expected(space, keys)}


def _uniform(space: SearchSpace, seed: int) -> Result:
    from archllm.data.split import known
    from archllm.generation.metrics import Tally

    keys = known(space, _cells(space, seed).train)
    rng = np.random.default_rng([seed, 99])
    draws = {str(n): Tally(space, keys).add(space.sample(n, rng), None).metrics() for n in DRAWS}
    report = {"held_out_nats": space.ideal_nats, "ideal_nats": space.ideal_nats}
    return {"report": report, "draws": draws, "expected": _expected(space, keys)}


def _decoding_of_model(space: SearchSpace, config: TrainConfig, seed: int) -> Result:
    """Raw draws, decoded but not checked, per CPU second; and distinct valid cells per second."""
    from archllm import train

    model = train(space, config, seed)
    return _decoding(space, lambda generator: model.draw(10_000, 1.0, generator)[1])


def _decoding_of_vae(vae: GraphVAE) -> Result:
    return _decoding(vae.space, lambda generator: vae.sample(10_000, generator=generator))


def _decoding(space: SearchSpace, draw: Callable[[torch.Generator], Graphs]) -> Result:
    import torch

    draw(torch.Generator().manual_seed(99))
    raw, distinct = [], []
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        start = time.process_time()
        graphs = draw(generator)
        middle = time.process_time()
        kept = len(np.unique(space.keys(graphs[space.validate(graphs)])))
        raw.append(len(graphs) / (middle - start))
        distinct.append(kept / (time.process_time() - start))
    return {"draws_per_second": raw, "distinct_valid_per_second": distinct}


def _cells(space: SearchSpace, seed: int) -> Any:
    from archllm.data.split import split_cells
    from archllm.generation.recommended import recommended

    config = recommended(space)
    return split_cells(space, config.split, config.cells, seed)


def _expected(space: SearchSpace, keys: Any) -> dict[str, dict[str, float]]:
    """Expected values under uniform sampling."""
    from archllm.generation.metrics import expected_metrics

    return {str(n): expected_metrics(space, n, len(keys)) for n in DRAWS}


def _speed() -> Work:
    """Enumeration and canonical keys of NAS-Bench-101, best of `REPEATS`, in CPU seconds."""
    from archllm import load_space

    space = load_space("nasbench101")
    kind: Any = type(space)
    anew = partial(kind, space.definition)  # a space keeps what it has enumerated
    cells = space.enumerate()
    permuted = space.permute(cells, np.random.default_rng(0))

    def best(action: Callable[[], Any]) -> float:
        times = []
        for _ in range(REPEATS):
            start = time.process_time()
            action()
            times.append(time.process_time() - start)
        return min(times)

    return lambda: {
        "enumerate_seconds": best(lambda: anew().enumerate()),
        "keys_seconds": best(lambda: space.keys(cells)),
        "keys_of_permuted_seconds": best(lambda: space.keys(permuted)),
    }


BENCHMARK = Benchmark("generation", __doc__, jobs, prepare, add_arguments)

if __name__ == "__main__":
    BENCHMARK.main()
