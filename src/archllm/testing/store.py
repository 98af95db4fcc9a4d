"""Contract of a store: no trial is lost, duplicated or half written, whichever process dies when."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from archllm.errors import StoreError
from archllm.objectives.evaluation import Evaluation, LowerFidelity
from archllm.objectives.identity import Identity
from archllm.plugins import resolve
from archllm.spaces import Architecture, load_space
from archllm.study.store import MEMORY, Store, Study, check_same, open_store
from archllm.study.store.base import DEFINITION

DIGITS = Identity("train:digits", {"epochs": 8, "clip": None}, {"images": "90f1"}, {"channels": 8, "cells": 1})
"""Of an objective with settings, data and networks."""

OTHER = Identity("proxy:mine", only_here="here")
"""Of one that can't be told apart from others."""

STUDY = Study(
    name="first",
    space="nasbench201",
    objectives=("train:digits", "params"),
    directions=("maximise", "minimise"),
    method="random",
    seed=7,
    settings={"where": ["params <= 1e+06"], "options": {"size": 3, "rate": 0.1}},
    network={"channels": 8, "cells": 1},
    identities=(DIGITS, OTHER),
)
"""A study with two objectives and settings of every type."""

FULL = Evaluation(
    values=(93.123456789012345, -1e-300),
    metrics={"macs": 15647370.0, "train_loss": 0.1 + 0.2},
    test={"accuracy": 88.0},
    cost=12.5,
    curves={"train:digits": (10.0, 50.25)},
    lower_fidelity=(
        LowerFidelity(-(2**63), "table:t/a@12", 0.1 + 0.2, 3.5),
        LowerFidelity(2**63 - 1, "proxy:p", None, None, "|none~0|"),
    ),
)
"""An evaluation with something in every field."""

FAILED = Evaluation(None, metrics={"train:digits": 90.0}, cost=3.0, failure="params: it has none")
"""An evaluation without values."""


@cache
def cells(n: int) -> list[Architecture]:
    """Different cells of NAS-Bench-201."""
    space = load_space("nasbench201")
    graphs = space.enumerate()
    return space.architectures(graphs[np.random.default_rng(0).permutation(len(graphs))[:n]])


def running(store: Store, n: int, worker: str = "me") -> list[int]:
    """Numbers of `n` trials that are being evaluated."""
    store.add("first", cells(n), n)
    numbers = []
    for _ in range(n):
        trial = store.claim("first", worker)
        assert trial is not None
        numbers.append(trial.number)
    return numbers


class StoreContract:
    """What every store keeps.

    Override the fixture `url` to give the place of an empty store, and set `opener` where it is not `open_store` that
    opens it.

    Example:
        >>> from archllm.study.store import open_store
        >>> class TestMemory(StoreContract):
        ...     def open(self, where: str) -> Store:
        ...         return open_store("memory:")
    """

    opener: ClassVar[str] = "archllm.study.store:open_store"
    """`MODULE:FUNCTION` that opens a store of a URL; other processes of the tests import it, too."""

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        """Of an empty store."""
        raise NotImplementedError("override the fixture `url` with one that gives the URL of an empty store")

    def open(self, url: str) -> Store:
        """The store of a URL."""
        store: Store = resolve(self.opener)(url)
        return store

    @pytest.fixture
    def store(self, url: str) -> Iterator[Store]:
        """An open store with one study, and no trials."""
        with self.open(url) as store:
            store.create(STUDY)
            yield store

    # --- studies -----------------------------------------------------------------------------------------------------

    def test_a_study_comes_back_as_it_was(self, store: Store) -> None:
        assert store.study("first") == STUDY and store.studies() == [STUDY]

    def test_a_study_is_begun_once(self, store: Store) -> None:
        with pytest.raises(StoreError, match=r"'first'.* already"):
            store.create(replace(STUDY, seed=8))
        assert store.studies() == [STUDY]

    def test_a_study_that_is_not_there_is_told_with_those_that_are(self, store: Store) -> None:
        with pytest.raises(StoreError, match=r"no study 'other'.*it holds first"):
            store.study("other")
        for ask in (store.trials, store.unfinished, store.finished):
            with pytest.raises(StoreError, match="no study 'other'"):
                ask("other")

    def test_studies_of_one_store_do_not_mix(self, store: Store) -> None:
        second = replace(STUDY, name="second", seed=2**62, method="évolution", settings={})
        store.create(second)
        assert store.studies() == [STUDY, second]
        store.add("first", cells(3), 10)
        assert [trial.number for trial in store.add("second", cells(2), 10)] == [0, 1]
        store.claim("second", "me")
        store.finish("second", 0, FULL)
        assert [trial.state for trial in store.trials("first")] == ["waiting"] * 3
        assert [trial.place for trial in store.trials("second")] == [1, None]

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"space": "darts"}, "space is 'nasbench201', asked for 'darts'"),
            ({"objectives": ("train:digits", "macs")}, "'maximise train:digits and minimise params', asked for"),
            ({"directions": ("maximise", "maximise")}, "asked for 'maximise train:digits and maximise params'"),
            ({"objectives": ("train:digits",), "directions": ("maximise",)}, "asked for 'maximise train:digits'"),
            ({"method": "evolution"}, "method is 'random', asked for 'evolution'"),
            ({"seed": 8}, "seed is 7, asked for 8"),
            ({"settings": {"where": [], "options": STUDY.settings["options"]}}, r"where is \['params <= 1e\+06'\]"),
            ({"settings": STUDY.settings | {"new": 1}}, "new is None, asked for 1"),
            ({"network": {"channels": 16, "cells": 1}}, "network channels is 8, asked for 16"),
            (
                {"identities": (replace(DIGITS, settings={"epochs": 9}), OTHER)},
                "train:digits: epochs is 8, asked for 9",
            ),
            ({"identities": (replace(DIGITS, data={"images": "77aa"}), OTHER)}, "digits: the images' content differs"),
        ],
    )
    def test_a_study_goes_on_only_as_the_same_search(self, store: Store, change: dict[str, Any], told: str) -> None:
        check_same(store, STUDY)
        check_same(store, replace(STUDY, identities=(DIGITS, replace(OTHER, only_here="there"))))
        with pytest.raises(StoreError, match=told):
            check_same(store, replace(STUDY, **change))

    # --- trials ------------------------------------------------------------------------------------------------------

    def test_new_trials_wait_in_the_order_in_which_they_came(self, store: Store) -> None:
        before = time.time()
        added = store.add("first", cells(3), 10)
        assert store.trials("first") == store.unfinished("first") == added
        assert [trial.number for trial in added] == [0, 1, 2]
        assert [trial.text for trial in added] == [cell.text for cell in cells(3)]
        assert {trial.state for trial in added} == {"waiting"}
        assert all(abs(trial.asked - before) < 60 for trial in added)

    def test_no_architecture_is_stored_twice(self, store: Store) -> None:
        a, b, c = cells(3)
        store.add("first", [a, b], 10)
        assert [trial.text for trial in store.add("first", [b, c, a, c], 10)] == [c.text]
        assert [trial.key for trial in store.trials("first")] == [a.key, b.key, c.key]

    def test_there_are_never_more_trials_than_the_budget(self, store: Store) -> None:
        assert len(store.add("first", cells(3), 2)) == 2
        assert store.add("first", cells(5), 2) == []
        assert [trial.number for trial in store.add("first", cells(5), 4)] == [2, 3]
        assert store.add("first", [], 9) == []

    def test_keys_of_64_bits_are_kept(self, store: Store) -> None:
        ends = [replace(cell, key=key) for cell, key in zip(cells(3), (-(2**63), 2**63 - 1, -1), strict=True)]
        store.add("first", ends, 10)
        assert [trial.key for trial in store.trials("first")] == [cell.key for cell in ends]
        assert store.add("first", ends, 10) == []

    def test_trials_are_claimed_in_order_and_only_once(self, store: Store) -> None:
        store.add("first", cells(2), 10)
        first, second = store.claim("first", "a"), store.claim("first", "b")
        assert store.claim("first", "a") is None
        assert first is not None and second is not None
        assert (first.number, first.worker, first.state, first.attempts) == (0, "a", "running", 1)
        assert (second.number, second.worker) == (1, "b")
        assert first.started is not None and first.heartbeat == first.started
        assert store.trials("first") == store.unfinished("first") == [first, second]

    def test_an_evaluation_comes_back_to_the_last_digit(self, store: Store) -> None:
        (number,) = running(store, 1)
        assert store.finish("first", number, FULL)
        (trial,) = store.trials("first")
        assert trial.evaluation == FULL and trial.state == "complete" and trial.worker == "me"
        assert trial.finished is not None and trial.started is not None and trial.finished >= trial.started

    def test_a_failed_trial_has_a_reason_and_no_values(self, store: Store) -> None:
        (number,) = running(store, 1)
        store.finish("first", number, FAILED)
        (trial,) = store.trials("first")
        assert trial.state == "failed" and trial.values is None and trial.evaluation == FAILED

    def test_figures_that_are_no_finite_numbers_are_kept(self, store: Store) -> None:
        (number,) = running(store, 1)
        store.finish("first", number, replace(FULL, metrics={"a": math.nan, "b": math.inf, "c": -math.inf}))
        (trial,) = store.trials("first")
        metrics = trial.evaluation.metrics
        assert math.isnan(metrics["a"]) and (metrics["b"], metrics["c"]) == (math.inf, -math.inf)

    @pytest.mark.parametrize(
        "words", ["naïve 猫 \U0001f600", "zero \0 byte", "half \ud800 of a character", "x" * 100_000]
    )
    def test_any_words_can_be_a_reason(self, store: Store, words: str) -> None:
        (number,) = running(store, 1)
        store.finish("first", number, Evaluation(None, {words: 1.0}, failure=words))
        (trial,) = store.trials("first")
        assert (trial.evaluation.failure or "")[:4] == words[:4]
        assert next(iter(trial.evaluation.metrics))[:4] == words[:4]

    def test_a_deleted_study_is_gone_and_no_other(self, store: Store) -> None:
        store.create(replace(STUDY, name="second"))
        store.add("second", cells(2), 2)
        (number,) = running(store, 1)
        store.finish("first", number, FULL)
        store.delete("first")
        assert [study.name for study in store.studies()] == ["second"] and len(store.trials("second")) == 2
        for use in (store.trials, store.delete):
            with pytest.raises(StoreError, match="no study 'first'"):
                use("first")
        store.create(STUDY)
        assert store.trials("first") == []

    def test_the_first_evaluation_counts(self, store: Store) -> None:
        (number,) = running(store, 1)
        (before,) = store.trials("first")
        assert store.finish("first", number, FULL)
        assert not store.finish("first", number, FAILED)
        assert store.trials("first")[0].values == FULL.values
        store.release("first", "me")
        assert not store.take_back("first", before)
        assert store.trials("first")[0].state == "complete"

    def test_an_evaluation_is_found_again_by_studies_with_the_same_scores(self, store: Store) -> None:
        one, two, three = running(store, 3)
        store.finish("first", one, FULL)
        store.finish("first", two, FAILED)
        store.create(replace(STUDY, name="second", seed=8, method="gp", settings={}))
        cell = cells(3)
        assert store.evaluated("second", cell[0].key) == (STUDY, FULL)
        assert store.evaluated("second", cell[1].key) is None  # a failure may be the machine's
        assert store.evaluated("second", cell[2].key) is None  # it is not over
        assert store.evaluated("first", cell[0].key) is None  # its own trials are no news to it
        taken = replace(FULL, reused_from="first")
        store.add("second", cell[:1], 1)
        store.claim("second", "me")
        store.finish("second", 0, taken)
        assert store.trials("second")[0].evaluation == taken
        store.finish("first", three, FULL)
        sizes = Identity("params", immediate=True)
        more = replace(STUDY, name="more", identities=(sizes, OTHER, DIGITS))  # what is there at once does not count
        store.create(more)
        assert store.evaluated("more", cell[2].key) == (STUDY, FULL)
        store.delete("first")
        found = store.evaluated("more", cell[0].key)
        assert found is not None and (found[0].name, found[1]) == ("second", taken)

    @pytest.mark.parametrize(
        "change",
        [
            {"identities": ()},
            {"identities": (DIGITS,)},
            {"identities": (DIGITS, replace(OTHER, spec="proxy:other"))},
            {"identities": (replace(DIGITS, settings={"epochs": 9}), OTHER)},
            {"identities": (replace(DIGITS, data={"images": "77aa"}), OTHER)},
            {"identities": (replace(DIGITS, network={"channels": 16, "cells": 1}), OTHER)},
            {"identities": (DIGITS, replace(OTHER, only_here="there"))},
            {"settings": {DEFINITION: "0123"}},
        ],
    )
    def test_no_evaluation_is_found_where_scores_may_differ(self, store: Store, change: dict[str, Any]) -> None:
        (number,) = running(store, 1)
        store.finish("first", number, FULL)
        store.create(replace(STUDY, name="second", **change))
        assert store.evaluated("second", cells(1)[0].key) is None

    def test_trials_of_another_store_are_taken_over_as_they_are(self, store: Store) -> None:
        with open_store(MEMORY) as other:
            other.create(STUDY)
            other.add("first", cells(5), 9)
            for number, evaluation in ((0, FULL), (2, FAILED), (1, FULL)):
                other.claim("first", "me")
                other.finish("first", number, evaluation)
            trials = other.trials("first")
        again = replace(STUDY, name="again")
        store.adopt(again, trials)
        assert store.study("again") == again and store.trials("again") == trials
        assert [trial.number for trial in store.finished("again")] == [0, 2, 1]
        assert [trial.number for trial in store.unfinished("again")] == [3, 4]
        assert [trial.number for trial in store.add("again", cells(7), 9)] == [5, 6]  # it goes on as any other
        with pytest.raises(StoreError, match="already"):
            store.adopt(again, [])

    def test_trials_that_are_over_come_in_the_order_in_which_they_ended(self, store: Store) -> None:
        numbers = running(store, 4)
        for number in (2, 0, 3):
            store.finish("first", numbers[number], FULL if number else FAILED)
        assert [(trial.number, trial.place) for trial in store.finished("first")] == [(2, 1), (0, 2), (3, 3)]
        assert [trial.number for trial in store.finished("first", after=2)] == [3]
        assert store.finished("first", after=3) == []
        assert [trial.number for trial in store.unfinished("first")] == [1]

    # --- workers that die --------------------------------------------------------------------------------------------

    def test_a_worker_gives_back_only_its_own_trials(self, store: Store) -> None:
        running(store, 1, "a")
        store.add("first", cells(2), 2)
        store.claim("first", "b")
        store.release("first", "a")
        assert [(trial.state, trial.attempts) for trial in store.trials("first")] == [("waiting", 0), ("running", 1)]
        again = store.claim("first", "b")
        assert again is not None and again.number == 0

    def test_trials_of_a_dead_worker_wait_again(self, store: Store) -> None:
        running(store, 1, "dead")
        store.add("first", cells(2), 2)
        store.claim("first", "alive")
        assert store.take_back("first", store.trials("first")[0])
        assert [(trial.state, trial.attempts) for trial in store.trials("first")] == [("waiting", 1), ("running", 1)]

    def test_a_heartbeat_is_noted_for_the_running_trials_of_that_worker(self, store: Store) -> None:
        numbers = running(store, 3, "me")
        store.finish("first", numbers[2], FULL)
        before = store.trials("first")
        time.sleep(0.01)
        store.beat("first", "somebody else")
        assert store.trials("first") == before
        store.beat("first", "me")
        pairs = zip(store.trials("first"), before, strict=True)
        later = [(new.heartbeat or 0.0) > (old.heartbeat or 0.0) for new, old in pairs]
        assert later == [True, True, False]

    def test_a_trial_is_not_taken_from_a_worker_that_has_shown_itself_since(self, store: Store) -> None:
        running(store, 1, "slow")
        (seen,) = store.trials("first")
        time.sleep(0.01)
        store.beat("first", "slow")
        assert not store.take_back("first", seen)
        assert store.take_back("first", store.trials("first")[0]) and not store.take_back("first", seen)
        (waiting,) = store.trials("first")
        assert waiting.state == "waiting" and store.claim("first", "other") is not None
        assert not store.take_back("first", seen) and store.trials("first")[0].worker == "other"

    def test_what_a_worker_believed_dead_finds_still_counts(self, store: Store) -> None:
        (number,) = running(store, 1, "slow")
        assert store.take_back("first", store.trials("first")[0])
        assert store.finish("first", number, FULL)
        assert store.claim("first", "other") is None and store.trials("first")[0].state == "complete"

    def test_a_worker_believed_dead_changes_nothing_of_those_who_came_after_it(self, store: Store) -> None:
        running(store, 1, "slow")
        assert store.take_back("first", store.trials("first")[0])
        store.claim("first", "other")
        before = store.trials("first")
        store.release("first", "slow")
        store.beat("first", "slow")
        assert store.trials("first") == before

    def test_a_trial_that_is_begun_again_and_again_has_not_failed(self, store: Store) -> None:
        store.add("first", cells(1), 1)
        for attempt in range(5):
            assert store.unfinished("first")[0].attempts == attempt
            store.claim("first", "me")
            assert store.take_back("first", store.trials("first")[0])
        (trial,) = store.trials("first")
        assert (trial.state, trial.place, trial.attempts) == ("waiting", None, 5)


class SharedStoreContract(StoreContract):
    """What a store keeps that outlives its process, and that several processes share.

    Example:
        >>> class TestFiles(SharedStoreContract):
        ...     pass
    """

    def test_all_survives_reopening(self, url: str) -> None:
        with self.open(url) as store:
            store.create(STUDY)
            running(store, 2)
            store.finish("first", 1, FULL)
            before = store.trials("first")
        with self.open(url) as store:
            assert store.studies() == [STUDY] and store.trials("first") == before

    def test_a_second_process_sees_what_the_first_has_stored(self, url: str) -> None:
        with self.open(url) as first, self.open(url) as second:
            first.create(STUDY)
            second.add("first", cells(2), 2)
            assert first.claim("first", "a") is not None
            second.finish("first", 0, FULL)
            assert first.finished("first")[0].values == FULL.values
            assert first.trials("first") == second.trials("first")

    def test_processes_that_work_on_one_study_share_its_trials_and_break_nothing(self, url: str) -> None:
        budget, count = 40, 3
        about = json.dumps({**vars(STUDY), "settings": {}, "identities": ()})
        command = [sys.executable, "-m", "archllm.testing.store_process", self.opener, url, str(budget), about]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        processes = [
            subprocess.Popen(
                [*command, f"worker {n}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            )
            for n in range(count)
        ]
        for process in processes:  # all begin at once, with an empty store
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
        found = []
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            out, _ = process.communicate()
            assert process.returncode == 0
            found.append(json.loads(out))
        assert sum(created for created, _ in found) == 1
        counts = Counter(number for _, claimed in found for number in claimed)
        assert counts == Counter(range(budget))
        with self.open(url) as store:
            trials = store.trials("first")
            assert len(trials) == budget and len({trial.key for trial in trials}) == budget
            assert sorted(trial.place or 0 for trial in trials) == list(range(1, budget + 1))
            assert all(trial.values == (float(trial.key), 0.0) for trial in trials)
