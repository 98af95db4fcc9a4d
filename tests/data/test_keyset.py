"""A set of keys in sorted arrays."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from archllm.data.keyset import KeySet

BATCHES = st.lists(st.lists(st.integers(-5, 30) | st.sampled_from([-(2**63), 2**63 - 1]), max_size=40), max_size=8)


@given(BATCHES, st.lists(st.integers(-5, 30), max_size=10))
def test_it_tells_what_is_new_as_a_set_does(batches: list[list[int]], before: list[int]) -> None:
    keys, twin = KeySet(np.array(before, dtype=np.int64)), set(before)
    for batch in batches:
        expected = []
        for key in batch:
            expected.append(key not in twin)
            twin.add(key)
        assert keys.add(np.array(batch, dtype=np.int64)).tolist() == expected
        assert len(keys) == len(twin)
    asked = np.arange(-6, 32)
    assert keys.contains(asked).tolist() == [int(key) in twin for key in asked]


def test_it_holds_few_arrays_and_eight_bytes_a_key() -> None:
    keys, rng = KeySet(), np.random.default_rng(0)
    for _ in range(200):
        keys.add(rng.integers(0, 2**62, 500))
    assert len(keys._runs) <= 1 + np.log2(200)
    assert sum(run.nbytes for run in keys._runs) == 8 * len(keys)
