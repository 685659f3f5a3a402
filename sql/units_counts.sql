-- How much work there is: distinct texts to encode, documents that copy a vector, unchanged, refused and removed documents.
SELECT
  count(DISTINCT c.text_hash) FILTER (WHERE NOT c.refused AND c.parent_shard IS NULL AND k.source IS NULL) AS encode,
  count(*) FILTER (WHERE NOT c.refused AND c.parent_shard IS NULL AND k.source IS NOT NULL) AS reuse,
  count(*) FILTER (WHERE NOT c.refused AND c.parent_shard IS NOT NULL) AS unchanged,
  count(*) FILTER (WHERE c.refused) AS refused,
  (SELECT count(*) FROM snapshot_rows AS parent WHERE parent.doc_id NOT IN (SELECT doc_id FROM staged)) AS removed
FROM classified AS c LEFT JOIN known_texts AS k USING (text_hash);
