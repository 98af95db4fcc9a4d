import json

import numpy as np
import pytest
from tests.objectives.latency.devices import milliseconds, timings

from archllm.errors import ArchLLMError, DataError, DataMissing, InvalidInput
from archllm.objectives import load_objective
from archllm.objectives.latency.device import devices, find_device, import_device, remove_device
from archllm.spaces import load_space
from archllm.workflows import search as searching
from archllm.workflows.search import search

SPACE = load_space("nasbench201")
MEMBERS = SPACE.sample(12, np.random.default_rng(4))


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ARCHLLM_DATA", str(tmp_path / "data"))


@pytest.fixture
def phone(tmp_path):
    file = tmp_path / "timings.json"
    file.write_text(timings(MEMBERS))
    return import_device(file, "phone", SPACE)


def test_a_device_is_an_objective_with_intervals(phone):
    objective = load_objective("latency:phone", SPACE)
    arch = SPACE.architectures(MEMBERS)[0]
    found = objective.evaluate(arch)
    assert objective.direction == "minimise"
    assert found.value == pytest.approx(milliseconds(arch.graph)[0], rel=0.05)
    assert found.metrics["latency.low"] <= found.value <= found.metrics["latency.high"]
    assert objective.identity.data["timings"] == phone.timings.fingerprint


def test_a_device_is_a_limit(phone):
    found = search(
        space="nasbench201", objective="params", budget=20, method="random", where=["latency:phone <= 8ms"], seed=1
    )
    graphs = [SPACE.parse(trial.text).graph for trial in found.trials]
    assert max(float(milliseconds(graph)[0]) for graph in graphs) <= 8.0


def test_other_names_can_not_be_limited():
    with pytest.raises(InvalidInput, match="latency:DEVICE"):
        searching.constraint(SPACE, {"accuracy": None})


def test_devices_are_listed_and_removed(phone):
    assert [each.name for each in devices()] == ["phone"]
    assert find_device("phone").timings == phone.timings
    remove_device("phone")
    assert devices() == []
    with pytest.raises(DataMissing, match="archllm device kit"):
        load_objective("latency:phone", SPACE)


def test_a_name_is_used_once_and_leaves_no_folder(tmp_path, phone):
    file = tmp_path / "timings.json"
    with pytest.raises(InvalidInput, match="already"):
        import_device(file, "phone", SPACE)
    assert import_device(file, "phone", SPACE, overwrite=True).name == "phone"
    for name in ("../up", "", ".hidden", "a/b", "x" * 65):
        with pytest.raises(InvalidInput, match="letters"):
            import_device(file, name, SPACE)


def test_of_a_network_that_was_timed_twice_the_median_counts(tmp_path):
    document = json.loads(timings(MEMBERS))
    document["timings"] += [document["timings"][0] | {"ms": 900.0}, document["timings"][0]]
    file = tmp_path / "twice.json"
    file.write_text(json.dumps(document))
    members, ms = import_device(file, "d", SPACE).timings.members(SPACE)
    assert len(members) == len(ms) == 12
    assert ms.max() < 30


DAMAGED = {
    "no JSON": "{",
    "no object": "[]",
    "deep": "[" * 50_000,
    "no space": '{"timings": []}',
    "too few": json.dumps({"space": "nasbench201", "timings": [{"architecture": "0", "ms": 1}]}),
    "not a number": timings(MEMBERS).replace('"ms": ', '"ms": NaN, "x": '),
    "negative": timings(MEMBERS).replace('"ms": ', '"ms": -1, "x": '),
    "huge": timings(MEMBERS).replace('"ms": ', '"ms": 1e300, "x": '),
    "a boolean": timings(MEMBERS).replace('"ms": ', '"ms": true, "x": '),
    "a text": timings(MEMBERS).replace('"ms": ', '"ms": "3", "x": '),
    "no architecture": timings(MEMBERS).replace('"architecture": "', '"architecture": "x'),
    "another space": timings(MEMBERS, space="darts"),
    "the same ones": json.dumps({"space": "nasbench201", "timings": json.loads(timings(MEMBERS))["timings"][:1] * 9}),
    "a wrong network": timings(MEMBERS, network={"channels": 0}),
    "a network that is none": timings(MEMBERS, network=[1]),
    "too many": json.dumps({"space": "nasbench201", "timings": [{"architecture": "0", "ms": 1}] * 501}),
    "too long": " " * 1_000_001,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_files_that_can_not_be_used_are_refused_and_nothing_is_kept(tmp_path, content):
    file = tmp_path / "bad.json"
    file.write_text(content)
    with pytest.raises(ArchLLMError) as refused:
        import_device(file, "bad", SPACE)
    assert "bad.json" in str(refused.value)
    assert devices() == []


def test_a_damaged_file_of_a_device_is_told_and_can_be_removed(phone):
    phone.file.write_text("{}")
    with pytest.raises(DataError, match="phone"):
        load_objective("latency:phone", SPACE)
    remove_device("phone")
    assert not phone.file.exists()
