"""Logs of long work: what stands in them, and that they never end it."""

from __future__ import annotations

import csv
import logging
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from archllm.errors import InvalidInput, MissingExtra
from archllm.training.progress import Event
from archllm.workflows.logs import Work, listening
from archllm.workflows.options import SearchOptions
from archllm.workflows.search import search
from archllm.workflows.train import train

SEARCH: dict[str, Any] = {"space": "nasbench201", "objective": ("params", "macs"), "method": "random", "budget": 6}
WORK = Work("search", SearchOptions(space="darts", objective="params", budget=9))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def told(log: str | list[Any], *events: Event) -> None:
    with listening(False, [log] if isinstance(log, str) else log, WORK) as listener:
        assert listener is not None
        for event in events:
            listener(event)


class TestCSV:
    def test_every_trial_of_a_search_is_a_row(self, tmp_path):
        found = search(**SEARCH, log=f"csv:{tmp_path / 'new' / 'log.csv'}", progress=False)
        rows = rows_of(tmp_path / "new" / "log.csv")
        assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5, 6]
        values = [(float(row["params"]), float(row["macs"])) for row in rows]
        assert values == [trial.values for trial in sorted(found.trials, key=lambda trial: trial.place)]
        assert float(rows[-1]["best"]) == min(params for params, _ in values)

    def test_a_resumed_search_goes_on_in_the_same_file(self, tmp_path):
        log, store = f"csv:{tmp_path / 'log.csv'}", tmp_path / "s.db"
        search(**SEARCH | {"budget": 2}, store=store, log=log, progress=False)
        search(**SEARCH | {"budget": 4}, store=store, log=log, progress=False, resume=True)
        assert [row["step"] for row in rows_of(tmp_path / "log.csv") if row["params"]] == ["1", "2", "3", "4"]

    def test_a_new_metric_gets_a_column_and_earlier_rows_stay(self, tmp_path):
        told(
            f"csv:{tmp_path / 'log.csv'}",
            Event("prior", 1, 2, {"loss": 0.5}),
            Event("prior", 1, 2, {}, "a note is no row"),
            Event("prior", 2, 2, {"loss": 0.25, 'odd, "name"': 1.0}),
        )
        rows = rows_of(tmp_path / "log.csv")
        assert [row["loss"] for row in rows] == ["0.5", "0.25"]
        assert [row['odd, "name"'] for row in rows] == ["", "1.0"]

    def test_a_file_of_something_else_is_left_alone(self, tmp_path):
        other = tmp_path / "mine.csv"
        other.write_text("name,value\n")
        with pytest.raises(InvalidInput, match="no log that could be gone on with"):
            search(**SEARCH, log=f"csv:{other}", progress=False)
        assert other.read_text() == "name,value\n"

    def test_a_log_that_fails_on_the_way_does_not_end_the_work(self, tmp_path, caplog):
        path = tmp_path / "gone" / "log.csv"
        with caplog.at_level(logging.WARNING), listening(False, [f"csv:{path}"], WORK) as listener:
            path.unlink()
            path.parent.rmdir()
            for step in (1, 2):
                listener(Event("search", step, 2, {}))
                listener(Event("search", step, 2, {"best": 1.0}))
        assert [record.getMessage().count("the work goes on") for record in caplog.records] == [1]


def test_tensorboard_reads_what_a_training_logs(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(
        "nasbench201",
        {"tokenizer": {"kind": "plain"}, "prior": {"steps": 12, "width": 16, "layers": 1, "heads": 2}},
        log=f"tensorboard:{tmp_path}",
        progress=False,
    )
    (folder,) = tmp_path.iterdir()
    assert folder.name.startswith("train-")
    found = accumulator.EventAccumulator(str(folder)).Reload()
    losses = found.Scalars("prior/loss")
    assert [each.step for each in losses] == list(range(1, 13))
    assert found.Scalars("prior/validation_loss")[-1].value > 0
    (options,) = found.Tensors("options/text_summary")
    assert b"config.prior.steps = 12" in options.tensor_proto.string_val[0]


def test_mlflow_reads_what_a_search_logs(tmp_path):
    mlflow = pytest.importorskip("mlflow", reason="its libraries don't go with the tested versions of ours")
    search(**SEARCH, log=f"mlflow:{tmp_path / 'runs'}", progress=False)
    client = mlflow.MlflowClient(tracking_uri=(tmp_path / "runs").as_uri())
    (run,) = client.search_runs([client.get_experiment_by_name("archllm").experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["space"] == "nasbench201"
    history = client.get_metric_history(run.info.run_id, "search/params")
    assert [each.step for each in history] == [1, 2, 3, 4, 5, 6]
    with pytest.raises(KeyboardInterrupt), listening(False, [f"mlflow:{tmp_path / 'runs'}"], WORK):
        raise KeyboardInterrupt
    states = [run.info.status for run in client.search_runs([run.info.experiment_id])]
    assert sorted(states) == ["FINISHED", "KILLED"]


class _Client:
    """Notes what a client of MLflow is asked for, by the names of its library."""

    calls: list[tuple[str, Any]]

    def __init__(self, tracking_uri: str) -> None:
        _Client.calls = [("uri", tracking_uri)]

    def get_experiment_by_name(self, name: str) -> None:
        return None

    def create_experiment(self, name: str) -> str:
        return name

    def create_run(self, experiment: str, run_name: str) -> Any:
        return types.SimpleNamespace(info=types.SimpleNamespace(run_id=f"{experiment}/{run_name}"))

    def log_batch(self, run: str, params: Any = (), metrics: Any = ()) -> None:
        _Client.calls += [("params", dict(params))] if params else []
        _Client.calls += [("metrics", [(each[0], each[1], each[3]) for each in metrics])] if metrics else []

    def set_terminated(self, run: str, state: str) -> None:
        _Client.calls.append((run.partition("-")[0], state))


def test_mlflow_is_sent_options_then_metrics_then_the_end(monkeypatch, tmp_path):
    library, entities = types.ModuleType("mlflow"), types.ModuleType("mlflow.entities")
    library.MlflowClient = _Client
    entities.Metric = entities.Param = lambda *values: values
    monkeypatch.setitem(sys.modules, "mlflow", library)
    monkeypatch.setitem(sys.modules, "mlflow.entities", entities)
    told("mlflow:http://127.0.0.1:9", Event("search", 1, 9, {"train:digits?epochs=2": 0.5, "best": 0.5}))
    uri, params, *rest = _Client.calls
    assert uri == ("uri", "http://127.0.0.1:9")
    assert params[1]["budget"] == "9"
    metrics = [("search/train_digits_epochs_2", 0.5, 1), ("search/best", 0.5, 1)]
    assert rest == [("metrics", metrics), ("archllm/search", "FINISHED")]


def test_what_is_not_installed_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtra, match=r"archllm\[mlflow\]"):
        told("mlflow:runs")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtra, match=r"archllm\[tensorboard\]"):
        told("tensorboard:runs")


@pytest.mark.parametrize("log", ["tensorbord:x", "csv:", "csv", "", "mine.csv"])
def test_what_is_no_log_is_refused_with_the_forms_there_are(log):
    with pytest.raises(InvalidInput, match="csv:FILE"):
        told(log)


def test_listeners_of_ones_own_hear_of_every_event(tmp_path, monkeypatch):
    (tmp_path / "mylogs.py").write_text(
        "heard = []\n\n\nclass Counting:\n    def __call__(self, event):\n        heard.append(event.step)\n"
    )
    monkeypatch.chdir(tmp_path)
    seen: list[Event] = []
    told([seen.append, "python:mylogs:Counting"], Event("a", 1, 2, {}), Event("a", 2, 2, {}))
    assert [event.step for event in seen] == sys.modules["mylogs"].heard == [1, 2]
