-- The hash of every document, in the order of the ids' UTF-8 bytes.
-- $paths: Parquet files with the columns doc_id, text_hash and metadata_hash.
SELECT unhex(sha256(
           unhex(printf('%016x', strlen(doc_id))) || encode(doc_id) || text_hash || metadata_hash
       )) AS row_hash
FROM read_parquet($paths)
ORDER BY doc_id
