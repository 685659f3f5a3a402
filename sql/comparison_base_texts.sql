-- Every distinct text of the view snapshot_rows, with the place of one document of it: kept, since another snapshot's view replaces this one.
CREATE OR REPLACE TEMP TABLE base_texts AS
SELECT text_hash, min({shard: shard, row: row}) AS place
FROM snapshot_rows
GROUP BY text_hash;
