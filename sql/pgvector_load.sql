-- Load $n vectors into the table $table. Run it in the folder that it lies in: psql -f load.sql
-- What is read meanwhile is the table that was there before; if anything fails, it stays.
-- Vectors have unit length, so that the inner product is the cosine: ORDER BY embedding <#> $1, its negative, ascending.
\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS vector;
BEGIN;
CREATE TABLE $loading (
  doc_id text NOT NULL,
  uuid uuid NOT NULL,
  embedding $type NOT NULL,
  metadata jsonb NOT NULL
);
\copy $loading (doc_id, uuid, embedding, metadata) FROM '$file' WITH (FORMAT binary, FREEZE)
ALTER TABLE $loading ADD PRIMARY KEY (uuid);
-- Unlike a B-tree it takes ids of any length.
CREATE INDEX ON $loading USING hash (doc_id);
$index
COMMENT ON TABLE $loading IS '$export';
DROP TABLE IF EXISTS $table;
ALTER TABLE $loading RENAME TO $table;
COMMIT;
ANALYZE $table;
