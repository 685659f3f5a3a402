-- Documents that are quarantined because this encoder gave no usable vector for their text in an earlier run.
SELECT staged.doc_id, staged.text_hash, left(staged_rows.text, 200) AS excerpt
FROM staged
JOIN staged_rows USING (staged_at)
WHERE staged.text_hash IN (SELECT text_hash FROM refused_before)
ORDER BY doc_id;
