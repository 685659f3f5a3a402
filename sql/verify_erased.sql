-- The shard files that hold documents which were erased, or chunks of them, and how many.
-- To be filled in: the list of shard files. The table erased (hash) has the SHA-256 of ids.
-- Shards of whole source documents have no column parent.
WITH stored AS (
  SELECT filename, doc_id, coalesce(parent, doc_id) AS source
  FROM (
    FROM read_parquet($paths, filename = true, union_by_name = true)
    UNION ALL BY NAME
    SELECT NULL::VARCHAR AS parent WHERE false
  )
)
SELECT filename, count(DISTINCT doc_id)
FROM stored
WHERE sha256(source) IN (SELECT hash FROM erased)
GROUP BY filename
ORDER BY filename;
