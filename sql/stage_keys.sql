-- The keys of checked rows, without their texts: DuckDB sorts narrow rows on disk, but fails on wide ones beyond its
-- memory limit. Sorted by the UTF-8 bytes of the ids; of the rows of one id, the one to keep comes first.
-- To be filled in: $order, by which the rows of one id are told apart; $stays, which rows count.
-- rows: the checked rows. An id that is null is made from the content: the first 32 hex digits of
-- SHA-256(text_hash ‖ metadata_hash). A row that is carried over comes after tonight's rows of its id. Hashes that are known
-- already are taken as they are. The hashes of a deleted row are empty, which those of a document are not.
-- row_hash is what the content digest is made of: SHA-256(len ‖ doc_id ‖ text_hash ‖ metadata_hash).
WITH hashed AS (
    SELECT
        doc_id,
        carried,
        deleted,
        CASE WHEN deleted THEN ''::BLOB ELSE coalesce(text_hash, unhex(sha256(text))) END AS text_hash,
        CASE WHEN deleted THEN ''::BLOB ELSE coalesce(metadata_hash, unhex(sha256(metadata))) END AS metadata_hash,
        id_length,
        text IS NOT NULL AS has_text,
        coalesce(strlen(text), 0) + strlen(metadata) AS weight,
        order_number,
        order_integer,
        order_text,
        file,
        row,
        staged_at
    FROM rows
    WHERE $stays
), named AS (
    SELECT * REPLACE (coalesce(doc_id, sha256(text_hash || metadata_hash)[:32]) AS doc_id)
    FROM hashed
)
SELECT
    doc_id,
    carried,
    deleted,
    has_text,
    text_hash,
    metadata_hash,
    unhex(sha256(
        id_length || encode(doc_id) || text_hash || metadata_hash
    )) AS row_hash,
    weight,
    file,
    row,
    staged_at
FROM named
ORDER BY
    doc_id,
    carried,
    $order
