-- The label of each object of the view objects (place, metadata), NULL where it has none.
-- $pointer: the column as a JSON pointer.
SELECT json_extract_string(metadata, $pointer) AS label
FROM objects
ORDER BY place;
