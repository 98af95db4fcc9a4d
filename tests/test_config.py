from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archllm.config import Bounds, Settings, Share, did_you_mean, parse_words, read_toml, unknown
from archllm.errors import InvalidInput


@dataclass(frozen=True)
class Inner(Settings):
    section = "inner"
    rate: Annotated[float, Bounds(above=0)] = 0.1


@dataclass(frozen=True)
class Outer(Settings):
    steps: Annotated[int, Bounds(1, 1_000)] = 10
    share: Annotated[float, Share] = 0.5
    kind: Literal["code", "text"] = "code"
    names: tuple[str, ...] = ()
    weights: Annotated[tuple[float, ...], Bounds(above=0)] = ()
    flag: bool = False
    out: Path | None = None
    limit: Annotated[float, Bounds(above=0)] | None = None
    inner: Inner = field(default_factory=Inner)

    def _check_together(self) -> None:
        if self.flag and not self.names:
            raise InvalidInput("flag needs names")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"steps": 0}, "steps must be a whole number from 1 to 1,000, got 0"),
        ({"steps": True}, "steps"),
        ({"steps": 1.5}, "steps"),
        ({"share": 1.0}, "share must be a number above 0 and below 1"),
        ({"share": float("nan")}, "share"),
        ({"share": "half"}, "share"),
        ({"kind": "texts"}, "did you mean 'text'"),
        ({"names": "abc"}, "names must be a list"),
        ({"names": [1]}, r"names\[0\] must be a text"),
        ({"weights": [1.0, 0.0]}, r"weights\[1\] must be a number above 0"),
        ({"flag": 1}, "flag must be true or false"),
        ({"limit": 0}, "limit"),
        ({"flag": True}, "flag needs names"),
        ({"inner": 3}, "inner"),
        ({"steps": 10**5000}, "steps"),
        ({"limit": 10**400}, "limit must be a number above 0"),
    ],
)
def test_a_value_that_a_field_can_not_have_is_refused_by_its_name(values: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        Outer.from_mapping(values)


def test_values_come_as_their_fields_want_them() -> None:
    made = Outer.from_mapping({"names": ["a"], "share": 0.25, "limit": 3, "inner": {"rate": 1}, "out": "x"})
    assert made == Outer(names=("a",), share=0.25, limit=3.0, inner=Inner(1.0), out=Path("x"))
    assert type(made.limit) is float
    assert hash(made) == hash(Outer(names=("a",), share=0.25, limit=3.0, inner=Inner(1.0), out=Path("x")))


def test_what_is_not_named_stays_as_in_the_default() -> None:
    default = Outer(steps=5, inner=Inner(0.7))
    assert Outer.from_mapping({"share": 0.1, "inner": {}}, default=default) == Outer(
        steps=5, share=0.1, inner=Inner(0.7)
    )


def test_an_unknown_name_says_where_and_what_was_meant() -> None:
    with pytest.raises(InvalidInput, match=r"my\.toml \[inner\] has no setting 'rat'; did you mean 'rate'\?"):
        Outer.from_mapping({"inner": {"rat": 1}}, "my.toml")


def test_words_are_read_by_the_types_of_the_fields() -> None:
    words = ["steps=7", "share=.5", "names=a,b", "flag=true", "limit=2", "kind=text", "weights=1,2.5"]
    assert Outer(**parse_words(words, Outer, "x")) == Outer(
        steps=7, names=("a", "b"), flag=True, limit=2.0, kind="text", weights=(1.0, 2.5)
    )


@pytest.mark.parametrize("word", ["steps", "steps=", "stepz=3", "steps=many", "flag=perhaps"])
def test_words_that_can_not_be_read_are_refused(word: str) -> None:
    with pytest.raises(InvalidInput, match=word.partition("=")[0]):
        Outer(**parse_words([word], Outer, "searcher x"))


@given(st.integers())
def test_a_number_is_accepted_exactly_within_its_bounds(value: int) -> None:
    try:
        accepted = parse_words([f"steps={value}"], Outer, "x")["steps"] == value and Outer(steps=value).steps == value
    except InvalidInput:
        accepted = False
    assert accepted == (1 <= value <= 1_000)


def test_a_file_is_read_whole_or_by_its_table(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("steps = 1\n[search]\nbudget = 3\n")
    assert read_toml(path, "search") == {"budget": 3}
    assert read_toml(path, "train")["steps"] == 1
    path.write_text("steps = = 1")
    with pytest.raises(InvalidInput, match="not a TOML file"):
        read_toml(path)
    with pytest.raises(InvalidInput, match="can't read"):
        read_toml(tmp_path / "none.toml")


def test_near_words_are_offered_whatever_their_case() -> None:
    assert did_you_mean("GP", ["gp", "local"]) == "did you mean 'gp'?"
    assert "known" in unknown("searcher", object(), ["gp"])
