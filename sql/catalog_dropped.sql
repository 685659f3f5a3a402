-- The rows that a snapshot leaves out of its shards, as a subquery of catalog_documents_view.
-- $dropped: its file.
SELECT shard, row FROM read_parquet($dropped)
