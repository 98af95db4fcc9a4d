"""Errors a user can meet carry what a program needs to react to them."""

from __future__ import annotations

import pytest

from archllm import errors
from archllm.errors import ArchLLMError, BudgetExhausted, FormatError, MissingExtra, shown


def test_every_error_is_an_archllm_error() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) > 5 and all(issubclass(kind, ArchLLMError) for kind in kinds)


def test_an_error_says_could_not_or_wrong_use() -> None:
    assert ArchLLMError.exit_code == 1
    assert {FormatError.exit_code, errors.InvalidInput.exit_code, errors.InvalidArchitecture.exit_code} == {2}


@pytest.mark.parametrize(("given", "kept"), [(0, 0), (3, 3), (6, 6), (7, 6), (10**9, 6), (-1, 0)])
def test_a_position_lies_within_the_text(given: int, kept: int) -> None:
    assert FormatError("no", "abcdef", given).position == kept


def test_a_format_error_shows_the_place_and_not_the_whole_text() -> None:
    text = "a" * 1000 + "HERE" + "b" * 1000
    message = str(FormatError("expected something else", text, 1000))
    assert "expected something else" in message and "1000" in message and "HERE" in message
    assert len(message) < 200


def test_any_value_can_be_shown_in_short() -> None:
    for value in ("x" * 10**6, 16**9999, 10**300, [[[[[[[[]]]]]]]] * 100, float("nan"), "\ud800", None):
        assert 0 < len(shown(value).encode()) < 200


def test_a_short_value_is_shown_as_it_is() -> None:
    assert shown("conv") == "'conv'" and shown(7) == "7"


def test_an_exhausted_budget_says_how_far_it_went() -> None:
    error = BudgetExhausted("asked for 5", found=3, drawn=100)
    assert (error.found, error.drawn) == (3, 100)


def test_a_missing_extra_says_what_to_install() -> None:
    assert "pip install 'archllm[onnx]'" in str(MissingExtra("exporting to ONNX", "onnx"))
