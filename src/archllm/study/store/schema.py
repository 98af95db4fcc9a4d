"""Tables of a store, the same for SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

VERSION = 3
"""Of the tables; a change of theirs gets a new one."""

METADATA = MetaData()

_Plain = JSON(none_as_null=True)

STORES = Table("archllm_store", METADATA, Column("version", Integer, nullable=False))
"""One row: the version."""

STUDIES = Table(
    "archllm_studies",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("space", Text, nullable=False),
    Column("objectives", _Plain, nullable=False),
    Column("directions", _Plain, nullable=False),
    Column("method", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("settings", _Plain, nullable=False),
    Column("network", _Plain),
    Column("identities", _Plain, nullable=False),
    Column("scores", Text, index=True),  # the same where architectures have the same scores
    Column("created", Double, nullable=False),
)

TRIALS = Table(
    "archllm_trials",
    METADATA,
    Column("study", Integer, ForeignKey("archllm_studies.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("key", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("values", _Plain),
    Column("metrics", _Plain),
    Column("test", _Plain),
    Column("cost", Double, nullable=False, default=0.0),
    Column("curves", _Plain),
    Column("failure", Text),
    Column("lower_fidelity", _Plain),
    Column("reused_from", Text),
    Column("place", Integer),
    Column("attempts", Integer, nullable=False, default=0),
    Column("worker", Text),
    Column("asked", Double, nullable=False),
    Column("started", Double),
    Column("heartbeat", Double),
    Column("finished", Double),
    PrimaryKeyConstraint("study", "number"),
    UniqueConstraint("study", "key"),
    UniqueConstraint("study", "place"),
    Index("archllm_trials_by_state", "study", "state", "number"),
)
