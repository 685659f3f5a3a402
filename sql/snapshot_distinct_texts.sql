-- One document of each distinct text of a snapshot, the one with the smallest doc_id, by its place.
SELECT first.shard AS shard, first.row AS row
FROM (
  SELECT min({doc_id: doc_id, shard: shard, row: row}) AS first
  FROM snapshot_rows
  GROUP BY text_hash
)
ORDER BY first.shard, first.row;
