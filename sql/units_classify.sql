-- Each staged document against the parent: unchanged (same id, text and metadata), or to be written into a new shard;
-- documents whose text this encoder refused before are neither.
-- To be filled in: whether the parent's shards may be kept at all.
CREATE TEMP TABLE classified AS
SELECT
  staged.doc_id, staged.text_hash, staged.metadata_hash, staged.staged_at, staged.weight,
  parent.shard AS parent_shard, parent.row AS parent_row,
  staged.text_hash IN (SELECT text_hash FROM refused_before) AS refused
FROM staged
LEFT JOIN snapshot_rows AS parent
  ON parent.doc_id = staged.doc_id AND parent.text_hash = staged.text_hash
  AND parent.metadata_hash = staged.metadata_hash AND $keep;
