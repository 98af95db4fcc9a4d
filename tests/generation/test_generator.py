"""The generator: a trained tokenizer and prior that write new cells."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from archllm.errors import BudgetExhausted, InvalidInput, RunFolderError
from archllm.generation.config import TrainConfig
from archllm.generation.generator import ArchLLM, load
from archllm.prior import PriorConfig
from archllm.spaces import SearchSpace
from archllm.tokenizer import TokenizerConfig
from archllm.workflows.train import train

EXACT = TrainConfig(tokenizer=TokenizerConfig(kind="plain"), prior=PriorConfig(kind="marginal"))
"""In NAS-Bench-201 the nodes are independent, so that words and their shares are a perfect model of it."""
LEARNED = TrainConfig(
    tokenizer=TokenizerConfig(
        code_length=6, codebook_size=64, width=16, layers=1, batch=32, steps=150, learning_rate=1e-2
    ),
    prior=PriorConfig(width=16, layers=1, heads=2, steps=60, batch=128, learning_rate=1e-2),
)
HOPELESS = replace(LEARNED, tokenizer=replace(LEARNED.tokenizer, steps=1), prior=replace(LEARNED.prior, steps=1))
CONFIGS = {"exact": EXACT, "learned": LEARNED}


@pytest.fixture(scope="module", params=CONFIGS)
def model(request: pytest.FixtureRequest) -> ArchLLM:
    return train("nasbench201", CONFIGS[request.param], 0)


@pytest.fixture(scope="module")
def exact() -> ArchLLM:
    return train("nasbench201", EXACT, 0)


@pytest.fixture(scope="module")
def hopeless() -> ArchLLM:
    return train("nasbench201", HOPELESS, 0)


# --- generating ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 500])
def test_generated_cells_are_valid_and_all_different(model: ArchLLM, n: int) -> None:
    cells = model.generate(n)
    assert len(cells) == n and len(set(cells)) == n
    assert all(model.space.parse(cell.text) == cell for cell in cells)


def test_one_seed_generates_the_same_cells_and_another_seed_others(model: ArchLLM) -> None:
    first = model.generate(100, seed=4)
    torch.manual_seed(0)
    assert model.generate(100, seed=4) == first and model.generate(100, seed=5) != first


def test_novel_cells_are_none_of_the_training_cells(model: ArchLLM) -> None:
    cells = model.generate(200, novel=True)
    training = set(model.space.architectures(model.cells.train))
    assert len(set(cells)) == 200 and not training & set(cells)
    assert training & set(model.generate(200))


def test_a_sample_counts_what_was_drawn_valid_and_kept(model: ArchLLM) -> None:
    sample = model.sample(500)
    assert 500 == sample.kept == len(sample.architectures) <= sample.valid <= sample.drawn
    assert sample.seconds > 0


def test_raw_draws_come_as_they_are(model: ArchLLM, hopeless: ArchLLM) -> None:
    for generator in (model, hopeless):
        sample = generator.sample(2000, raw=True, seed=1)
        members = [arch for arch in sample.architectures if arch is not None]
        assert len(sample.architectures) == sample.drawn == 2000
        assert len(members) == sample.kept == sample.valid
        graphs = generator.draw(2000, 1.0, torch.Generator().manual_seed(1))[1]
        assert [None if arch is None else arch.text for arch in sample.architectures] == generator.space.format(graphs)
    assert sample.valid < 2000  # the hopeless one draws what is no cell
    assert len(set(members)) < 2000


def test_a_cold_model_repeats_itself(model: ArchLLM) -> None:
    cold = model.sample(300, raw=True, temperature=1e-6).architectures
    warm = model.sample(300, raw=True).architectures
    assert len(set(cold)) < 30 < len(set(warm))


def test_the_whole_space_can_be_asked_for_and_no_more(exact: ArchLLM) -> None:
    assert len(set(exact.generate(15_625, max_draws=10**6))) == 15_625
    with pytest.raises(BudgetExhausted, match="holds only 15,625") as caught:
        exact.generate(15_626)
    assert (caught.value.found, caught.value.drawn) == (0, 0)


def test_only_so_many_cells_are_new(exact: ArchLLM) -> None:
    held_out = set(exact.space.architectures(exact.cells.held_out))
    assert len(held_out) == 15_625 - len(exact.cells.train)
    assert set(exact.generate(len(held_out), novel=True, max_draws=10**6)) == held_out
    with pytest.raises(BudgetExhausted, match="new"):
        exact.generate(len(held_out) + 1, novel=True)


@pytest.mark.parametrize("budget", [1, 300])
def test_when_the_draws_are_spent_what_was_found_is_told(exact: ArchLLM, budget: int) -> None:
    with pytest.raises(BudgetExhausted, match=f"of 400 architectures were found in {budget} draws") as caught:
        exact.generate(400, max_draws=budget)
    assert caught.value.drawn == budget and 0 < caught.value.found <= budget
    assert len(exact.generate(caught.value.found, max_draws=budget)) == caught.value.found


def test_a_hopeless_model_gives_up(hopeless: ArchLLM) -> None:
    with pytest.raises(BudgetExhausted) as caught:
        hopeless.generate(5000, max_draws=2000)
    assert caught.value.found < 5000


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.inf, math.nan])
def test_a_temperature_that_can_not_be_used_is_refused(model: ArchLLM, temperature: float) -> None:
    for ask in (model.generate, model.sample, lambda n, **k: model.sample(n, raw=True, **k)):
        with pytest.raises(InvalidInput, match="temperature"):
            ask(3, temperature=temperature)
    with pytest.raises(InvalidInput, match="temperature"):
        model.evaluate(3, temperature=temperature)


@pytest.mark.parametrize(
    "ask",
    [
        lambda model: model.generate(0),
        lambda model: model.generate(-3),
        lambda model: model.sample(0, raw=True),
        lambda model: model.evaluate(0),
        lambda model: model.evaluate(3, seeds=()),
        lambda model: model.evaluate(3, seeds=(-1,)),
        lambda model: model.generate(3, seed=-1),
        lambda model: model.generate(3, seed=2**63),
        lambda model: model.generate(3, max_draws=0),
        lambda model: model.sample(3, raw=True, novel=True),
        lambda model: model.sample(3, raw=True, max_draws=9),
    ],
)
def test_what_can_not_be_asked_for_is_refused(exact: ArchLLM, ask: Callable[[ArchLLM], object]) -> None:
    with pytest.raises(InvalidInput):
        ask(exact)


# --- measuring -----------------------------------------------------------------------------------------------------


def test_an_evaluation_says_what_the_design_promises(model: ArchLLM) -> None:
    found = json.loads(json.dumps(model.evaluate(300, seeds=(0, 7)).to_json()))
    assert found.keys() >= {"space", "n", "seeds", "temperature", "reconstruction", "seconds"}
    assert (found["space"], found["n"], found["seeds"], found["temperature"]) == ("nasbench201", 300, [0, 7], 1.0)
    for name in ("valid", "valid_loose", "unique", "valid_unique", "novel", "cycle"):
        assert found[name].keys() == {"mean", "std", "ceiling"}
        assert 0 <= found[name]["mean"] <= 1
    assert found["ideal_nats"] == pytest.approx(math.log(15_625))


def test_a_figure_that_a_space_has_no_rule_for_is_null(darts: SearchSpace) -> None:
    model = train(darts, replace(EXACT, cells=200), 0)
    found = model.evaluate(20, seeds=(0,)).to_json()
    assert found["valid_loose"] is None and found["valid"]["std"] == 0.0


def test_a_perfect_model_reaches_the_expected_metrics(exact: ArchLLM) -> None:
    evaluation = exact.evaluate(2000, seeds=range(5))
    assert evaluation.reconstruction == 1.0
    for name, figure in evaluation.metrics.items():
        assert figure.mean == pytest.approx(figure.expected, abs=0.02), name
    assert evaluation.held_out_nats == pytest.approx(evaluation.ideal_nats, abs=0.01)


def test_a_hopeless_model_is_measured_too(hopeless: ArchLLM) -> None:
    evaluation = hopeless.evaluate(200, seeds=(0,))
    assert evaluation.reconstruction < 0.01
    assert evaluation.metrics["valid"].mean < 0.5 and evaluation.metrics["cycle"].mean < 0.5


def test_a_draw_cycles_when_its_cell_has_its_codes(exact: ArchLLM) -> None:
    codes = exact.tokenizer.encode(exact.cells.held_out[:4])
    graphs = exact.tokenizer.decode(codes)
    assert exact.cycles(codes, graphs).all()
    other = np.roll(codes, 1, axis=0)
    assert not exact.cycles(other, graphs).any()
    unknown = np.zeros_like(codes)
    assert not exact.cycles(unknown, exact.tokenizer.decode(unknown)).any()


# --- files ---------------------------------------------------------------------------------------------------------


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_saved_model_comes_back_the_same(model: ArchLLM, tmp_path: Path) -> None:
    model.save(tmp_path / "run")
    back = load(tmp_path / "run")
    assert (back.space, back.config, back.seed) == (model.space, model.config, model.seed)
    assert back.report == model.report
    assert back.generate(100, seed=3) == model.generate(100, seed=3)
    assert back.generate(20, novel=True) == model.generate(20, novel=True)
    assert back.fit_of_held_out == model.fit_of_held_out
    assert {path.suffix for path in (tmp_path / "run").rglob("*") if path.is_file()} == {
        ".toml",
        ".json",
        ".safetensors",
    }


def test_an_existing_folder_is_only_replaced_on_demand(exact: ArchLLM, tmp_path: Path) -> None:
    out = tmp_path / "run"
    exact.save(out)
    before = contents(out)
    other = replace(exact, seed=9)
    with pytest.raises(RunFolderError, match="exists already"):
        other.save(out)
    assert contents(out) == before
    other.save(out, overwrite=True)
    assert load(out).seed == 9 and [path.name for path in tmp_path.iterdir()] == ["run"]


WRITERS = {
    "tokenizer": "archllm.tokenizer.plain.save_file",
    "prior": "archllm.prior.marginal.save_file",
    "text": "archllm.generation.run_folder.write_text",
    "report": "archllm.generation.generator.write_text",
}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("No space left on device")])
def test_a_full_disk_leaves_the_old_run_as_it_was(
    exact: ArchLLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: str, error: Exception
) -> None:
    out = tmp_path / "run"
    exact.save(out)
    before = contents(out)
    if isinstance(error, SafetensorError) and not writer.endswith("save_file"):
        error = RunFolderError("No space left on device")

    def fail(*arguments: object) -> None:
        for argument in arguments:
            if isinstance(argument, Path) and argument.suffix != ".json":
                argument.write_bytes(b"half")
        raise error

    monkeypatch.setattr(writer, fail)
    with pytest.raises(RunFolderError, match="No space left"):
        replace(exact, seed=9).save(out, overwrite=True)
    assert contents(out) == before
    with pytest.raises(RunFolderError):
        exact.save(tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


PARTS = ("config.toml", "metrics.json", "tokenizer.json", "tokenizer.safetensors", "prior/prior.json")


@pytest.mark.parametrize("part", [*PARTS, "prior/WEIGHTS", "prior"])
@pytest.mark.parametrize("damage", ["missing", "half", "foreign"])
def test_a_run_with_a_damaged_part_is_refused(model: ArchLLM, tmp_path: Path, part: str, damage: str) -> None:
    run = tmp_path / "run"
    model.save(run)
    weights = "model.safetensors" if model.config.prior.kind == "code" else "marginal.safetensors"
    path = run / part.replace("WEIGHTS", weights)
    if path.is_dir():
        shutil.rmtree(path)
        if damage != "missing":
            path.write_bytes(b"")
    else:
        content = path.read_bytes()
        path.unlink()
        if damage != "missing":
            path.write_bytes(content[: len(content) // 2] if damage == "half" else b"\x89PNG\r\n\x1a\n" * 50)
    with pytest.raises(RunFolderError) as caught:
        load(run)
    assert str(run) in str(caught.value)


def test_a_run_of_a_space_that_is_not_known_is_refused(exact: ArchLLM, tmp_path: Path) -> None:
    exact.save(tmp_path / "run")
    path = tmp_path / "run" / "config.toml"
    path.write_text(path.read_text().replace("nasbench201", "nasbench301"))
    with pytest.raises(RunFolderError, match=r"config\.toml.*nasbench301"):
        load(tmp_path / "run")


def test_a_run_put_together_from_two_is_refused(exact: ArchLLM, tmp_path: Path, darts: SearchSpace) -> None:
    other = train(darts, replace(EXACT, cells=200), 0)
    exact.save(tmp_path / "run")
    other.save(tmp_path / "other")
    shutil.copytree(tmp_path / "other" / "prior", tmp_path / "run" / "prior", dirs_exist_ok=True)
    with pytest.raises(RunFolderError, match=r"prior\.json is a prior over"):
        load(tmp_path / "run")
    for name in ("tokenizer.json", "tokenizer.safetensors"):
        shutil.copy(tmp_path / "other" / name, tmp_path / "run" / name)
    with pytest.raises(RunFolderError, match=r"tokenizer\.json is a tokenizer of the space 'darts'"):
        load(tmp_path / "run")


@pytest.mark.parametrize("kind", ["missing", "empty", "file"])
def test_what_is_no_run_folder_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "run"
    if kind == "empty":
        path.mkdir()
    elif kind == "file":
        path.write_text("")
    with pytest.raises(RunFolderError, match="run folder"):
        load(path)


@pytest.mark.parametrize("name", ["tokenizer.safetensors", "config.toml", "prior"])
def test_a_file_of_another_run_is_refused_even_where_it_fits(name: str, exact: ArchLLM, tmp_path: Path) -> None:
    other = train(exact.space, exact.config, exact.seed + 1)
    exact.save(tmp_path / "run")
    other.save(tmp_path / "other")
    if name == "prior":
        shutil.copytree(tmp_path / "other" / name, tmp_path / "run" / name, dirs_exist_ok=True)
    else:
        shutil.copy(tmp_path / "other" / name, tmp_path / "run" / name)
    with pytest.raises(RunFolderError, match=rf"{name}.* is of another run"):
        load(tmp_path / "run")


def test_saved_files_have_the_permissions_of_any_other_file(exact: ArchLLM, tmp_path: Path) -> None:
    exact.save(tmp_path / "run")
    (tmp_path / "plain").touch()
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert {path.stat().st_mode for path in files} == {(tmp_path / "plain").stat().st_mode}
