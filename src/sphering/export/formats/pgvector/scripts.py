"""The psql scripts of an export: statements of sql/ with names, numbers and types filled in."""

from __future__ import annotations

import re
from math import isqrt

from sphering.config.export import PgvectorConfig
from sphering.export.codes import FLOAT16
from sphering.export.protocol import ExportJob
from sphering.sqltext import load, quote_identifier

COLUMNS = ("doc_id", "uuid", "embedding", "metadata")
_SQUARE_FROM = 1_000_000


def type_name(config: PgvectorConfig) -> str:
    """Return the type of the column of vectors, without its dimension."""
    return "halfvec" if config.dtype == FLOAT16 else "vector"


def load_script(job: ExportJob, config: PgvectorConfig, file: str) -> str:
    """Return the script that loads a COPY file into a table of its own, indexes it and puts it in its place."""
    beside = quote_identifier(f"{config.table_name} (loading)")
    values = {
        "loading": beside,
        "index": _index(config, beside, job.rows.n),
        "type": f"{type_name(config)}({job.rows.d})",
        "n": str(job.rows.n),
        "file": file,
    }
    return fill(load("pgvector_load"), config, job.identity.get("id", ""), values)


def delta_script(job: ExportJob, config: PgvectorConfig, base: str) -> str:
    """Return the script that brings a table from the export `base` to this one."""
    values = {
        "base": comment(base),
        "regclass": quote_identifier(config.table_name).replace("'", "''"),
        "type": f"{type_name(config)}({job.rows.d})",
        "n": str(job.rows.n),
    }
    return fill(load("pgvector_delta"), config, job.identity.get("id", ""), values)


def comment(export: str) -> str:
    """Return the comment of a table that stands at an export."""
    return f"sphering export {export}"


def recall_script(config: PgvectorConfig) -> str:
    """Return the script that compares what the index finds with what a scan of the table finds."""
    return fill(load("pgvector_recall"), config, "", {})


def fill(statement: str, config: PgvectorConfig, export: str, values: dict[str, str]) -> str:
    """Return a statement with its `$names` filled in; those of the table and of the export every script may have."""
    known = {**values, "table": quote_identifier(config.table_name), "export": comment(export)}
    return re.sub(r"\$([a-z]+)", lambda found: known[found[1]], statement)


def _index(config: PgvectorConfig, table: str, n: int) -> str:
    if config.index == "none":
        return "-- No index: every search reads the whole table."
    m, ef_construction = config.hnsw()
    lists = config.lists or max(1, n // 1000 if n <= _SQUARE_FROM else isqrt(n))
    parameters = f"m = {m}, ef_construction = {ef_construction}" if config.index == "hnsw" else f"lists = {lists}"
    return f"CREATE INDEX ON {table} USING {config.index} (embedding {type_name(config)}_ip_ops) WITH ({parameters});"
