-- The distinct texts of a snapshot with the smallest hashes, each with its smallest doc_id and that document's place.
-- $size: how many.
SELECT text_hash, first.doc_id AS doc_id, first.shard AS shard, first.row AS row
FROM (
  SELECT text_hash, min({doc_id: doc_id, shard: shard, row: row}) AS first
  FROM snapshot_rows
  GROUP BY text_hash
  ORDER BY text_hash
  LIMIT $size
)
ORDER BY text_hash;
