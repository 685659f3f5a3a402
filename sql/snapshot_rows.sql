-- The documents of a snapshot: one row each, with the place of its vector; dropped rows are left out.
-- To be filled in: the list of shard files. Views snapshot_shards (filename, shard) and snapshot_dropped (shard, row) exist.
CREATE OR REPLACE TEMP VIEW snapshot_rows AS
SELECT
  document.doc_id, document.text_hash, document.metadata_hash,
  document.n_tokens, document.n_unknown, document.truncated, document.metadata, hash(document.embedding) AS vector_hash,
  place.shard, document.file_row_number AS row
FROM read_parquet($paths, filename = true, file_row_number = true) AS document
JOIN snapshot_shards AS place USING (filename)
WHERE NOT EXISTS (
  SELECT 1 FROM snapshot_dropped AS gone
  WHERE gone.shard = place.shard AND gone.row = document.file_row_number
);
