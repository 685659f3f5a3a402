-- Every distinct text of two snapshots, with the place of one document of it in each: NULL where a snapshot lacks it.
-- The table base_texts (text_hash, place) has those of the first, the view snapshot_rows the documents of the second.
CREATE OR REPLACE TEMP TABLE compared_texts AS
SELECT text_hash, before.place AS a, now.place AS b
FROM base_texts AS before
FULL JOIN (
  SELECT text_hash, min({shard: shard, row: row}) AS place
  FROM snapshot_rows
  GROUP BY text_hash
) AS now USING (text_hash);
