-- Where each wanted row of a file goes, in the order of the file.
-- $path: the Parquet file of places.
SELECT * FROM read_parquet($path) ORDER BY staged_at
