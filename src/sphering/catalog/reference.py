"""docs/catalog.md, generated from a catalog: `python -m sphering.catalog.reference CATALOG` prints it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sphering.catalog.contents import Described, described
from sphering.store.refs import PUBLISHED

_INTRODUCTION = """# The catalog, in SQL

`sphering sql "SELECT …"` asks `catalog.duckdb`, a DuckDB database over all that a store says: every run with its sums,
every snapshot, report, gate and release of every night, and the documents themselves. A run brings it up to date at its
end, `sphering sql` before it asks, `sphering catalog rebuild` at any time: the same store gives the same rows in the
same order. It is built beside the old one, renamed, and only ever opened for reading, so that no reader stands in
a run's way. Delete it whenever you like. Other programs that read DuckDB's files may open it too, for reading.

What was quarantined by the last run, and why:

```sql
SELECT reason, count(*) AS rows, min(detail) AS example FROM quarantine
WHERE run = (SELECT max(run) FROM runs) GROUP BY reason ORDER BY rows DESC
```

The geometry of every published night:

```sql
SELECT refs.moved_at, reports.documents, reports.raw_mean_cosine, reports.transformed_mean_cosine, reports.drift
FROM refs JOIN releases ON releases.id = refs.release JOIN reports ON reports.id = releases.report
WHERE refs.channel = 'main' AND refs.name = 'published' ORDER BY refs.number
```

How well what was published answers the queries of its evaluation, with the 95 % interval:

```sql
SELECT refs.moved_at, metrics.value, metrics.low, metrics.high, metrics.n
FROM refs JOIN releases ON releases.id = refs.release JOIN metrics USING (report)
WHERE refs.channel = 'main' AND refs.name = 'published' AND metrics.part = 'queries'
AND metrics.side = 'transformed' AND metrics.metric = 'ndcg_at_10' ORDER BY refs.number
```

`part` tells numbers of one name apart: those of `queries`, `pairs` and `halves` of the evaluation, of each column of
labels (`labels.COLUMN`), of the vectors, the texts and the transform. `name` is the full name, as
[gates write it](metrics.md#what-a-gate-may-bound). What the transform gains on pairs and labels, in each report:

```sql
SELECT report, part, metric, raw.value AS raw, transformed.value AS transformed
FROM metrics AS raw JOIN metrics AS transformed USING (report, part, metric)
WHERE raw.side = 'raw' AND transformed.side = 'transformed'
AND (part = 'pairs' AND metric = 'spearman' OR part LIKE 'labels.%' AND metric = 'knn_accuracy_1') ORDER BY ALL
```

What held a release:

```sql
SELECT runs.started_at, gates.metric, gates.value, gates.min, gates.max FROM runs JOIN gates USING (release)
WHERE runs.release_status = 'held' AND NOT gates.passed AND gates.severity = 'fail' ORDER BY runs.started_at
```

A withdrawn release keeps its rows when its snapshot, report and exports have been collected; these have none then.

This page is generated from the comments in the catalog itself, which `duckdb_columns()` shows as well:
`python -m sphering.catalog.reference store/catalog.duckdb`.
"""
_DOCUMENTS = """
## Documents

`<corpus>.published` and `<corpus>.latest` are the documents of what these refs name, `<corpus>.<channel>_published` and
`<corpus>.<channel>_latest` those of another channel than main; `<corpus>.snapshot_<id>` are those of any snapshot.
Chunks have four columns more, `parent`, `ordinal`, `start` and `"end"`: [chunking.md](chunking.md).

"""


def page(catalog: Path) -> str:
    """Return the whole page as Markdown, from a catalog with a published release."""
    entries = described(catalog)
    documents = next(entry for entry in entries if entry.name == PUBLISHED)
    tables = [_section(entry) for entry in entries if entry.schema == "main"]
    return _INTRODUCTION + "".join(tables) + _DOCUMENTS + _columns(documents)


def _section(entry: Described) -> str:
    return f"\n## `{entry.name}`\n\n{entry.meaning}\n\n{_columns(entry)}"


def _columns(entry: Described) -> str:
    lines = [f"| `{name}` | {re.sub(r'[0-9]+', 'd', kind)} | {meaning} |" for name, kind, meaning in entry.columns]
    return "\n".join(["| column | type | meaning |", "|---|---|---|", *lines]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page(Path(sys.argv[1])))
