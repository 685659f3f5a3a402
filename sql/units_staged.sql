-- The staged documents, each with the position of its row and the bytes that it takes.
-- To be filled in: the Parquet file.
CREATE VIEW staged AS FROM read_parquet($path);
