-- Measure the recall@10 of the index of $table against a scan of the table, counted by score: psql -f recall.sql
-- The queries are 200 of its own vectors, each of which finds itself: real ones are harder. To ask those of a table with a
-- column `embedding` of the same type: psql -v queries=your_table -f recall.sql. Settings, such as hnsw.ef_search or
-- ivfflat.probes, are those of the session: PGOPTIONS='-c hnsw.ef_search=100' psql -f recall.sql
\set ON_ERROR_STOP on
BEGIN;
\if :{?queries}
CREATE TEMP TABLE recall_queries ON COMMIT DROP AS SELECT row_number() OVER () AS query, embedding FROM :queries;
\else
CREATE TEMP TABLE recall_queries ON COMMIT DROP AS
SELECT row_number() OVER () AS query, embedding FROM (SELECT embedding FROM $table ORDER BY md5(uuid::text) LIMIT 200);
\endif
SET LOCAL enable_indexscan = off;
CREATE TEMP TABLE recall_exact ON COMMIT DROP AS
SELECT query, max(distance) AS farthest, count(*) AS wanted
FROM recall_queries AS asked CROSS JOIN LATERAL (
  SELECT stored.embedding <#> asked.embedding AS distance FROM $table AS stored
  ORDER BY stored.embedding <#> asked.embedding LIMIT 10
)
GROUP BY query;
SET LOCAL enable_indexscan = on;
SET LOCAL enable_seqscan = off;
CREATE TEMP TABLE recall_found ON COMMIT DROP AS
SELECT query, distance
FROM recall_queries AS asked CROSS JOIN LATERAL (
  SELECT stored.embedding <#> asked.embedding AS distance FROM $table AS stored
  ORDER BY stored.embedding <#> asked.embedding LIMIT 10
);
SELECT
  round(
    (SELECT count(*) FROM recall_found JOIN recall_exact USING (query) WHERE distance <= farthest)
    / (SELECT sum(wanted) FROM recall_exact), 4
  ) AS recall_at_10,
  (SELECT count(*) FROM recall_exact) AS queries;
ROLLBACK;
