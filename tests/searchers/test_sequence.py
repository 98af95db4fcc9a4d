"""The search by sequences: what each ingredient does, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archllm
from archllm.cli import main
from archllm.errors import InvalidInput, RunFolderError
from archllm.generation.recommended import recommended
from archllm.objectives.evaluation import Evaluation, recorded_cost
from archllm.predictor import PredictorConfig
from archllm.predictor.computation import computes_nothing
from archllm.predictor.knowledge import Knowledge, Source
from archllm.prior.config import UNCONDITIONED
from archllm.searchers import sequence
from archllm.searchers.candidates import farthest_first
from archllm.searchers.domain import Domain
from archllm.searchers.fine_tuning import QUANTILES, SearchGenerator, performance_bins
from archllm.searchers.lower_fidelity import LowerFidelityScores
from archllm.searchers.registry import build_searcher
from archllm.searchers.sequence import SequenceSearch
from archllm.searchers.surrogate import known_from
from archllm.spaces import Architecture, SearchSpace
from archllm.training.loop import Schedule
from archllm.workflows.search import search

RNG = np.random.default_rng(0)

QUICK: dict[str, Any] = {"candidates": "drawn", "every": 6, "fine_tuning_steps": 5, "replay": 300, "draws": 100}


@pytest.fixture(scope="module")
def domain(nasbench201: SearchSpace) -> Domain:
    return Domain(nasbench201)


@pytest.fixture(scope="module")
def run(nasbench201: SearchSpace, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A generator that knows most of the space, trained for a few seconds."""
    config = recommended(nasbench201, split=0.2)
    config = replace(config, tokenizer=replace(config.tokenizer, steps=150), prior=replace(config.prior, steps=40))
    out = tmp_path_factory.mktemp("sequence") / "run"
    archllm.train(nasbench201, config, seed=0, out=out)
    return str(out)


def good(arch: Architecture) -> float:
    """A point for every skip, a third of one for every 3x3 convolution: 6 at most."""
    ops = arch.graph.ops[0, 1:-1]
    return float((ops == 2).sum() + 0.3 * (ops == 4).sum())


def searched(searcher: SequenceSearch, queries: int) -> list[float]:
    scores = []
    for _ in range(queries):
        (arch,) = searcher.ask(1)
        searcher.tell({arch: Evaluation((good(arch),))})
        scores.append(good(arch))
    return scores


def build(domain: Domain, run: str, seed: int = 3, **options: Any) -> SequenceSearch:
    found = build_searcher("sequence", domain, seed, run=run, **(QUICK | options))
    assert isinstance(found, SequenceSearch)
    return found


def test_it_finds_in_25_queries_what_takes_chance_hundreds(domain: Domain, run: str) -> None:
    scores = searched(build(domain, run), 25)
    assert max(scores) >= 4.3  # one in 200 cells is as good
    assert np.mean(scores[15:]) > np.mean(scores[:5]) + 1


@pytest.mark.parametrize(
    "options",
    [
        {"learn": False},
        {"labels": "observed"},
        {"predictor": "none", "labels": "observed"},
        {"predictor": "none", "learn": False},
        {"predictor": "ensemble", "replay": 50, "draws": 20},
        {"candidates": "all"},
        {"features": "embedding"},
        {"features": "free", "target": "log_regret"},
        {"features": "hand", "target": "score"},
        {"initial_design": "spread"},
        {"initial_design": "random", "parents": 0},
        {"spread": False},
        {"lower_fidelity": ("macs",), "shortlist": 3},
    ],
    ids=str,
)
def test_every_ingredient_can_be_left_out(
    domain: Domain, run: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequence, "PredictorConfig", partial(PredictorConfig, likelihood_steps=5))
    searcher = build(domain, run, **{"replay": 150, "draws": 50} | options)
    assert len(searched(searcher, 8)) == len(searcher.known) == 8
    assert len(set(searcher.ask(3))) == 3


def test_the_first_ones_are_large_and_far_apart(domain: Domain, run: str) -> None:
    params = domain.space.networks.params(domain.enumerate())
    large, far, any_ = (
        build(domain, run, initial_design=start, initial=8).ask(8) for start in ("large", "spread", "random")
    )
    limit = np.quantile(params, 0.75)
    assert all(arch.params > limit for arch in large)
    assert not all(arch.params > limit for arch in far) and not all(arch.params > limit for arch in any_)


def test_scores_of_another_task_come_first_and_reversed_ones_mislead_for_a_while_only(domain: Domain, run: str) -> None:
    space, cells = domain.space, domain.enumerate()[::3]
    scores = np.array([good(arch) for arch in space.architectures(cells)])
    told = build(domain, run)
    told.use(Knowledge(space, [Source("another", space, cells, scores + 0.1 * RNG.standard_normal(len(scores)))]))
    assert min(searched(told, 2)) >= np.quantile(scores, 0.99)
    misled = build(domain, run)
    misled.use(Knowledge(space, [Source("reversed", space, cells, -scores)]))
    found = searched(misled, 20)
    assert min(found[:2]) <= np.quantile(scores, 0.2) and max(found) >= np.quantile(scores, 0.99)


def test_the_shipped_prior_takes_part_in_the_initial_design(domain: Domain, run: str) -> None:
    (plain,), (informed,) = build(domain, run).ask(1), build(domain, run, prior="shipped").ask(1)
    assert plain != informed
    counts = (domain.enumerate().ops[:, 1:-1] == 4).sum(1)
    assert (informed.graph.ops == 4).sum() >= np.quantile(counts, 0.9)  # published scores like 3x3 convolutions


def test_a_member_that_computes_nothing_counts_as_the_worst_unless_told_otherwise(domain: Domain, run: str) -> None:
    silent = domain.enumerate()[computes_nothing(domain.space, domain.enumerate())]
    expected = {}
    for pseudo in (True, False):
        searcher = build(domain, run, pseudo_observation=pseudo, initial=2, exploration=0.0)
        searched(searcher, 6)
        known = known_from(searcher.evaluations, (), searcher._features, searcher._worst)
        bound = searcher._surrogates[0].merits(known, [searcher._features(silent[[0]])], RNG)
        expected[pseudo] = float(bound[0])
        assert len(searcher.known) == 6  # it is not evaluated
    assert expected[True] < expected[False]


def everything(searcher: SequenceSearch) -> Any:
    return searcher.domain.enumerate()[np.arange(searcher.domain.size or 0)]


def bounds(searcher: SequenceSearch, queries: int) -> Any:
    """What speaks for all members after so many evaluations, without exploration."""
    searched(searcher, queries)
    known = known_from(searcher.evaluations, (), searcher._features)
    return searcher._surrogates[0].merits(known, [searcher._features(everything(searcher))], RNG)


def test_ranks_and_scores_are_predicted_apart_and_averaged(domain: Domain, run: str) -> None:
    """The first ones are the same for all, so all have learned from the same."""
    both, *each = (
        bounds(build(domain, run, target=target, initial=6, exploration=0.0), 6)
        for target in ("rank+score", "rank", "score")
    )
    assert both == pytest.approx((each[0] + each[1]) / 2) and not np.allclose(*each)


def test_a_small_kernel_weight_of_the_embedding_leaves_the_word_to_training_free_features(
    domain: Domain, run: str
) -> None:
    alone, little, much = (
        bounds(build(domain, run, initial_design="random", initial=6, exploration=0.0, **options), 6)
        for options in ({"features": "free"}, {"kernel_weight": 1e-4}, {"kernel_weight": 10.0})
    )
    assert np.corrcoef(alone, little)[0, 1] > np.corrcoef(alone, much)[0, 1]


def test_neighbours_of_the_best_are_candidates_at_once(domain: Domain, run: str) -> None:
    searcher = build(domain, run, learn=False, every=1_000)
    searched(searcher, 6)
    best = max(searcher.evaluations, key=lambda arch: searcher.evaluations[arch].values or (0.0,))
    near = {arch.key for arch in domain.neighbours(best)}
    drawn, others = searcher._candidates()
    assert near <= {*drawn.keys.tolist(), *others.keys.tolist()}
    assert len(others.features) == len(others.keys) and not set(drawn.keys) & set(others.keys)


def test_pending_ones_spread_a_batch(domain: Domain, run: str) -> None:
    """Without it, the next best one is asked for as if nothing were under way."""
    spread, greedy = (build(domain, run, spread=flag, exploration=2.0) for flag in (True, False))
    for searcher in (spread, greedy):
        searched(searcher, 8)
    assert spread.ask(1) == greedy.ask(1)
    assert spread.ask(6) != greedy.ask(6)


def test_what_is_taught_to_be_good_is_written_more_often(domain: Domain, run: str) -> None:
    generator = SearchGenerator.load(Path(run), domain)
    cells = generator.sample(1_500, 0)
    skips = (cells.ops == 2).sum(1).astype(float)
    free = generator.sample(400, 1)
    taught = generator.sample_fine_tuned(cells, skips, 400, Schedule(150, 128, 2e-3, 0.0, warmup=5), 1.5, 0)
    more = (taught.ops == 2).sum(1).mean() - (free.ops == 2).sum(1).mean()
    assert more > 1


def test_teaching_leaves_the_generator_as_it_was(domain: Domain, run: str) -> None:
    generator = SearchGenerator.load(Path(run), domain)
    before = generator.sample(200, 5)
    generator.sample_fine_tuned(before, np.arange(len(before), dtype=float), 10, Schedule(5, 64, 1e-2, 0.0), 1.0, 0)
    assert (generator.sample(200, 5).ops == before.ops).all()


def test_levels_begin_at_their_shares_and_the_best_has_the_highest() -> None:
    values = np.append(np.arange(1000.0), np.nan)
    found = performance_bins(values)
    assert found[-1] == UNCONDITIONED and found[999] == len(QUANTILES) == found.max()
    assert np.allclose(np.bincount(found[:-1])[::-1].cumsum()[:-1] / 1000, 1 - QUANTILES[::-1], atol=2e-3)
    assert performance_bins(np.array([1.0, np.nan])).tolist() == [len(QUANTILES), UNCONDITIONED]
    assert performance_bins(np.array([np.nan])).tolist() == [UNCONDITIONED]


def test_lower_fidelity_evaluations_are_made_once_and_cost_something(nasbench201: SearchSpace) -> None:
    cheap = LowerFidelityScores(nasbench201, ("proxy:params", "macs"))
    cells = nasbench201.architectures(nasbench201.sample(4, np.random.default_rng(0)))
    first = cheap(cells)
    made = cheap.new()
    assert sorted({(each.key, each.spec) for each in made}) == sorted(
        (cell.key, spec) for cell in cells for spec in ("proxy:params", "macs")
    )
    assert recorded_cost(made) > 0 and len(made) == 8
    assert first.shape == (4, 2) and (cheap(cells[::-1]) == first[::-1]).all() and not cheap.new()
    assert (first[:, 1] == np.float32([-cell.macs for cell in cells])).all()  # more is better
    other = LowerFidelityScores(nasbench201, ("macs", "proxy:params"))
    other.note(made)
    assert (other(cells) == first[:, ::-1]).all() and not other.new()


def few(tmp_path: Path, space: SearchSpace, *, seconds: bool) -> str:
    """The objective of a table of 400 cells with scores after 12 and 200 epochs, and 6 and 100 seconds, perhaps."""
    rows = ["arch,cifar10.valid@12,cifar10.valid@200" + (",cifar10.seconds@12,cifar10.seconds@200" if seconds else "")]
    for arch in space.architectures(space.sample(400, np.random.default_rng(1))):
        rows.append(f"{arch.text},{good(arch) / 2},{good(arch)}" + (",6,100" if seconds else ""))
    path = tmp_path / f"few-{seconds}.csv"
    path.write_text("\n".join(dict.fromkeys(rows)))
    return f"table:{path}/cifar10.valid@"


def test_short_trainings_cost_what_the_table_says_and_are_made_once_even_over_a_resume(
    run: str, nasbench201: SearchSpace, tmp_path: Path
) -> None:
    table = few(tmp_path, nasbench201, seconds=True)
    options = QUICK | {"lower_fidelity": [f"{table}12"], "shortlist": 4, "learn": False}
    settings: dict[str, Any] = {"objective": f"{table}200", "options": options, "store": tmp_path / "s.db"}
    search(run=run, budget=8, **settings)
    found = search(run=run, budget=12, resume=True, **settings)
    made = found.lower_fidelity
    assert 12 <= len(made) == len({each.key for each in made})  # the second process made none again
    shown = found.to_json()
    assert shown["lower_fidelity_cost"] == 6 * len(made) and shown["cost"] == 12 * 100 + 6 * len(made)
    assert shown["without_cost"] == []
    whole = search(run=run, budget=12, **settings | {"store": "memory:"})
    assert [each.text for each in whole.trials] == [each.text for each in found.trials]
    assert whole.lower_fidelity == made


def test_short_trainings_that_a_table_has_no_seconds_of_are_said_to_have_no_recorded_cost(
    run: str, nasbench201: SearchSpace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, store = few(tmp_path, nasbench201, seconds=False), str(tmp_path / "s.db")
    words = ["search", run, "--objective", f"{table}200", "--budget", "7", "--store", store]
    words += ["--set", f"lower_fidelity={table}12", "shortlist=3", "learn=false", "replay=100"]
    assert main(words) == 0
    assert f"no cost is recorded for {table}12: it counts as 0" in " ".join(capsys.readouterr().out.split())
    assert main(["report", store]) == 0
    assert "no cost is recorded for" in (tmp_path / "s.html").read_text(encoding="utf-8")


def test_points_far_apart_are_chosen_before_near_ones() -> None:
    points = np.array([[0.0], [0.1], [5.0], [5.1], [10.0]])
    chosen = farthest_first(points, 3, np.random.default_rng(0))
    assert {round(float(points[row, 0]) / 5) for row in chosen} == {0, 1, 2}
    assert sorted(farthest_first(points, 9, np.random.default_rng(0))) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"initial_design": "small"}, "initial_design must be"),
        ({"features": "none"}, "features"),
        ({"every": 0}, "every"),
        ({"learn": "yes"}, "learn must be true or false"),
        ({"lower_fidelity": "params"}, "lower_fidelity must be a list"),
        ({"lower_fidelity": ["nonsense"]}, "unknown objective 'nonsense'"),
        ({"predictor": "none"}, "labels to observed"),
        ({"predictor": "none", "labels": "observed", "lower_fidelity": ["params"]}, "predictor is none"),
    ],
)
def test_what_can_not_be_used_is_refused(domain: Domain, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        build_searcher("sequence", domain, 0, **wrong)


def test_a_generator_of_another_space_or_none_is_refused(darts: SearchSpace, run: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="generator of nasbench201"):
        build_searcher("sequence", Domain(darts), 0, run=run)
    with pytest.raises(RunFolderError):
        build_searcher("sequence", Domain(darts), 0, run=str(tmp_path / "nothing"))


def test_a_prior_that_can_not_learn_is_refused_before_anything_is_evaluated(
    domain: Domain, nasbench201: SearchSpace, tmp_path: Path
) -> None:
    config = recommended(nasbench201)
    config = replace(
        config, split=0.1, tokenizer=replace(config.tokenizer, steps=3), prior=replace(config.prior, kind="marginal")
    )
    archllm.train(nasbench201, config, seed=0, out=tmp_path / "run")
    with pytest.raises(InvalidInput, match="marginals, which can't learn; set learn to false"):
        build_searcher("sequence", domain, 0, run=str(tmp_path / "run"))
    assert build(domain, str(tmp_path / "run"), learn=False).ask(1)


def test_without_a_predictor_a_listed_domain_is_gone_through_in_no_order(domain: Domain, run: str) -> None:
    searcher = build(domain, run, predictor="none", learn=False, candidates="all")
    searched(searcher, 9)
    rows = domain.index(np.array(list(searcher.known)))[5:]
    assert (np.diff(rows) != 1).any() and rows.max() > 100


def test_hypotheses_differ_in_features_and_pseudo_observations(domain: Domain, run: str) -> None:
    size, structure = (each.hypotheses[0] for each in build(domain, run)._surrogates)
    ((alone,),) = (each.hypotheses for each in build(domain, run, hypotheses="structure")._surrogates)
    assert structure == alone and not structure.pseudo_observations and size.pseudo_observations
    assert set(size.blocks or ()) < set(structure.blocks or ()) and len(structure.blocks or ()) == 5
    front = build_searcher("sequence", domain, 3, 2, run=run, **QUICK)
    assert isinstance(front, SequenceSearch) and [each.hypotheses for each in front._surrogates] == [(structure,)]


def leading(searcher: SequenceSearch, *scores: float) -> list[int]:
    """The hypothesis that leads after each of these scores."""
    found = []
    for score in scores:
        (arch,) = searcher.ask()
        searcher.tell({arch: Evaluation(score)})
        found.append(searcher._leading(len(searcher.evaluations)))
    return found


def test_a_hypothesis_leads_until_it_does_not_improve_for_a_while(domain: Domain, run: str) -> None:
    options: dict[str, Any] = {"initial": 2, "patience": 2, "learn": False, "predictor": "none"}
    design, better, worse, on = [9.0, 8.0], [10.0, 7.0, 11.0], [1.0, 2.0], [3.0, 12.0, 4.0, 12.0]
    expected = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0]
    assert leading(build(domain, run, **options), *design, *better, *worse, *on) == expected
    assert leading(build(domain, run, **options | {"hypotheses": "size"}), *design, *worse, *worse) == [0] * 6


def test_failed_evaluations_improve_nothing_and_a_resumed_search_has_the_same_leader(domain: Domain, run: str) -> None:
    first, again = (build(domain, run, initial=2, patience=2, learn=False, predictor="none") for _ in range(2))
    for value in (1.0, 2.0, None, None, 3.0):
        (arch,) = first.ask()
        first.tell({arch: Evaluation(value)})
    again.tell(first.evaluations)
    assert [each._leading(at) for each in (first, again) for at in range(6)] == 2 * [0, 0, 0, 0, 1, 1]


def lean(arch: Architecture) -> float:
    """The smaller the better, and a skip from the input helps: whoever assumes that size helps is wrong."""
    return float(-np.log(arch.params) + (arch.graph.ops[0, 1] == 2))


def matching(arch: Architecture) -> float:
    """One operation is best at each place, large or small: size says nothing."""
    return float((arch.graph.ops[0, 1:-1] == [2, 4, 1, 0, 3, 2]).sum())


@pytest.mark.parametrize("score", [lean, matching])
def test_assumptions_that_do_not_hold_cost_little(nasbench201: SearchSpace, run: str, score: Any) -> None:
    pool = Domain(nasbench201, nasbench201.sample(1_000, np.random.default_rng(1)))
    best = max(score(arch) for arch in nasbench201.architectures(pool.enumerate()))
    regret = {}
    for name, options in (("sequence", {"run": run, "replay": 300}), ("gp", {})):
        found = []
        for seed in range(2):
            searcher = build_searcher(name, pool, seed, **options)
            for _ in range(30):
                (arch,) = searcher.ask()
                searcher.tell({arch: Evaluation(score(arch))})
            found.append(best - max(evaluation.value or 0.0 for evaluation in searcher.evaluations.values()))
        regret[name] = float(np.mean(found))
    assert regret["sequence"] <= regret["gp"] + 0.05
