-- A store in which no row was quarantined, as a subquery of catalog_quarantine_view.
SELECT
  ''::VARCHAR AS filename, ''::VARCHAR AS file, 0::BIGINT AS row, ''::VARCHAR AS doc_id, ''::VARCHAR AS reason,
  ''::VARCHAR AS detail, ''::VARCHAR AS excerpt, ''::BLOB AS text_hash, ''::VARCHAR AS encoder
WHERE false
