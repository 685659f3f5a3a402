-- The tables of the catalog: what the store's documents say, for people who write SQL.
-- catalog_comments.sql says what each column means.
CREATE TABLE snapshots (
  corpus VARCHAR, id VARCHAR, encoder VARCHAR, dimension INTEGER, content_digest VARCHAR, documents BIGINT,
  texts BIGINT, tokens BIGINT, unknown BIGINT, truncated BIGINT, keep_text BOOLEAN, created_at TIMESTAMPTZ, run VARCHAR,
  chunk JSON
);
CREATE TABLE shards (
  corpus VARCHAR, snapshot VARCHAR, position INTEGER, encoder VARCHAR, id VARCHAR, rows BIGINT, dropped BIGINT,
  bytes BIGINT, sha256 VARCHAR
);
CREATE TABLE encoders (
  corpus VARCHAR, id VARCHAR, kind VARCHAR, model VARCHAR, backend VARCHAR, "precision" VARCHAR, max_length INTEGER,
  document_prompt VARCHAR, dimension INTEGER, identity JSON
);
CREATE TABLE transforms (
  corpus VARCHAR, id VARCHAR, kind VARCHAR, encoder VARCHAR, fitted_on VARCHAR, n BIGINT, rank INTEGER,
  dimension_in INTEGER, dimension_out INTEGER, parameters JSON, sha256 VARCHAR
);
CREATE TABLE evaluations (
  corpus VARCHAR, id VARCHAR, encoder VARCHAR, dimension INTEGER, queries BIGINT, judgements BIGINT,
  pairs BIGINT, halves BIGINT, labels VARCHAR, query_prompt VARCHAR, data VARCHAR
);
CREATE TABLE reports (
  corpus VARCHAR, id VARCHAR, snapshot VARCHAR, transform VARCHAR, base VARCHAR, evaluation VARCHAR, documents BIGINT,
  texts BIGINT, added BIGINT, removed BIGINT, retexted BIGINT, relabelled BIGINT, moved BIGINT, unchanged BIGINT,
  raw_mean_cosine DOUBLE, transformed_mean_cosine DOUBLE, drift DOUBLE, warnings BIGINT
);
CREATE TABLE metrics (
  corpus VARCHAR, report VARCHAR, part VARCHAR, side VARCHAR, metric VARCHAR, value DOUBLE, low DOUBLE, high DOUBLE,
  kind VARCHAR, n BIGINT, "over" VARCHAR, reason VARCHAR, name VARCHAR
);
CREATE TABLE releases (
  corpus VARCHAR, id VARCHAR, encoder VARCHAR, snapshot VARCHAR, transform VARCHAR, report VARCHAR, bundle VARCHAR,
  base VARCHAR, created_at TIMESTAMPTZ, run VARCHAR, passed BOOLEAN
);
CREATE TABLE gates (
  corpus VARCHAR, release VARCHAR, metric VARCHAR, value DOUBLE, min DOUBLE, max DOUBLE, severity VARCHAR, passed BOOLEAN
);
CREATE TABLE exports (
  corpus VARCHAR, release VARCHAR, name VARCHAR, format VARCHAR, id VARCHAR, path VARCHAR, n BIGINT, d INTEGER,
  excluded BIGINT, recall_at_1 DOUBLE, recall_at_10 DOUBLE, recall_at_100 DOUBLE, rescored_recall_at_10 DOUBLE,
  queries_per_second DOUBLE, bytes_per_vector DOUBLE, bytes BIGINT, delta_base VARCHAR, delta_upserts BIGINT,
  delta_deletes BIGINT, delta_payload_updates BIGINT, manifest_sha256 VARCHAR, config JSON
);
CREATE TABLE runs (
  corpus VARCHAR, run VARCHAR, purpose VARCHAR, status VARCHAR, error VARCHAR, encoder VARCHAR, snapshot VARCHAR,
  snapshot_status VARCHAR, release VARCHAR, release_status VARCHAR, base VARCHAR, parent VARCHAR, rows_read BIGINT,
  source_documents BIGINT, chunks BIGINT, documents BIGINT, quarantined BIGINT, refused BIGINT, duplicates BIGINT, carried BIGINT, deleted BIGINT, encoded BIGINT, encoded_tokens BIGINT, billed_tokens BIGINT, cost DOUBLE, reused BIGINT,
  removed BIGINT, truncated BIGINT, excluded BIGINT, quarantine_sha256 VARCHAR, seconds DOUBLE, started_at TIMESTAMPTZ,
  ended_at TIMESTAMPTZ
);
CREATE TABLE run_gates (
  corpus VARCHAR, run VARCHAR, metric VARCHAR, value DOUBLE, min DOUBLE, max DOUBLE, severity VARCHAR, passed BOOLEAN
);
CREATE TABLE refs (
  corpus VARCHAR, channel VARCHAR, name VARCHAR, number BIGINT, release VARCHAR, moved_at TIMESTAMPTZ, who VARCHAR,
  why VARCHAR, run VARCHAR, withdraws VARCHAR
);
