-- How many documents are to be encoded but have no text: they are carried over from a snapshot without texts.
SELECT count(*)
FROM written
LEFT JOIN known_texts USING (text_hash)
WHERE source IS NULL AND NOT has_text;
