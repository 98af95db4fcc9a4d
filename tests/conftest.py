"""What tests share: benchmark data, where there is any, and one instance of each search space."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from tests.preloaded import preloaded

from archllm.spaces import SearchSpace, load_space

HERE = Path(__file__).parent

# Unchanged code passes again, so `make test` tries the same examples each time; `make explore` looks for new ones.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, derandomize=False, print_blob=True)  # whatever CI is set to
settings.load_profile("repeatable")

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


@pytest.fixture(scope="session")
def started_fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An environment in which `archllm` and `python` start without importing anything; see `preloaded`."""
    with preloaded(tmp_path_factory.mktemp("programs")) as environment:
        yield environment


SLOW = (
    "assistant/",
    "baselines/",
    "benchmarks/",
    "cli/",
    "contracts/test_objective.py",
    "contracts/test_predictor.py",
    "contracts/test_prior.py",
    "contracts/test_search_space.py",
    "contracts/test_searcher.py",
    "contracts/test_space_files.py",
    "contracts/test_space_files_learned.py",
    "contracts/test_store.py",
    "contracts/test_tokenizer.py",
    "contracts/test_workers.py",
    "docs_site/test_build.py",
    "generation/test_generator.py",
    "generation/test_hub.py",
    "generation/test_run_folder.py",
    "guard/",
    "networks/",
    "objectives/test_command.py",
    "objectives/test_fitting.py",
    "objectives/test_proxies.py",
    "objectives/tables/",
    "objectives/test_table.py",
    "objectives/test_train.py",
    "predictor/test_features.py",
    "predictor/test_gaussian_process.py",
    "predictor/test_models.py",
    "prior/test_code_lm.py",
    "prior/test_ends.py",
    "prior/text/test_automaton.py",
    "prior/text/test_pretrained.py",
    "reporting/test_codebook.py",
    "reporting/test_in_browser.py",
    "searchers/test_bayesian.py",
    "searchers/test_climbers.py",
    "searchers/test_plugins.py",
    "searchers/test_sequence.py",
    "searchers/test_surrogate.py",
    "spaces/constraints/test_constraints.py",
    "spaces/kinds/test_genotype.py",
    "spaces/kinds/test_symmetries.py",
    "spaces/nasbench101/",
    "spaces/test_making.py",
    "spaces/test_space_file.py",
    "study/",
    "test_cli.py",
    "test_front_door.py",
    "test_examples.py",
    "test_package.py",
    "test_readme.py",
    "tokenizer/test_plain.py",
    "tokenizer/test_vq.py",
    "training/",
    "ui/",
    "workflows/",
)
"""Folders and files whose tests train, evaluate, try many examples, or start other programs: `make quick` leaves them
out. A new test is quick until it is named here."""


LONGEST = ("test_readme.py", "test_fit.py", "test_jobs.py", "test_examples.py", "test_exporting.py")
"""Files that take longest, in the order in which they are run."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what is slow; the files that take longest come first, so that both workers end at the same time."""
    paths = {item.path for item in items}  # there are far more tests than files
    slow = {path for path in paths if path.is_relative_to(HERE) and path.relative_to(HERE).as_posix().startswith(SLOW)}
    for item in items:
        if item.path in slow:
            item.add_marker("slow")
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_collection_finish() -> None:
    """What was collected and imported stays to the end, so the garbage collector need not walk it again and again."""
    gc.collect()
    gc.freeze()
