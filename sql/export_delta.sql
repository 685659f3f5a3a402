-- What turns the export of base_rows into that of new_rows, a row each document that differs: upsert where it is new or its vector
-- is another, payload where its metadata alone is, delete where it is gone. Both have doc_id, vector_hash, payload_hash.
SELECT
  doc_id,
  CASE
    WHEN now.vector_hash IS NULL THEN 'delete'
    WHEN before.vector_hash IS NULL OR before.vector_hash <> now.vector_hash THEN 'upsert'
    ELSE 'payload'
  END AS change
FROM base_rows AS before
FULL JOIN new_rows AS now USING (doc_id)
WHERE before.vector_hash IS DISTINCT FROM now.vector_hash OR before.payload_hash <> now.payload_hash
ORDER BY doc_id;
