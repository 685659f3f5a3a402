-- The weight of each document of the view documents (place, metadata): the number in a column, also one written as a
-- string; NULL where there is none.
-- $pointer: the column as a JSON pointer.
SELECT CASE
  WHEN json_type(metadata, $pointer) IN ('UBIGINT', 'BIGINT', 'HUGEINT', 'DOUBLE', 'VARCHAR')
  THEN try_cast(json_extract_string(metadata, $pointer) AS DOUBLE)
END AS weight
FROM documents
ORDER BY place;
