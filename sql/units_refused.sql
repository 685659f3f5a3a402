-- Documents that are quarantined because this encoder gave no usable vector for their text in an earlier run.
-- Without their texts: joined, those of all documents would be held in memory.
SELECT doc_id, text_hash, staged_at
FROM staged
WHERE text_hash IN (SELECT text_hash FROM refused_before)
ORDER BY doc_id;
