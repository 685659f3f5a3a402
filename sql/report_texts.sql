-- The documents of a snapshot with what a report looks at of their texts; dropped rows are left out.
-- To be filled in: the list of shard files. Views snapshot_shards (filename, shard) and snapshot_dropped (shard, row) exist.
CREATE OR REPLACE TEMP VIEW report_texts AS
SELECT document.doc_id, document.text_hash, document.text, document.metadata, document.n_tokens, document.n_unknown
FROM read_parquet($paths, filename = true, file_row_number = true) AS document
JOIN snapshot_shards AS place USING (filename)
WHERE NOT EXISTS (
  SELECT 1 FROM snapshot_dropped AS gone
  WHERE gone.shard = place.shard AND gone.row = document.file_row_number
);
