-- The keys of checked rows, without their texts: DuckDB sorts narrow rows on disk, but fails on wide ones beyond its
-- memory limit. Sorted by the UTF-8 bytes of the ids; of the rows of one id, the one to keep comes first: the last by the
-- order column, then by file and row, then by hash.
-- $path: the Parquet file of checked rows. An id that is null is made from the content: the first 32 hex digits of
-- SHA-256(text_hash ‖ metadata_hash). A row that has hashes is carried over, and comes after tonight's rows of its id. The
-- hashes of a deleted row are empty, which those of a document are not.
-- row_hash is what the content digest is made of: SHA-256(len ‖ doc_id ‖ text_hash ‖ metadata_hash).
WITH hashed AS (
    SELECT
        doc_id,
        text_hash IS NOT NULL AS carried,
        deleted,
        CASE WHEN deleted THEN ''::BLOB ELSE coalesce(text_hash, unhex(sha256(text))) END AS text_hash,
        CASE WHEN deleted THEN ''::BLOB ELSE coalesce(metadata_hash, unhex(sha256(metadata))) END AS metadata_hash,
        coalesce(strlen(text), 0) + strlen(metadata) AS weight,
        order_number,
        order_integer,
        order_text,
        file,
        row,
        file_row_number AS staged_at
    FROM read_parquet($path, file_row_number = true)
), named AS (
    SELECT * REPLACE (coalesce(doc_id, sha256(text_hash || metadata_hash)[:32]) AS doc_id)
    FROM hashed
)
SELECT
    doc_id,
    carried,
    deleted,
    text_hash,
    metadata_hash,
    unhex(sha256(
        unhex(printf('%016x', strlen(doc_id))) || encode(doc_id) || text_hash || metadata_hash
    )) AS row_hash,
    weight,
    file,
    row,
    staged_at
FROM named
ORDER BY
    doc_id,
    carried,
    order_number DESC NULLS LAST,
    order_integer DESC NULLS LAST,
    order_text DESC NULLS LAST,
    file DESC,
    row DESC,
    text_hash,
    metadata_hash
