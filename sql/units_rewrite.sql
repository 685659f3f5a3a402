-- Documents of shards that are written anew are written like new ones, with their vectors.
-- $shards: positions in the parent's manifest.
UPDATE classified
SET parent_shard = NULL, parent_row = NULL
WHERE parent_shard IN (SELECT unnest($shards));
