-- Documents that are quarantined because this encoder gave no usable vector for their text in an earlier run.
SELECT s.doc_id, s.text_hash, left(s.text, 200) AS excerpt
FROM classified AS c JOIN staged AS s USING (doc_id)
WHERE c.refused
ORDER BY s.doc_id;
