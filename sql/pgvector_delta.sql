-- Bring the table $table from $base to $export, of $n vectors. Run it in the folder that it lies in:
-- psql -f delta.sql. It is one transaction; a table that stands elsewhere is refused and left as it is.
\set ON_ERROR_STOP on
BEGIN;
LOCK TABLE $table IN SHARE ROW EXCLUSIVE MODE;
SELECT obj_description('$regclass'::regclass, 'pg_class') IS NOT DISTINCT FROM '$base' AS at_base \gset
\if :at_base
\else
DO 'BEGIN RAISE EXCEPTION ''the table does not stand at $base: load the full export with load.sql''; END';
\endif
CREATE TEMP TABLE delta_deletes (uuid uuid) ON COMMIT DROP;
CREATE TEMP TABLE delta_upserts (doc_id text, uuid uuid, embedding $type, metadata jsonb) ON COMMIT DROP;
CREATE TEMP TABLE delta_payload (uuid uuid, metadata jsonb) ON COMMIT DROP;
\copy delta_deletes FROM 'delta-deletes.copy' WITH (FORMAT binary)
\copy delta_upserts FROM 'delta-upserts.copy' WITH (FORMAT binary)
\copy delta_payload FROM 'delta-payload.copy' WITH (FORMAT binary)
DELETE FROM $table AS stored USING delta_deletes AS gone WHERE stored.uuid = gone.uuid;
INSERT INTO $table AS stored (doc_id, uuid, embedding, metadata)
SELECT doc_id, uuid, embedding, metadata FROM delta_upserts
ON CONFLICT (uuid) DO UPDATE SET embedding = excluded.embedding, metadata = excluded.metadata;
UPDATE $table AS stored SET metadata = fresh.metadata FROM delta_payload AS fresh WHERE stored.uuid = fresh.uuid;
SELECT count(*) = $n AS is_whole FROM $table \gset
\if :is_whole
\else
DO 'BEGIN RAISE EXCEPTION ''the table was changed by something else: load the full export with load.sql''; END';
\endif
COMMENT ON TABLE $table IS '$export';
COMMIT;
