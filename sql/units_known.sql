-- The texts to be written that this encoder has a vector for, each with one place of it: the first by file name and row.
-- To be filled in: the list of all shard files of the encoder.
CREATE TEMP TABLE known_texts AS
SELECT text_hash, first.filename AS source, first.row AS source_row
FROM (
  SELECT text_hash, min({filename: filename, row: file_row_number}) AS first
  FROM read_parquet($paths, filename = true, file_row_number = true)
  WHERE text_hash IN (SELECT text_hash FROM written)
  GROUP BY text_hash
);
