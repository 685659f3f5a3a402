-- The staged documents, each with its position in its file and the bytes that it takes.
-- To be filled in: the Parquet file.
CREATE VIEW staged AS
SELECT * EXCLUDE (file_row_number), file_row_number AS staged_at,
  coalesce(strlen(text), 0) + strlen(metadata) AS weight
FROM read_parquet($path, file_row_number = true);
