"""Settings: declared once, checked by one function, written as text."""

from archllm.config.settings import (
    LARGEST_SEED,
    Bounds,
    NotNegative,
    Option,
    Positive,
    Seed,
    Settings,
    Share,
    check,
    check_seed,
    checked_value,
    field_names,
    needed_names,
    settings_class,
)
from archllm.config.suggestions import did_you_mean, unknown
from archllm.config.words import parse_words, read_toml, words_of, written

__all__ = [
    "LARGEST_SEED",
    "Bounds",
    "NotNegative",
    "Option",
    "Positive",
    "Seed",
    "Settings",
    "Share",
    "check",
    "check_seed",
    "checked_value",
    "did_you_mean",
    "field_names",
    "needed_names",
    "parse_words",
    "read_toml",
    "settings_class",
    "unknown",
    "words_of",
    "written",
]
