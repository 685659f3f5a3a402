-- Documents that are quarantined because this encoder gave no usable vector for their text in an earlier run.
SELECT doc_id, text_hash, left(text, 200) AS excerpt
FROM staged
WHERE text_hash IN (SELECT text_hash FROM refused_before)
ORDER BY doc_id;
