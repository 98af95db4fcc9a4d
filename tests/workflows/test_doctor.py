from __future__ import annotations

import re
import tomllib
from pathlib import Path

from archllm.workflows.doctor import DEPENDENCIES, EXTRAS, doctor


def test_it_knows_the_dependencies_that_the_package_declares():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def names(requirements: list[str]) -> tuple[str, ...]:
        return tuple(re.split(r"[>\[]", requirement)[0] for requirement in requirements)

    assert names(project["dependencies"]) == DEPENDENCIES
    extras = project["optional-dependencies"]
    optional = {extra: names(needs) for extra, needs in extras.items() if extra not in ("all", "dev", "docs")}
    assert optional == EXTRAS


def test_it_finds_versions_threads_and_data(tmp_path, monkeypatch):
    (tmp_path / "nasbench201.csv.gz").touch()
    (tmp_path / "notes.txt").touch()
    monkeypatch.setenv("ARCHLLM_DATA", str(tmp_path))
    found = doctor()
    assert found.packages["numpy"]
    assert found.threads in found.milliseconds
    assert min(found.milliseconds.values()) > 0
    assert found.tables == [str(tmp_path / "nasbench201.csv.gz")]
