"""Three tokenizers against each other where sequences are long, or where a corpus of good members is learned.

`python -m benchmarks.large_spaces` trains the same small language model over the codes of each tokenizer, for the same
CPU seconds, and draws from it. Part `uniform`: members of large spaces; part `corpus`: the best twentieth of a table's
members, learned by a model that knows the space; part `good`: the best twentieth of members by a training-free score;
part `few`: some hundred or thousand uniform members; part `ablation`: what learned codes see, and how many there are;
part `published`: all scored members of ENAS' space, as variational autoencoders were measured on them; part
`recommended`: large spaces with the settings that `archllm train` takes; part `built`: members of large spaces as
networks. Writes `docs/results/large_spaces.json` and `.md`.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from benchmarks.good_members import SCORED, read_scored, scored_members, truly_best
from benchmarks.harness.jobs import Benchmark, Job, Work, peak, seeds
from benchmarks.harness.results import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from archllm.generation.config import TrainConfig
    from archllm.generation.generator import ArchLLM
    from archllm.graphs import Graphs
    from archllm.spaces import SearchSpace
    from archllm.tokenizer.config import Kind
    from archllm.training.progress import Event

TOKENIZERS = ("plain", "merges", "vq")
"""Kinds of tokenizers; `marginals` are plain tokens, each drawn by itself, `alone` those of a corpus without a model of
the space to begin with."""

UNIFORM = ("enas12", "interleaving", "conv-grammar", "hierarchical-nasbench201")
CORPORA = ("nasbench101", "enas6")
RECOMMENDED = (*UNIFORM, "nasnet")
"""Spaces that are learned with the recommended settings, too."""

TRIED = {"conv-grammar": ("merges", "plain"), "interleaving": ("merges", "plain")}
"""Spaces that are learned with these settings and each of these tokenizers, to tell which is to be recommended."""

BUILT = (*RECOMMENDED, "ofa-mobilenetv3")
"""Spaces of whose members networks are built and run."""

BUILDS = 1_000
"""Members that are built."""

CHECKED = 2_000
"""Different members that are asked of a model with recommended settings, checked one and all."""

GOOD = tuple(SCORED)
"""Spaces whose best members are found by a training-free score."""

FEW_SPACE, FEW = "conv-grammar", (500, 5_000)
"""A space of which few members are learned, and how many these are."""

FEW_SECONDS = 20.0
"""CPU seconds of their language models, which soon know them by heart."""

FRESH = 2_000
"""Other members whose likelihood is measured then: those that are held out are too few."""

ABLATED = "nasbench101"
"""Space whose corpus is learned by other learned codes."""

CHANGES: dict[str, dict[str, Any]] = {
    "a code sees earlier nodes": {"context": "causal"},
    "a code sees the whole cell": {"context": "full"},
    "128 codes": {"codebook_size": 128},
    "three codes a cell": {"code_length": 3},
    "codes made predictable": {"predictability": 0.1},
}
"""Changes of the tokenizer, one at a time; by default a code sees its node and the links into it."""

BEST = 0.05
"""Share of a table's members that is a corpus."""

GOOD_SPLIT = 0.8
"""Share of a small corpus that is learned: the others are to tell how likely they are."""

DRAWS = 2_000
MANY_DRAWS = 20_000
"""Draws that tell how many are among the best: few of them are in the table."""

FEWEST = 20
"""New members with a score from which their share among the best is estimated."""

FINE_TUNING = 600
"""Most steps of learning a corpus."""

SETTLING = 30
"""Steps that tell how long one takes."""

PUBLISHED = 19_020
"""Members that published autoencoders of ENAS' space were trained on and tested with."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=60.0, help="CPU seconds of training of each language model")
    parser.add_argument("--scoring", type=float, default=300.0, help="CPU seconds of scoring members of each space")
    seeds(parser, range(3), "training seeds")


def jobs(arguments: argparse.Namespace) -> dict[str, Job]:
    """Which part, space, tokenizer and seed; all of the first seed come first."""
    found: dict[str, Job] = {}
    for seed in arguments.seeds:
        for part, spaces in (("corpus", CORPORA), ("published", ("enas6",)), ("uniform", UNIFORM)):
            for space in spaces:
                for tokenizer in (*TOKENIZERS, "marginals"):
                    job = {"part": part, "space": space, "tokenizer": tokenizer, "seconds": arguments.seconds}
                    found[f"{part}-{space}-{tokenizer}-{seed}"] = job | {"seed": seed}
        for space in CORPORA:
            job = {"part": "corpus", "space": space, "tokenizer": "alone", "seconds": arguments.seconds}
            found[f"corpus-{space}-alone-{seed}"] = job | {"seed": seed}
        for space in GOOD:
            for tokenizer in (*TOKENIZERS, "marginals", "alone"):
                job = {"part": "good", "space": space, "tokenizer": tokenizer, "seconds": arguments.seconds}
                found[f"good-{space}-{tokenizer}-{seed}"] = job | {"scoring": arguments.scoring, "seed": seed}
        for members in FEW:
            for tokenizer in (*TOKENIZERS, "marginals"):
                job = {"part": "few", "space": FEW_SPACE, "tokenizer": tokenizer, "members": members}
                found[f"few-{members}-{tokenizer}-{seed}"] = job | {"seconds": FEW_SECONDS, "seed": seed}
        for change in CHANGES:
            job = {"part": "ablation", "space": ABLATED, "tokenizer": "vq", "change": change}
            name = "-".join(change.split())
            found[f"ablation-{name}-{seed}"] = job | {"seconds": arguments.seconds, "seed": seed}
        for space, tokenizers in TRIED.items():
            for tokenizer in tokenizers:
                job = {"part": "settings", "space": space, "tokenizer": tokenizer, "seed": seed}
                found[f"settings-{space}-{tokenizer}-{seed}"] = job
        for space in BUILT:
            found[f"built-{space}-{seed}"] = {"part": "built", "space": space, "seed": seed}
        for space in RECOMMENDED:
            found[f"recommended-{space}-{seed}"] = {"part": "recommended", "space": space, "seed": seed}
    return found


def scoring(arguments: argparse.Namespace) -> dict[str, Job]:
    """What scores members of the spaces that chosen jobs learn the best of."""
    chosen = {name: job for name, job in jobs(arguments).items() if name.startswith(tuple(arguments.only))}
    spaces = dict.fromkeys(job["space"] for job in chosen.values() if job["part"] == "good")
    return {
        f"scores-{space}": {"part": "scores", "space": space, "seconds": arguments.scoring, "seed": 0}
        for space in spaces
    }


def prepare(job: Job, arguments: argparse.Namespace) -> Work:
    """Loads the space and, for a corpus, the table."""
    import archllm

    space = archllm.load_space(job["space"])
    if job["part"] == "scores":
        return lambda: scored_members(space, job["seconds"], job["seed"])
    if job["part"] == "built":
        return lambda: _built(space, job["seed"])
    if job["part"] in ("recommended", "settings"):
        return lambda: _recommended(space, job["seed"], job.get("tokenizer", ""))
    config = settings(space, job["tokenizer"])
    if job["part"] == "uniform":
        return lambda: _learned(space, config, job)
    if job["part"] == "few":
        config = replace(config, cells=job["members"], prior=replace(config.prior, validation=0.1))
        return lambda: _learned(space, config, job, FRESH)
    if job["part"] == "good":
        return _of_the_best(space, config, job, arguments.folder)
    if job["part"] == "ablation":
        config = replace(config, tokenizer=replace(config.tokenizer, **CHANGES[job["change"]]))
    graphs, scores = scored(job["space"])
    if job["part"] == "published":
        chosen = np.random.default_rng(0).permutation(len(graphs))[:PUBLISHED]
        return lambda: _corpus(space, config, job, graphs[chosen], (1_000, 10_000))
    best = scores >= np.quantile(scores, 1 - BEST)

    def work() -> Result:
        return _corpus(space, config, job, graphs[best], (DRAWS,), lambda model: _best(model, space.keys(graphs), best))

    return work


def _of_the_best(space: SearchSpace, config: TrainConfig, job: Job, folder: Path) -> Work:
    """Learns the best of the members that were scored."""
    graphs, scores, seconds_each = read_scored(folder, space)
    threshold = float(np.quantile(scores, 1 - BEST))
    corpus, about = graphs[scores >= threshold], {"scored": len(scores), "seconds_each": seconds_each}
    config = replace(config, split=GOOD_SPLIT)

    def work() -> Result:
        found = _corpus(space, config, job, corpus, (DRAWS,), lambda model: truly_best(model, threshold, DRAWS))
        return found | {"corpus": len(corpus)} | about

    return work


def settings(space: SearchSpace, tokenizer: str) -> TrainConfig:
    """The same language model for all tokenizers; of these, what is recommended for the space."""
    from archllm.generation.recommended import recommended

    config = recommended(space)
    kind = cast("Kind", tokenizer if tokenizer in TOKENIZERS else "plain")
    prior = replace(
        config.prior,
        kind="marginal" if tokenizer == "marginals" else "code",
        width=64,
        layers=2,
        batch=128,
        learning_rate=3e-3,
        dropout=0.0,
        validation=0.02,
        unigram_init=False,
        keep="best",
    )
    return replace(
        config, cells=min(100_000, config.cells), tokenizer=replace(config.tokenizer, kind=kind), prior=prior
    )


def scored(space: str) -> tuple[Graphs, NDArray[np.float64]]:
    """`n` different members with a score, and their scores."""
    import archllm
    from archllm.objectives.tables.delimited import read_delimited

    folder = Path(os.environ["ARCHLLM_DATA"])
    own = archllm.load_space(space)
    if space == "nasbench101":
        table = read_delimited(folder / "nasbench101_sample.csv.gz", own, {})
        return table.graphs, table.column("cifar10.valid@108")
    with gzip.open(folder / "enas6.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    graphs = own.parse_batch([row["arch"] for row in rows])
    _, first = np.unique(own.keys(graphs), return_index=True)
    return graphs[first], np.array([float(rows[at]["accuracy"]) for at in first])


def _learned(space: SearchSpace, config: TrainConfig, job: Job, fresh: int = 0) -> Result:
    """A model of uniform members; so many others tell how likely members are, where few are held out."""
    model, spent = trained(space, config, job)
    found = _measured(model, (DRAWS,)) | spent
    if not fresh:
        return found
    others = model.tokenizer.encode(space.normalise(space.sample(fresh, np.random.default_rng([job["seed"], 9]))))
    return found | {"nats": float(-model.prior.log_prob(others).mean())}


def _recommended(space: SearchSpace, seed: int, tokenizer: str = "") -> Result:
    """A model of uniform members as `archllm train` makes it, or with another tokenizer."""
    import archllm
    from archllm.generation.recommended import recommended

    config, start = recommended(space), time.process_time()
    if tokenizer:
        config = replace(config, tokenizer=replace(config.tokenizer, kind=cast("Kind", tokenizer)))
    model = archllm.train(space, config, seed, progress=False)
    spent = {"train_cpu_seconds": time.process_time() - start}
    start = time.process_time()
    checked = len(model.generate(CHECKED))
    spent["checked_per_cpu_second"] = checked / (time.process_time() - start)
    return _measured(model, (DRAWS,)) | spent | {"kind": model.config.tokenizer.kind}


def _built(space: SearchSpace, seed: int) -> Result:
    """Networks of random members, built with the small setting of candidates and run on two images."""
    import torch

    from archllm.errors import ArchLLMError
    from archllm.training.randomness import torch_seeded

    start, right, why = time.process_time(), 0, ""
    setting = dict(space.require_networks().small) | {"num_classes": 10}
    for arch in space.architectures(space.sample(BUILDS, np.random.default_rng(seed))):
        size = setting.get("image_size", 32)
        try:
            with torch_seeded(seed), torch.no_grad():
                logits = arch.build(**setting).eval()(torch.randn(2, 3, size, size))
        except (ArchLLMError, RuntimeError, ValueError, TypeError, AttributeError, IndexError) as error:
            why = why or f"{arch.text}: {error}"
            continue
        right += logits.shape == (2, 10) and bool(logits.isfinite().all())
    spent = (time.process_time() - start) / BUILDS
    return {"built": BUILDS, "right": right, "seconds_each": spent, "why": why}


def _corpus(
    space: SearchSpace,
    config: TrainConfig,
    job: Job,
    corpus: Graphs,
    draws: tuple[int, ...],
    judge: Callable[[ArchLLM], Result] | None = None,
) -> Result:
    """A model of the space that goes on learning from a corpus."""
    import archllm
    from archllm.generation.recommended import recommended_for_corpus

    with TemporaryDirectory() as folder:
        path, base = Path(folder) / "corpus.txt", str(Path(folder) / "base")
        path.write_text("\n".join(text for text in space.format(corpus) if text) + "\n")
        if job["tokenizer"] == "marginals":
            start = time.process_time()
            model = archllm.train(space, replace(config, corpus=str(path)), job["seed"], progress=False)
            spent = {"prior_cpu_seconds": time.process_time() - start}
        elif job["tokenizer"] == "alone":
            start = time.process_time()
            learning = recommended_for_corpus(config, str(path))
            model = archllm.train(space, learning, job["seed"], progress=False)
            spent = {"corpus_cpu_seconds": time.process_time() - start}
        else:
            _, spent = trained(space, config, job, Path(base))
            start = time.process_time()
            learning = recommended_for_corpus(config, str(path), base)
            learning = replace(learning, prior=replace(learning.prior, steps=FINE_TUNING))
            model = archllm.train(space, learning, job["seed"], progress=False)
            spent["corpus_cpu_seconds"] = time.process_time() - start
    found = _measured(model, draws) | spent
    return found if judge is None else found | {"best": judge(model)}


def trained(space: SearchSpace, config: TrainConfig, job: Job, out: Path | None = None) -> tuple[ArchLLM, Result]:
    """A model whose prior is trained for so many CPU seconds, as its first steps tell, and what that took."""
    import archllm

    if config.prior.kind == "code":
        steps = max(100, round(job["seconds"] / _seconds_a_step(space, config)))
        config = replace(config, prior=replace(config.prior, steps=steps))
    start = time.process_time()
    model = archllm.train(space, config, job["seed"], out=out, progress=False)
    return model, {"train_cpu_seconds": time.process_time() - start, "steps": config.prior.steps}


def _seconds_a_step(space: SearchSpace, config: TrainConfig) -> float:
    """CPU seconds that a step of the language model takes, behind a tokenizer that has hardly learned."""
    import archllm

    times: list[tuple[int, float]] = []

    def listen(event: Event) -> None:
        if event.stage == "prior":
            times.append((event.step, time.process_time()))

    tokenizer = replace(config.tokenizer, steps=1)
    brief = replace(config, cells=20_000, tokenizer=tokenizer, prior=replace(config.prior, steps=SETTLING))
    archllm.train(space, brief, 0, progress=listen)
    (first, began), (last, ended) = times[0], times[-1]
    return max(ended - began, 1e-3) / max(last - first, 1)


def _measured(model: ArchLLM, draws: tuple[int, ...]) -> Result:
    """What the tokenizer gives back, how likely held-out members are, and how good raw draws are."""
    import torch

    held_out = model.tokenizer.encode(model.cells.held_out[:5_000])
    end = model.tokenizer.end
    tokens = (held_out != end).sum(1) + 1 if end is not None else np.full(len(held_out), held_out.shape[1])
    quality: dict[str, Any] = {}
    for n in draws:
        found = model.evaluate(n, [model.seed]).metrics
        quality[str(n)] = {name: metric.mean for name, metric in found.items()}
    generator, start = torch.Generator().manual_seed(1), time.process_time()
    model.draw(DRAWS, 1.0, generator)
    return {
        "reconstruction": model.report["reconstruction"],
        "nats": model.report["held_out_nats"],
        "held_out": len(model.cells.held_out),
        "ideal_nats": model.space.ideal_nats,
        "tokens": float(np.minimum(tokens, held_out.shape[1]).mean()),
        "vocabulary": model.tokenizer.codebook_size,
        "parameters": model.report["parameters"],
        "draws": quality,
        "draws_per_cpu_second": DRAWS / max(time.process_time() - start, 1e-9),
        "memory": peak(),
    }


def _best(model: ArchLLM, keys: NDArray[np.int64], best: NDArray[np.bool_]) -> Result:
    """How many of the new members that are drawn are among the best of the whole space.

    Few members have a score, a uniform sample of the space; and most of the best scored ones were trained on. So a new
    scored draw counts for as many as it stands for (Horvitz and Thompson, 1952): let the space have N members, the
    table n, b of them best, t trained on. Of the (b / n) N - t best members that are new, b - t have a score; of the
    others, n - b of (1 - b / n) N. A best draw weighs the inverse of the first share, another that of the second.
    """
    import torch

    space = model.space
    generator = torch.Generator().manual_seed(2)
    graphs = model.draw(MANY_DRAWS, 1.0, generator)[1]
    drawn = np.unique(space.keys(graphs[space.validate(graphs)]))
    new = drawn[~np.isin(drawn, model.training_keys)]
    order = np.argsort(keys)
    at = np.minimum(np.searchsorted(keys[order], new), len(keys) - 1)
    known = keys[order][at] == new
    good = best[order][at[known]]
    n, b, t = len(keys), int(best.sum()), int(np.isin(keys[best], model.training_keys).sum())
    of_best, of_others = (b - t) / (b / n * space.size - t), (n - b) / ((1 - b / n) * space.size)
    expected = good.sum() / of_best, (~good).sum() / of_others
    share = float(expected[0] / sum(expected)) if known.sum() >= FEWEST else None
    return {"new": len(new), "scored": int(known.sum()), "good": int(good.sum()), "share": share}


BENCHMARK = Benchmark("large_spaces", __doc__, jobs, prepare, add_arguments, scoring)

if __name__ == "__main__":
    BENCHMARK.main()
