-- The line of each object of the view objects (place, metadata) in a table of labels: that of its own label, then one for
-- all other labels, then one for documents without a label.
-- $pointer: the column as a JSON pointer. $labels: the labels with a line of their own.
SELECT CASE
  WHEN label IS NULL THEN len($labels) + 1
  ELSE coalesce(list_position($labels, label) - 1, len($labels))
END::UTINYINT AS line
FROM (SELECT place, json_extract_string(metadata, $pointer) AS label FROM objects)
ORDER BY place;
