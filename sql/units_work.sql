-- The documents that new shards will hold, in text-hash order, each with the place of its vector where it has one.
SELECT s.doc_id, s.text, s.text_hash, s.metadata_hash, s.metadata, k.source, k.source_row
FROM classified AS c
JOIN staged AS s USING (doc_id)
LEFT JOIN known_texts AS k ON k.text_hash = c.text_hash
WHERE NOT c.refused AND c.parent_shard IS NULL
ORDER BY s.text_hash, s.doc_id;
