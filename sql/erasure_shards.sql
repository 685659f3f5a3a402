-- The shard files that hold a row of a document that is to be erased: which, and of a chunk the source document.
-- To be filled in: the list of all shard files. The table erased (doc_id) has ids of documents and of source documents.
-- Shards of whole source documents have no column parent.
WITH stored AS (
  SELECT filename, doc_id, parent
  FROM (
    FROM read_parquet($paths, filename = true, union_by_name = true)
    UNION ALL BY NAME
    SELECT NULL::VARCHAR AS parent WHERE false
  )
)
SELECT DISTINCT filename, doc_id, parent
FROM stored
WHERE doc_id IN (SELECT doc_id FROM erased) OR parent IN (SELECT doc_id FROM erased)
ORDER BY filename, doc_id;
