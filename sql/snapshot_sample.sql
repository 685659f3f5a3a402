-- The distinct texts of a snapshot with the smallest hashes, each with its smallest doc_id and that document's place.
-- The hashes are picked first: grouping the ids and places of the whole corpus would take five times as long.
-- $size: how many.
WITH picked AS (
  SELECT DISTINCT text_hash
  FROM snapshot_rows
  ORDER BY text_hash
  LIMIT $size
)
SELECT text_hash, first.doc_id AS doc_id, first.shard AS shard, first.row AS row
FROM (
  SELECT text_hash, min({doc_id: doc_id, shard: shard, row: row}) AS first
  FROM snapshot_rows
  JOIN picked USING (text_hash)
  GROUP BY text_hash
)
ORDER BY text_hash;
