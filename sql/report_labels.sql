-- The most frequent labels of a column, beside how many different ones it has; the view report_texts exists.
-- $pointer: the column as a JSON pointer. $most: how many labels.
SELECT label, count(*) OVER () AS labels
FROM (
  SELECT json_extract_string(metadata, $pointer) AS label, count(*) AS documents
  FROM report_texts
  GROUP BY label
)
WHERE label IS NOT NULL
ORDER BY documents DESC, label
LIMIT $most;
