"""Search methods as a sampler of Optuna: its own test-suite, our spaces, and what a storage holds."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest
from optuna.samplers import BaseSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.testing.pytest_samplers import BasicSamplerTestCase, MultiObjectiveSamplerTestCase, RelativeSamplerTestCase

from archllm.errors import InvalidInput
from archllm.integrations.optuna import SequenceSampler, suggest
from archllm.spaces import load_space
from archllm.testing.searcher import home

OPTIONS = {"initial": 4}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


class TestOptunasOwn(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    """What Optuna asks of its samplers; a climber stands for all methods, which have a contract of their own."""

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: SequenceSampler(method="local", seed=0, **OPTIONS)


def size(trial: optuna.Trial) -> float:
    return float(suggest(trial, "nasbench201").params)


def test_a_space_is_searched_in_three_lines_and_nothing_twice() -> None:
    study = optuna.create_study(direction="maximize", sampler=SequenceSampler("nasbench201", "local", 0, **OPTIONS))
    study.optimize(size, n_trials=14)
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 14
    assert study.best_value > study.trials[0].value


def test_a_study_goes_on_from_its_storage_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    def study(name: str) -> optuna.Study:
        return optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(tmp_path / name))),
            study_name="one",
            load_if_exists=True,
            direction="minimize",
            sampler=SequenceSampler("nasbench201", "local", seed=3, **OPTIONS),
        )

    study("whole").optimize(size, n_trials=9)
    study("parts").optimize(size, n_trials=6)
    study("parts").optimize(size, n_trials=3)
    assert [t.params for t in study("whole").trials] == [t.params for t in study("parts").trials]


def test_conditions_are_kept_and_failures_stop_nothing() -> None:
    space = home("own-choices")

    def objective(trial: optuna.Trial) -> float:
        arch = suggest(trial, space)
        if trial.number == 2:
            raise optuna.TrialPruned
        return float(arch.key % 97)

    study = optuna.create_study(sampler=SequenceSampler(space, "local", 0, **OPTIONS))
    study.optimize(objective, n_trials=12)
    assert {trial.state for trial in study.trials[3:]} == {optuna.trial.TrialState.COMPLETE}
    assert len({len(trial.params) for trial in study.trials}) > 1


def test_without_a_space_what_all_trials_have_in_common_is_searched() -> None:
    def objective(trial: optuna.Trial) -> float:
        a, b = trial.suggest_int("a", 0, 7), trial.suggest_categorical("b", ["x", None, 3])
        return a + (b is None) + trial.suggest_float("c", 0, 1)

    study = optuna.create_study(direction="maximize", sampler=SequenceSampler(method="local", seed=0, initial=3))
    study.optimize(objective, n_trials=25)
    pairs = [(trial.params["a"], trial.params["b"]) for trial in study.trials]
    assert len(set(pairs[:24])) == 24  # all there are


def test_other_samplers_can_choose_what_is_no_member() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    study.optimize(lambda trial: float(suggest(trial, "nasbench101").key % 7), n_trials=8)
    assert optuna.trial.TrialState.PRUNED in {trial.state for trial in study.trials}


def test_a_sampler_is_pickled_and_refuses_what_it_can_not_use(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = pickle.loads(pickle.dumps(SequenceSampler("nats-size", "local", 0)))  # noqa: S301
    optuna.create_study(sampler=sampler).optimize(lambda trial: suggest(trial, "nats-size").key, n_trials=2)
    with pytest.raises(InvalidInput, match="initail"):
        SequenceSampler("nats-size", "local", 0, initail=3)
    space = load_space("nats-size")
    monkeypatch.setitem(space.__dict__, "parameters", None)
    with pytest.raises(InvalidInput, match="nats-size"):
        suggest(optuna.trial.FixedTrial({}), space)
