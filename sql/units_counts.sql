-- How much work there is: documents that are refused, kept, and in the parent whatever became of them; distinct texts to encode,
-- documents that copy a vector, and the number and the bytes of the documents that new shards will hold.
SELECT
  of_all.*,
  of_written.*
FROM (
  SELECT
    count(*) FILTER (WHERE refused) AS refused,
    count(*) FILTER (WHERE NOT refused AND parent_shard IS NOT NULL) AS kept,
    count(*) FILTER (WHERE in_parent) AS in_parent
  FROM classified
) AS of_all, (
  SELECT
    count(DISTINCT text_hash) FILTER (WHERE source IS NULL) AS encode,
    count(*) FILTER (WHERE source IS NOT NULL) AS reuse,
    count(*) AS rows,
    coalesce(sum(weight), 0)::BIGINT AS bytes
  FROM written LEFT JOIN known_texts USING (text_hash)
) AS of_written;
