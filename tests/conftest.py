"""What tests share: benchmark data, where there is any, and one instance of each search space."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from archllm.spaces import SearchSpace, load_space

settings.register_profile("archllm", deadline=None)
settings.load_profile("archllm")

os.environ.setdefault("ARCHLLM_DATA", str(Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of benchmark tables; a test that needs it is skipped where there is none."""
    folder = Path(os.environ["ARCHLLM_DATA"])
    if not folder.is_dir():
        pytest.skip(f"no benchmark data in {folder}; set ARCHLLM_DATA to the folder that holds it")
    return folder


@pytest.fixture(scope="session")
def nasbench101() -> SearchSpace:
    return load_space("nasbench101")


@pytest.fixture(scope="session")
def nasbench201() -> SearchSpace:
    return load_space("nasbench201")


@pytest.fixture(scope="session")
def darts() -> SearchSpace:
    return load_space("darts")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The pages of the guides take longest, so that they come first: nobody waits for them at the end."""
    items.sort(key=lambda item: item.path.name != "test_readme.py")
