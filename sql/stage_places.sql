-- Where each kept row goes, in the order of the checked rows.
-- $path: the Parquet file of kept keys.
SELECT staged_at, rank, bucket, doc_id, text_hash, metadata_hash
FROM read_parquet($path)
ORDER BY staged_at
