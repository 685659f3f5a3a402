-- The places of a snapshot's documents whose texts are among some, each with the text's fold.
-- View wanted_texts (text_hash, fold) exists.
SELECT wanted_texts.fold, snapshot_rows.shard, snapshot_rows.row, snapshot_rows.text_hash
FROM snapshot_rows
JOIN wanted_texts USING (text_hash)
ORDER BY wanted_texts.fold, snapshot_rows.shard, snapshot_rows.row;
