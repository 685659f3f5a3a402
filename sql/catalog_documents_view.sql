-- The documents of one snapshot with their vectors as FLOAT[d], so that similarity can be queried in SQL.
-- To be filled in: the quoted view, the list of paths, the query of rows that are gone, the dimension, and the
-- columns that chunks have beside.
CREATE VIEW $view AS
SELECT
  document.doc_id, document.text, document.metadata::JSON AS metadata, $places
  document.n_tokens, document.n_unknown, document.truncated, document.norm,
  lower(hex(document.text_hash)) AS text_hash,
  document.embedding::FLOAT[$dimension] AS embedding
FROM read_parquet($paths, filename = true, file_row_number = true) AS document
WHERE NOT EXISTS (
  SELECT 1 FROM ($gone) AS gone
  WHERE list_position($paths, document.filename) - 1 = gone.shard AND gone.row = document.file_row_number
);
