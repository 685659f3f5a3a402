-- Checked rows as documents with their hashes, sorted by the UTF-8 bytes of their ids; of the rows of one id,
-- the one to keep comes first: the first by the order column, then by file and row, then by hash.
-- $path: the Parquet file of checked rows. An id that is null is made from the content: the first 32 hex digits of
-- SHA-256(text_hash ‖ metadata_hash).
WITH hashed AS (
    SELECT *, unhex(sha256(text)) AS text_hash, unhex(sha256(metadata)) AS metadata_hash
    FROM read_parquet($path)
), named AS (
    SELECT * REPLACE (coalesce(doc_id, sha256(text_hash || metadata_hash)[:32]) AS doc_id)
    FROM hashed
)
SELECT
    doc_id,
    text,
    text_hash,
    metadata_hash,
    metadata,
    file,
    row,
    unhex(sha256(
        unhex(printf('%016x', strlen(doc_id))) || encode(doc_id) || text_hash || metadata_hash
    )) AS row_hash
FROM named
ORDER BY
    doc_id,
    order_number ASC NULLS LAST,
    order_integer ASC NULLS LAST,
    order_text ASC NULLS LAST,
    file ASC,
    row ASC,
    text_hash,
    metadata_hash
