-- The keys of the documents that new shards will hold, in text-hash order, each with its bytes, the position of its staged
-- row and the place of its vector where it has one. Without texts: DuckDB sorts narrow rows on disk, but fails on wide ones.
SELECT doc_id, text_hash, metadata_hash, staged_at, weight, source, source_row
FROM written
LEFT JOIN known_texts USING (text_hash)
ORDER BY text_hash, doc_id;
