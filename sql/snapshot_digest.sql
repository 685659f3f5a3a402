-- The hash of every document, in the order of the ids' UTF-8 bytes.
-- The view snapshot_rows exists.
SELECT unhex(sha256(
           unhex(printf('%016x', strlen(doc_id))) || encode(doc_id) || text_hash || metadata_hash
       )) AS row_hash
FROM snapshot_rows
ORDER BY doc_id
