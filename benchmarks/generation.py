"""Quality and speed of generation: all spaces, all baselines, ablations, small data.

`python -m benchmarks.generation` runs every job that has no file in `--folder` yet, each in a process of its own on
one thread, and writes `docs/results/generation.json` and `.md` from the files.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import ROOT, provenance, run_all, write_json

SPACES = ("nasbench101", "nasbench201", "darts")
METHODS = ("vq", "plain", "marginal", "vae", "uniform")
DRAWS = (1_000, 10_000)
TEMPERATURES = (0.6, 0.8, 0.9, 1.0, 1.1, 1.2)

Job = dict[str, Any]


def jobs(seeds: list[int]) -> dict[str, Job]:
    """All jobs by name: which part of the page they serve, and what to train with which settings."""
    found: dict[str, Job] = {"speed": {"part": "speed"}}
    for seed in seeds:
        for space in SPACES:
            for method in METHODS:
                found[f"main-{space}-{method}-{seed}"] = {
                    "part": "main",
                    "space": space,
                    "method": method,
                    "seed": seed,
                    "sweep": method == "vq" and seed == seeds[0],
                }
        for space, split in (("nasbench101", 0.01), ("nasbench201", 0.1)):
            for name, method, train in SMALL_DATA:
                if space == "nasbench201" and train.get("orders"):
                    continue  # a NAS-Bench-201 cell has one node order only
                found[f"small-{space}-{name}-{seed}"] = {
                    "part": "small",
                    "space": space,
                    "method": method,
                    "seed": seed,
                    "train": {"split": split} | train,
                    "variant": name,
                }
    for space in ("nasbench101", "nasbench201"):
        for name, changes in ABLATIONS.items():
            if name in NOT_ON[space]:
                continue
            found[f"ablation-{space}-{name}-{seeds[0]}"] = {
                "part": "ablation",
                "space": space,
                "method": "vq",
                "seed": seeds[0],
                "train": SHORT[space] | {k: SHORT[space].get(k, {}) | v for k, v in changes.items()},
                "variant": name,
            }
    for name, changes in DARTS_TRIALS.items():
        found[f"ablation-darts-{name}-{seeds[0]}"] = {
            "part": "ablation",
            "space": "darts",
            "method": "vq",
            "seed": seeds[0],
            "train": changes,
            "variant": name,
        }
    return dict(sorted(found.items(), key=lambda job: _rank(job[1], seeds[0])))


def _rank(job: Job, first_seed: int) -> tuple[int, int]:
    """Cheap and telling jobs first, so that a run that is cut short leaves a page worth reading."""
    seed, space = job.get("seed", first_seed), job.get("space", "")
    if job["part"] == "speed":
        return 0, seed
    if seed == first_seed:
        return {"main": 1, "small": 2, "ablation": 4 if space == "nasbench201" else 5}[job["part"]], seed
    if job["part"] == "main" and (space == "nasbench201" or (space == "nasbench101" and job["method"] == "vq")):
        return 3, seed
    return 6 if job.get("method") == "vq" else 7, seed


SMALL_DATA: list[tuple[str, str, dict[str, Any]]] = [
    ("vq", "vq", {}),
    ("vq-32-orders", "vq", {"orders": 32}),
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
    "one-target": {"prior": {"soft_targets": False}},
    "no-warm-up": {"tokenizer": {"warm_up": 0.0}},
}

_16_CODES = {"code_length": 16, "codebook_size": 128, "steps": 500}

FROM_NOTHING: dict[str, Any] = {"marginals": False, "steps": 5000}
"""A prior on DARTS that has to learn the marginals, too."""

DARTS_TRIALS: dict[str, dict[str, dict[str, Any]]] = {  # the reference is in the main part
    "from-nothing": {"prior": FROM_NOTHING},
    "2500-steps": {"prior": FROM_NOTHING | {"steps": 2500}},
    "short-tokenizer": {"tokenizer": {"steps": 1000}, "prior": FROM_NOTHING},
    "16-codes": {"tokenizer": _16_CODES, "prior": FROM_NOTHING | {"steps": 2500}},
    "16-codes-5000-steps": {"tokenizer": _16_CODES, "prior": FROM_NOTHING},
    "16-codes-large-batch": {"tokenizer": _16_CODES, "prior": FROM_NOTHING | {"steps": 1250, "batch": 1024}},
}

NOT_ON = {  # what is the reference there, or can't be exact by far
    "nasbench101": {"codebook-32", "codebook-64", "codebook-512", "length-2", "length-6"},
    "nasbench201": {"codebook-128", "length-3"},
}


def run_job(job: Job) -> dict[str, Any]:
    """Does one job and returns all that it measured."""
    import torch

    torch.set_num_threads(1)
    start, made_by = time.perf_counter(), provenance()
    result = speed() if job["part"] == "speed" else quality(job)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return job | result | {"seconds_in_all": time.perf_counter() - start, "peak_gb": peak} | made_by


def quality(job: Job) -> dict[str, Any]:
    """Trains one method and measures its raw draws."""
    from archllm import load_space

    space = load_space(job["space"])
    if job["method"] == "uniform":
        return _uniform(space, job["seed"])
    if job["method"] == "vae":
        return _vae(space, job["seed"])
    return _model(space, job)


def _model(space: Any, job: Job) -> dict[str, Any]:
    from archllm import train
    from archllm.generation.config import TrainConfig
    from archllm.generation.recommended import recommended

    changes = dict(job.get("train", {}))
    config = TrainConfig.from_mapping(changes, default=recommended(space, changes.get("split", 0.9)))
    if job["method"] == "plain":
        prior = replace(config.prior, **FROM_NOTHING) if config.prior.marginals else config.prior
        config = replace(config, tokenizer=replace(config.tokenizer, kind="plain"), prior=prior)  # words do depend
    if job["method"] == "marginal":
        config = replace(config, prior=replace(config.prior, kind="marginal"))
    model = train(space, config, job["seed"])
    draws = {}
    for n in DRAWS:
        evaluation = model.evaluate(n, seeds=[job["seed"]])
        draws[str(n)] = {name: figure.mean for name, figure in evaluation.metrics.items()}
    sweep = {}
    for temperature in TEMPERATURES if job.get("sweep") else ():
        evaluation = model.evaluate(DRAWS[-1], seeds=[job["seed"]], temperature=temperature)
        sweep[str(temperature)] = {name: figure.mean for name, figure in evaluation.metrics.items()}
    result = {"report": model.report, "draws": draws, "sweep": sweep, "ceilings": _ceilings(space, model.training_keys)}
    return result | ({"rate": _rate(model)} if job.get("sweep") else {})


def _rate(model: Any) -> dict[str, float]:
    """Distinct valid cells per second, drawing, decoding, checking and keys included."""
    model.sample(100)
    samples = [model.sample(10_000, seed=seed) for seed in range(5)]
    rates = [sample.kept / sample.seconds for sample in samples]
    return {"mean": float(np.mean(rates)), "std": float(np.std(rates, ddof=1)), "best": float(np.max(rates))}


def _vae(space: Any, seed: int) -> dict[str, Any]:
    import torch

    from archllm.baselines import GraphVAE, recommended_vae
    from archllm.data.split import known, split_cells
    from archllm.generation.metrics import Tally
    from archllm.generation.recommended import recommended

    config = recommended(space)
    cells = split_cells(space, config.split, config.cells, seed)
    keys = known(space, cells.train)
    start = time.perf_counter()
    vae = GraphVAE(space, recommended_vae(space)).fit(cells.train, seed)
    seconds = time.perf_counter() - start
    draws, sampled = {}, {}
    for n in DRAWS:
        graphs = vae.sample(n, generator=torch.Generator().manual_seed(seed))
        draws[str(n)] = Tally(space, keys).add(graphs, None).metrics()
        graphs = vae.sample_decoder(n, generator=torch.Generator().manual_seed(seed))
        sampled[str(n)] = Tally(space, keys).add(graphs, None).metrics()
    held_out = cells.held_out[:20_000]
    report = {
        "reconstruction": vae.reconstruction(held_out),
        "held_out_nats": vae.elbo_nats(held_out[:2_000], samples=64, seed=seed),
        "ideal_nats": space.ideal_nats,
        "seconds": {"vae": seconds},
        "parameters": {"vae": vae.parameters()},
    }
    return {"report": report, "draws": draws, "draws_of_sampled_decoder": sampled, "ceilings": _ceilings(space, keys)}


def _uniform(space: Any, seed: int) -> dict[str, Any]:
    from archllm.data.split import known, split_cells
    from archllm.generation.metrics import Tally
    from archllm.generation.recommended import recommended

    config = recommended(space)
    keys = known(space, split_cells(space, config.split, config.cells, seed).train)
    rng = np.random.default_rng([seed, 99])
    draws = {str(n): Tally(space, keys).add(space.sample(n, rng), None).metrics() for n in DRAWS}
    report = {"held_out_nats": space.ideal_nats, "ideal_nats": space.ideal_nats}
    return {"report": report, "draws": draws, "ceilings": _ceilings(space, keys)}


def _ceilings(space: Any, keys: Any) -> dict[str, dict[str, float]]:
    from archllm.generation.metrics import expected_metrics

    return {str(n): expected_metrics(space, n, len(keys)) for n in DRAWS}


def speed() -> dict[str, Any]:
    """Enumeration and canonical keys of NAS-Bench-101, best of three."""
    from archllm.spaces.nasbench101.space import NASBench101

    def best(action: Any) -> float:
        times = []
        for _ in range(3):
            start = time.perf_counter()
            action()
            times.append(time.perf_counter() - start)
        return min(times)

    enumerate_seconds = best(lambda: NASBench101().enumerate())
    space = NASBench101()
    cells = space.enumerate()
    relabelled = space.relabel(cells, np.random.default_rng(0))
    return {
        "enumerate_seconds": enumerate_seconds,
        "keys_seconds": best(lambda: space.keys(cells)),
        "keys_of_relabelled_seconds": best(lambda: space.keys(relabelled)),
    }


def main() -> None:
    """Runs jobs, or one job, and writes the results page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="training seeds")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "benchmark-generation", help="where jobs write")
    parser.add_argument("--workers", type=int, default=2, help="jobs at a time, one thread each")
    parser.add_argument("--only", nargs="*", default=[""], help="only jobs whose name starts so")
    parser.add_argument("--job", help="run this one job and write its file")
    parser.add_argument("--page", action="store_true", help="write the page from the files that are there, run nothing")
    arguments = parser.parse_args()
    all_jobs = jobs(arguments.seeds)
    if arguments.job:
        result = run_job(all_jobs[arguments.job])
        write_json(arguments.folder / f"{arguments.job}.json", result)
        return
    names = [name for name in all_jobs if any(name.startswith(prefix) for prefix in arguments.only)]
    if not arguments.page:
        run_all("benchmarks.generation", names, arguments.folder, arguments.workers)
    from benchmarks.generation_page import write_page

    files = [arguments.folder / f"{name}.json" for name in all_jobs]
    write_page([json.loads(path.read_text()) for path in files if path.exists()], ROOT / "docs" / "results")


if __name__ == "__main__":
    main()
