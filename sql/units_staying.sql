-- What stays in each of the parent's shards, oldest first, beside the bytes of all that is new.
-- $vector_bytes: what a vector takes.
SELECT
  parent_shard AS shard,
  count(*) AS documents,
  sum(weight + $vector_bytes)::BIGINT AS bytes,
  (SELECT coalesce(sum(weight + $vector_bytes), 0)::BIGINT FROM classified WHERE NOT refused AND parent_shard IS NULL) AS new_bytes
FROM classified
WHERE NOT refused AND parent_shard IS NOT NULL
GROUP BY parent_shard
ORDER BY parent_shard;
