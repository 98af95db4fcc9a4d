"""Tables of a benchmark: official files and one's own, as one Parquet file with unmistakable columns."""

from archllm.objectives.tables.formats import FORMATS, check_format, import_table, space_of
from archllm.objectives.tables.parquet import read_parquet, write_parquet
from archllm.objectives.tables.table import Table

__all__ = ["FORMATS", "Table", "check_format", "import_table", "read_parquet", "space_of", "write_parquet"]
