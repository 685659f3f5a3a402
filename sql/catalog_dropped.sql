-- The rows that a snapshot leaves out of its shards, as a subquery of catalog_documents_view.
-- To be filled in: the list of its one file.
SELECT shard, row FROM read_parquet($dropped)
