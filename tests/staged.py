"""What was staged, read back whole."""

import pyarrow as pa
import pyarrow.parquet as pq

from sphering.source import DOCUMENTS_FILE, ROWS_FILE
from sphering.source.rows import rows_reader


def documents_of(folder):
    """Return the staged documents of a folder in their order, as a table with their texts and metadata."""
    documents = pq.read_table(folder / DOCUMENTS_FILE)
    rows = rows_reader(folder / ROWS_FILE, ["text", "metadata"]).read_all().take(documents["staged_at"])
    return pa.table({name: part[name] for part in (documents, rows) for name in part.column_names})
