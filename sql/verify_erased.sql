-- The shard files that hold documents which were erased, and how many.
-- To be filled in: the list of shard files. The table erased (hash) has the SHA-256 of ids.
SELECT filename, count(DISTINCT doc_id)
FROM read_parquet($paths, filename = true)
WHERE sha256(doc_id) IN (SELECT hash FROM erased)
GROUP BY filename
ORDER BY filename;
