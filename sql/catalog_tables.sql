-- The tables of the catalog: what the store's documents say, for people who write SQL.
CREATE TABLE snapshots (
  id VARCHAR, corpus VARCHAR, encoder VARCHAR, dimension INTEGER, content_digest VARCHAR, documents BIGINT,
  texts BIGINT, tokens BIGINT, unknown BIGINT, truncated BIGINT, created_at TIMESTAMPTZ, run VARCHAR
);
CREATE TABLE shards (
  corpus VARCHAR, snapshot VARCHAR, encoder VARCHAR, id VARCHAR, rows BIGINT, dropped BIGINT, bytes BIGINT, sha256 VARCHAR
);
CREATE TABLE releases (
  corpus VARCHAR, id VARCHAR, encoder VARCHAR, snapshot VARCHAR, transform VARCHAR, report VARCHAR, bundle VARCHAR,
  base VARCHAR, created_at TIMESTAMPTZ, run VARCHAR, passed BOOLEAN
);
CREATE TABLE gates (
  corpus VARCHAR, release VARCHAR, metric VARCHAR, value DOUBLE, min DOUBLE, max DOUBLE, severity VARCHAR, passed BOOLEAN
);
CREATE TABLE exports (
  corpus VARCHAR, release VARCHAR, name VARCHAR, format VARCHAR, id VARCHAR, path VARCHAR, manifest_sha256 VARCHAR, config VARCHAR
);
CREATE TABLE metrics (
  corpus VARCHAR, report VARCHAR, side VARCHAR, metric VARCHAR, value DOUBLE, kind VARCHAR, n BIGINT
);
CREATE TABLE runs (
  run VARCHAR, purpose VARCHAR, corpus VARCHAR, encoder VARCHAR, snapshot VARCHAR, release VARCHAR,
  release_status VARCHAR, status VARCHAR, error VARCHAR, rows_read BIGINT, documents BIGINT, quarantined BIGINT,
  duplicates BIGINT, encoded BIGINT, reused BIGINT, seconds DOUBLE, started_at TIMESTAMPTZ, ended_at TIMESTAMPTZ
);
CREATE TABLE refs (
  corpus VARCHAR, channel VARCHAR, name VARCHAR, number BIGINT, release VARCHAR, moved_at TIMESTAMPTZ, who VARCHAR,
  why VARCHAR, run VARCHAR, withdraws VARCHAR
);
