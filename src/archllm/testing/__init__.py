"""Contract suites: what every space, tokenizer, prior, searcher, predictor, objective, store and worker keeps.

Each suite is a class for pytest. An author of a plug-in derives from it, names the class to test, and runs pytest:

    from archllm.testing import TokenizerContract
    from mine import MyTokenizer

    class TestMyTokenizer(TokenizerContract):
        tokenizer = MyTokenizer

The built-in implementations are tested by the same suites. `pip install 'archllm[testing]'` brings what they need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archllm.errors import MissingExtra
from archllm.lazy import lazily

try:
    import hypothesis  # noqa: F401 - the suites need it; here it is only looked for
    import pytest
except ImportError as error:
    raise MissingExtra("testing an implementation against its contract", "testing") from error

if TYPE_CHECKING:
    from archllm.testing.objective import ObjectiveContract
    from archllm.testing.predictor import PredictorContract
    from archllm.testing.prior import ConditionalPriorContract, PriorContract
    from archllm.testing.searcher import SearcherContract
    from archllm.testing.space import SpaceContract
    from archllm.testing.store import SharedStoreContract, StoreContract
    from archllm.testing.tokenizer import LearnedTokenizerContract, TokenizerContract
    from archllm.testing.workers import ProcessWorkersContract, WorkersContract

__all__ = [
    "ConditionalPriorContract",
    "LearnedTokenizerContract",
    "ObjectiveContract",
    "PredictorContract",
    "PriorContract",
    "ProcessWorkersContract",
    "SearcherContract",
    "SharedStoreContract",
    "SpaceContract",
    "StoreContract",
    "TokenizerContract",
    "WorkersContract",
]

_HOMES = {
    "ConditionalPriorContract": "archllm.testing.prior",
    "LearnedTokenizerContract": "archllm.testing.tokenizer",
    "ObjectiveContract": "archllm.testing.objective",
    "PredictorContract": "archllm.testing.predictor",
    "PriorContract": "archllm.testing.prior",
    "ProcessWorkersContract": "archllm.testing.workers",
    "SearcherContract": "archllm.testing.searcher",
    "SharedStoreContract": "archllm.testing.store",
    "SpaceContract": "archllm.testing.space",
    "StoreContract": "archllm.testing.store",
    "TokenizerContract": "archllm.testing.tokenizer",
    "WorkersContract": "archllm.testing.workers",
}

pytest.register_assert_rewrite(*sorted(set(_HOMES.values())))  # a failing assertion shows its values

__getattr__, __dir__ = lazily(__name__, _HOMES)
