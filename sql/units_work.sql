-- The keys of the documents that new shards will hold, in text-hash order, each with its bytes, its place among the staged
-- documents and that of its vector where it has one. Without texts: DuckDB sorts narrow rows on disk, but fails on wide ones.
SELECT c.staged_at, c.text_hash, c.weight, k.source, k.source_row
FROM classified AS c
LEFT JOIN known_texts AS k ON k.text_hash = c.text_hash
WHERE NOT c.refused AND c.parent_shard IS NULL
ORDER BY c.text_hash, c.doc_id;
