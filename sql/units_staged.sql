-- The staged documents, each with its position in its file, the bytes that it takes, and whether its text is missing: that of
-- a document that is carried over from a snapshot without texts.
-- To be filled in: the Parquet file.
CREATE VIEW staged AS
SELECT * EXCLUDE (file_row_number), file_row_number AS staged_at,
  coalesce(strlen(text), 0) + strlen(metadata) AS weight, text IS NULL AS textless
FROM read_parquet($path, file_row_number = true);
