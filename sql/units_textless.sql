-- How many documents are to be encoded but have no text: they are carried over from a snapshot without texts.
SELECT count(*)
FROM classified AS c
LEFT JOIN known_texts AS k USING (text_hash)
WHERE NOT c.refused AND c.parent_shard IS NULL AND k.source IS NULL
  AND c.doc_id IN (SELECT doc_id FROM staged WHERE text IS NULL);
