-- How many texts of a shard do not have the hash that stands beside them.
-- $path: the shard's file.
SELECT count(*) FROM read_parquet($path) WHERE text IS NOT NULL AND unhex(sha256(text)) <> text_hash;
