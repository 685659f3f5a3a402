-- The label of each text of the view chosen (place, text_hash), where it has one: that of its labelled document with the
-- smallest id, beside how many documents have this text and this label; the view report_texts exists.
-- $pointer: the column as a JSON pointer.
WITH labelled AS (
  SELECT place, doc_id, json_extract_string(metadata, $pointer) AS label
  FROM report_texts
  JOIN chosen USING (text_hash)
),
first AS (
  SELECT place, arg_min(label, doc_id) AS label
  FROM labelled
  WHERE label IS NOT NULL
  GROUP BY place
)
SELECT first.place, first.label, count(*) AS copies
FROM first
JOIN labelled USING (place, label)
GROUP BY first.place, first.label
ORDER BY first.place;
