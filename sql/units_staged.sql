-- The staged documents, each with its position in its file.
-- To be filled in: the Parquet file.
CREATE VIEW staged AS
SELECT * EXCLUDE (file_row_number), file_row_number AS staged_at
FROM read_parquet($path, file_row_number = true);
