-- The ids and the metadata of the staged documents, in any order.
-- $path is the Parquet file of documents; `staged_rows` has the rows that they are of.
SELECT documents.doc_id, staged_rows.metadata
FROM read_parquet($path) AS documents JOIN staged_rows USING (staged_at);
