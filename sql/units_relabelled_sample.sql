-- Some documents that differ from the parent's of the same id in their metadata alone: what it was, and what it is now.
-- To be filled in: the list of the parent's shard files. The views staged, staged_rows, snapshot_rows and
-- snapshot_shards exist.
-- $size: how many, those with the smallest text hashes.
WITH picked AS (
  SELECT parent.shard, parent.row, staged.staged_at
  FROM staged
  JOIN snapshot_rows AS parent USING (doc_id, text_hash)
  WHERE parent.metadata_hash <> staged.metadata_hash
  ORDER BY text_hash, doc_id
  LIMIT $size
)
SELECT document.metadata AS before, staged_rows.metadata AS now
FROM read_parquet($paths, filename = true, file_row_number = true) AS document
JOIN snapshot_shards AS place USING (filename)
JOIN picked ON picked.shard = place.shard AND picked.row = document.file_row_number
JOIN staged_rows USING (staged_at);
