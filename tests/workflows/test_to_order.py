"""Training on conditions and sampling to order, from Python and from the command line."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.prior.text.tiny import tiny_model

from archllm.cli import main
from archllm.errors import BudgetExhausted, DataError, DataMissing, InvalidInput, ModelUnusable
from archllm.generation.config import TrainConfig
from archllm.generation.generator import ArchLLM, load
from archllm.generation.recommended import recommended
from archllm.prior import PriorConfig
from archllm.spaces import SearchSpace, load_space
from archllm.tokenizer import TokenizerConfig
from archllm.workflows.condition_values import ConditionValues
from archllm.workflows.train import train

CONFIG = TrainConfig(
    tokenizer=TokenizerConfig(kind="plain"),
    prior=PriorConfig(width=32, layers=2, heads=2, steps=250, batch=128, learning_rate=1e-2),
)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of a made-up score of NAS-Bench-201 cells: their number of 3x3 convolutions, and a little of the text."""
    path = tmp_path_factory.mktemp("tables") / "made_up.csv"
    space = load_space("nasbench201")
    texts = space.format(space.enumerate())
    with path.open("w") as file:
        writer = csv.writer(file)
        writer.writerow(["arch", "score"])
        writer.writerows(
            [text, 10 * text.count("nor_conv_3x3") + text.count("skip") + len(text) / 99] for text in texts
        )
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, table: Path) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    train("nasbench201", replace(CONFIG, conditions=("params", f"score={table}/score"), labels=400), 0, out=out)
    return out


@pytest.fixture(scope="module")
def model(run: Path) -> ArchLLM:
    return load(run)


def score(text: str) -> float:
    return 10 * text.count("nor_conv_3x3") + text.count("skip") + len(text) / 99


# --- sampling ------------------------------------------------------------------------------------------------------


def test_raw_draws_have_the_size_that_is_asked_for(model: ArchLLM) -> None:
    for low, high in ((0.4e6, 0.6e6), (1.0e6, 1.3e6)):
        drawn = model.sample(300, raw=True, where=[f"params in [{low}, {high}]"]).architectures
        assert np.mean([arch is not None and low <= arch.params <= high for arch in drawn]) > 0.7
    unasked = model.sample(300, raw=True).architectures
    assert np.mean([arch is not None and 1.0e6 <= arch.params <= 1.3e6 for arch in unasked]) < 0.3


def test_raw_draws_have_the_score_that_is_asked_for_though_few_were_seen(model: ArchLLM) -> None:
    """With as many levels as the best few need: a request for them is told as one for the best twentieth otherwise."""
    longer = replace(model.config.prior, steps=400)  # 64 levels of 400 labels take more steps than 20 of them
    fine = train("nasbench201", replace(model.config, levels=64, prior=longer), 0)
    found = [score(arch.text) for arch in fine.sample(200, raw=True, where=["score >= 35"]).architectures if arch]
    unasked = [score(arch.text) for arch in fine.sample(200, raw=True).architectures if arch]
    assert np.mean(found) > np.mean(unasked) + 10


def test_two_requirements_hold_together(model: ArchLLM) -> None:
    where = ["params <= 0.8e6", "score >= 18"]
    drawn = [arch for arch in model.sample(300, raw=True, where=where).architectures if arch]
    assert np.mean([arch.params <= 0.8e6 and score(arch.text) >= 17 for arch in drawn]) > 0.4


def test_what_is_returned_by_default_is_checked(model: ArchLLM) -> None:
    found = model.generate(200, where=["params >= 1e6"])
    assert len({arch.key for arch in found}) == 200 and all(arch.params >= 1e6 for arch in found)


def test_a_size_can_be_asked_of_any_run_by_rejection() -> None:
    plain = train("nasbench201", replace(CONFIG, prior=PriorConfig(kind="marginal")), 0)
    found = plain.generate(50, where=["params in [0.4e6, 0.6e6]", "macs <= 1e8"])
    assert all(0.4e6 <= arch.params <= 0.6e6 and arch.macs <= 1e8 for arch in found)
    with pytest.raises(InvalidInput, match=r"raw draws can't be steered by 'params'.*--condition params"):
        plain.sample(5, raw=True, where=["params <= 1e6"])
    with pytest.raises(InvalidInput, match="not trained on the condition 'score'; it knows params, macs"):
        plain.sample(5, where=["score <= 1e6"])
    with pytest.raises(BudgetExhausted, match="0 of 5"):
        plain.sample(5, where=["params <= 10"], max_draws=300)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (["score >= 1000"], "no training cell has score >= 1000"),
        (["accuracy >= 3"], "it knows params, score, macs"),
        (["score"], "can't read the requirement"),
        (["params >= 2", "params <= 1"], "no number fulfils both"),
        (["params >= 1.4e6", "score <= 5"], "at once"),
    ],
)
def test_requirements_that_can_not_be_met_are_refused(model: ArchLLM, where: list[str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        model.sample(5, where=where)


def test_guidance_with_nothing_to_strengthen_is_refused(model: ArchLLM) -> None:
    for where in ([], ["macs <= 1e8"]):
        with pytest.raises(InvalidInput, match="guidance strengthens what is asked"):
            model.sample(5, where=where, guidance=2.0)


def test_one_seed_gives_one_order(model: ArchLLM) -> None:
    first, second, other = (
        [arch.text for arch in model.generate(20, where=["score >= 20"], seed=seed)] for seed in (1, 1, 2)
    )
    assert first == second != other


def test_the_command_line_takes_requirements(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["sample", str(run), "-n", "7", "--where", "params <= 1e6", "--where", "score >= 10", "--guidance", "1.5"]
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["architectures"]) == 7
    for wrong in (["--where", "speed >= 1"], ["--where", "params"], ["--guidance", "0"]):
        assert main(["sample", str(run), "-n", "7", *wrong]) == 2
        assert "archllm:" in capsys.readouterr().err


# --- training ------------------------------------------------------------------------------------------------------


def test_a_run_remembers_its_conditions(run: Path, model: ArchLLM) -> None:
    assert model.conditions is not None and model.conditions.names == ("params", "score")
    assert model.config.conditions[0] == "params" and model.config.labels == 400
    assert (run / "conditions.safetensors").exists()


def test_the_command_line_takes_conditions(tmp_path: Path, table: Path) -> None:
    out = tmp_path / "run"
    words = ["train", "nasbench201", "--out", str(out), "--tokenizer.kind", "plain", "--prior.steps", "2"]
    assert main([*words, "--condition", "params", "--condition", f"mine={table}/score", "--labels", "50"]) == 0
    assert load(out).config.condition_names == ("params", "mine")


@pytest.mark.parametrize(
    ("conditions", "error", "message"),
    [
        (("nonsense",), DataMissing, "no table 'nasbench201'"),
        (("x=/nowhere.csv/score",), DataMissing, "no table"),
        (("x=params",), InvalidInput, "has no other name"),
    ],
)
def test_a_condition_that_nobody_knows_is_refused_before_anything_is_trained(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    conditions: tuple[str, ...],
    error: type[Exception],
    message: str,
) -> None:
    monkeypatch.setenv("ARCHLLM_DATA", str(tmp_path))
    with pytest.raises(error, match=message):
        train("nasbench201", replace(CONFIG, conditions=conditions), 0, out=tmp_path / "run")
    assert not any(path.name.startswith((".run", "run")) for path in tmp_path.iterdir())


def test_a_column_that_is_not_there_is_refused_with_those_that_are(table: Path) -> None:
    with pytest.raises(DataError, match="it has score"):
        ConditionValues.of(load_space("nasbench201"), (f"x={table}/other",))


def test_labels_without_a_table_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no condition is a column"):
        train("nasbench201", replace(CONFIG, conditions=("params",), labels=10), 0)


@pytest.mark.parametrize("conditions", [("params", "params"), ("a b",), ("",), ("1x=params",)])
def test_names_of_conditions_are_checked(conditions: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput, match="condition"):
        TrainConfig(conditions=conditions)


def test_labels_are_drawn_by_the_seed_and_the_rest_is_predicted(nasbench201: SearchSpace, table: Path) -> None:
    conditions = ("params", f"score={table}/score")
    cells, values = nasbench201.sample(400, np.random.default_rng(0)), ConditionValues.of(nasbench201, conditions)
    known = values.known(cells, 100, 0)
    assert not np.isnan(known[:, 0]).any() and (~np.isnan(known[:, 1])).sum() == 100
    assert not np.array_equal(known, values.known(cells, 100, 1), equal_nan=True)
    whole = values.known(cells)
    tokenizer = train("nasbench201", replace(CONFIG, prior=PriorConfig(kind="marginal")), 0).tokenizer
    filled = values.completed(tokenizer, cells, known, 0)
    seen = ~np.isnan(known[:, 1])
    assert np.array_equal(filled[seen], whole[seen]) and not np.isnan(filled).any()
    assert np.corrcoef(filled[~seen, 1], whole[~seen, 1])[0, 1] > 0.7


def test_too_few_labels_are_told_of_before_anything_is_trained(table: Path) -> None:
    heard: list[object] = []
    with pytest.raises(DataError, match=r"only 9 training cells have a known score=.*at least 20"):
        train("nasbench201", replace(CONFIG, conditions=(f"score={table}/score",), labels=9), 0, progress=heard.append)
    assert not heard


def test_scores_have_fewer_levels_than_sizes(model: ArchLLM) -> None:
    assert model.conditions is not None
    sizes, scores = model.conditions.edges
    assert len(scores) < CONFIG.levels < len(sizes) < CONFIG.prior.bins


# --- pre-trained models --------------------------------------------------------------------------------------------


def test_a_pretrained_model_is_trained_and_asked_from_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ["train", "nasbench201", "--out", str(out), "--tokenizer.kind", "plain", "--condition", "params"]
    small = ["--prior.steps", "3", "--prior.batch", "4", "--prior.rank", "2", "--split", "0.95"]
    assert main([*words, "--prior", tiny_model("gpt2"), *small]) == 0
    model = load(out)
    assert model.prior.config.kind == "text" and model.prior.conditions == ("params",)
    assert model.sample(10, raw=True, where=["params <= 1e6"]).drawn == 10


def test_an_interrupted_training_can_not_go_on_with_another_language_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, config = tmp_path / "run", replace(CONFIG, prior=replace(CONFIG.prior, steps=2))

    def interrupt(event: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train("nasbench201", config, 0, out=out, progress=interrupt)
    words = ["train", "nasbench201", "--out", str(out), "--resume", "--prior"]
    assert main([*words, tiny_model("gpt2")]) == 1
    assert "prior.kind 'code' (asked for: 'text')" in capsys.readouterr().err
    assert main([*words, "code"]) == 0


def test_a_model_that_is_not_there_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    config = recommended(load_space("nasbench201"), base=str(tmp_path / "none"))
    with pytest.raises(ModelUnusable, match="no pre-trained model"):
        train("nasbench201", config, 0, out=tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_recommended_settings_know_the_prior_and_the_conditions(nasbench201: SearchSpace) -> None:
    plain, asked = recommended(nasbench201), recommended(nasbench201, conditions=["params"])
    assert asked.prior.steps > plain.prior.steps and asked.conditions == ("params",)
    text = recommended(nasbench201, base=tiny_model("llama"))
    assert text.prior.kind == "text" and Path(text.prior.base).is_absolute()
