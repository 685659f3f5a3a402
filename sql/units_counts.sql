-- How much work there is: distinct texts to encode, documents that copy a vector, unchanged, refused and removed documents,
-- and the number and the bytes of the documents that new shards will hold.
SELECT
  count(DISTINCT c.text_hash) FILTER (WHERE NOT c.refused AND c.parent_shard IS NULL AND k.source IS NULL) AS encode,
  count(*) FILTER (WHERE NOT c.refused AND c.parent_shard IS NULL AND k.source IS NOT NULL) AS reuse,
  count(*) FILTER (WHERE NOT c.refused AND c.parent_shard IS NOT NULL) AS unchanged,
  count(*) FILTER (WHERE c.refused) AS refused,
  (SELECT count(*) FROM snapshot_rows AS parent WHERE parent.doc_id NOT IN (SELECT doc_id FROM staged)) AS removed,
  count(*) FILTER (WHERE NOT c.refused AND c.parent_shard IS NULL) AS rows,
  coalesce(sum(c.weight) FILTER (WHERE NOT c.refused AND c.parent_shard IS NULL), 0)::BIGINT AS bytes
FROM classified AS c LEFT JOIN known_texts AS k USING (text_hash);
