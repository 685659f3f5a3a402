-- The parent's rows that the new snapshot leaves out, by position of the parent's shard.
SELECT parent.shard, parent.row
FROM snapshot_rows AS parent
WHERE NOT EXISTS (
  SELECT 1 FROM classified AS c
  WHERE c.parent_shard = parent.shard AND c.parent_row = parent.row AND NOT c.refused
)
ORDER BY parent.shard, parent.row;
