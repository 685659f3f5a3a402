-- The ids of a snapshot's source documents, without those of named; dropped rows are left out.
-- To be filled in: the column with the id, and the list of shard files. Views snapshot_shards (filename, shard),
-- snapshot_dropped (shard, row) and named (id) exist.
CREATE TEMP VIEW ids AS
SELECT DISTINCT document.$column AS id
FROM read_parquet($paths, filename = true, file_row_number = true) AS document
JOIN snapshot_shards AS place USING (filename)
ANTI JOIN named ON named.id = document.$column
WHERE NOT EXISTS (
  SELECT 1 FROM snapshot_dropped AS gone
  WHERE gone.shard = place.shard AND gone.row = document.file_row_number
);
