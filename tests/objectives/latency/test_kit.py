import json
import os
import subprocess
import sys

import pytest

from archllm.cli import main
from archllm.errors import DataError, InvalidInput
from archllm.objectives import load_objective
from archllm.objectives.latency.kit import write_kit
from archllm.spaces import load_space
from archllm.workflows.device import import_timings, kit

TINY = {"channels": 1, "cells": 1, "image_size": 4}


@pytest.mark.slow
def test_a_kit_is_timed_without_this_package_and_imported(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ARCHLLM_DATA", str(tmp_path / "data"))
    folder = tmp_path / "kit"
    write_kit(load_space("nasbench201"), folder, TINY, count=5)
    assert len(list((folder / "networks").iterdir())) == 5
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for file in ("run.py", "timing.py"):
        assert "archllm." not in (folder / file).read_text().replace("archllm.networks.export", "")
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); import run; run.main()"]
    subprocess.run([*command, "--seconds", "0"], cwd=tmp_path, env=alone, check=True, capture_output=True)
    assert main(["device", "import", str(tmp_path / "timings.json"), "--name", "phone"]) == 0
    objective = load_objective("latency:phone", load_space("nasbench201"))
    assert objective.network_setting.channels == 1
    capsys.readouterr()
    assert main(["device", "list", "--json"]) == 0
    assert [each["device"] for each in json.loads(capsys.readouterr().out)] == ["phone"]
    assert main(["device", "remove", "phone"]) == 0
    assert main(["device", "remove", "phone"]) == 1


def test_what_an_action_needs_is_told(tmp_path, capsys):
    assert main(["device", "kit", "--space", "nasbench201"]) == 2
    assert "--out" in capsys.readouterr().err
    assert main(["device", "import", "x.json"]) == 2
    assert "--name" in capsys.readouterr().err
    with pytest.raises(InvalidInput, match="network"):
        kit("nasbench201", tmp_path / "kit", ["channel=3"])
    assert not (tmp_path / "kit").exists()


def test_a_file_of_timings_names_no_file_of_a_space(tmp_path, monkeypatch):
    monkeypatch.setenv("ARCHLLM_DATA", str(tmp_path / "data"))
    file = tmp_path / "timings.json"
    file.write_text(json.dumps({"space": "./mine.toml", "timings": [{"architecture": "a", "ms": 1}] * 5}))
    with pytest.raises(DataError, match="--space"):
        import_timings(file, "phone")
