"""Where the trials of a search are kept: an SQLite file or a PostgreSQL database."""

from archllm.study.store.base import State, Store, Study, Trial, architecture_of, check_same
from archllm.study.store.opening import MEMORY, open_existing, open_store

__all__ = ["MEMORY", "State", "Store", "Study", "Trial", "architecture_of", "check_same", "open_existing", "open_store"]
