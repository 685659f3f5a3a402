-- The shard files that hold a row of a document that is to be erased, and of which.
-- To be filled in: the list of all shard files. The table erased (doc_id) exists.
SELECT DISTINCT filename, doc_id
FROM read_parquet($paths, filename = true)
WHERE doc_id IN (SELECT doc_id FROM erased)
ORDER BY filename, doc_id;
