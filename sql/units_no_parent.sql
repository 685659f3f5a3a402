-- A first snapshot has no parent: nothing is there to keep.
CREATE TEMP VIEW snapshot_rows AS
SELECT ''::VARCHAR AS doc_id, ''::BLOB AS text_hash, ''::BLOB AS metadata_hash, 0::INTEGER AS shard, 0::BIGINT AS row
WHERE false;
