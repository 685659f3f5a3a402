-- Each staged document against the parent: unchanged (same id, text and metadata), with its place there, or to be written into
-- a new shard; documents whose text this encoder refused before are neither. Without ids and hashes, which only those have
-- use for that are written: 1,000,000 unchanged documents are classified in half the time.
-- To be filled in: whether the parent's shards may be kept at all.
CREATE TEMP TABLE classified AS
WITH compared AS (
  SELECT
    staged.staged_at, staged.weight, parent.shard, parent.row,
    staged.text_hash IN (SELECT text_hash FROM refused_before) AS refused,
    parent.text_hash = staged.text_hash AND parent.metadata_hash = staged.metadata_hash AND $keep AS equal
  FROM staged
  LEFT JOIN snapshot_rows AS parent USING (doc_id)
)
SELECT
  staged_at, weight, refused, shard IS NOT NULL AS in_parent,
  CASE WHEN equal THEN shard END AS parent_shard,
  CASE WHEN equal THEN row END AS parent_row
FROM compared;
CREATE TEMP VIEW written AS
SELECT staged.*
FROM staged
JOIN classified USING (staged_at)
WHERE NOT refused AND parent_shard IS NULL;
