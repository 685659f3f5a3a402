-- The rows of a block whose ids were purged, by their positions.
-- The tables block (doc_id, text, metadata, position) and purged (id_hash: SHA-256 of an id's UTF-8 bytes) exist. An id that is
-- null is made from the content: the first 32 hex digits of SHA-256(text_hash ‖ metadata_hash).
WITH named AS (
    SELECT
        position,
        coalesce(doc_id, sha256(unhex(sha256(text)) || unhex(sha256(metadata)))[:32]) AS doc_id
    FROM block
)
SELECT position
FROM named
WHERE unhex(sha256(doc_id)) IN (SELECT id_hash FROM purged)
