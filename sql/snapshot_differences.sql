-- Every document of base_rows (doc_id, text_hash, metadata_hash) and of the view snapshot_rows, with what became of it.
-- A document that vanished and one that appeared with the same text are one that moved, as many as pair up, by their ids' order.
CREATE OR REPLACE TEMP VIEW differences AS
WITH paired AS (
  SELECT
    doc_id,
    before.text_hash AS old_text, before.metadata_hash AS old_metadata,
    now.text_hash AS new_text, now.metadata_hash AS new_metadata
  FROM base_rows AS before
  FULL JOIN snapshot_rows AS now USING (doc_id)
),
appeared AS (
  SELECT doc_id, new_text AS text_hash, row_number() OVER (PARTITION BY new_text ORDER BY doc_id) AS place
  FROM paired WHERE old_text IS NULL
),
vanished AS (
  SELECT doc_id, old_text AS text_hash, row_number() OVER (PARTITION BY old_text ORDER BY doc_id) AS place
  FROM paired WHERE new_text IS NULL
)
SELECT
  doc_id,
  CASE WHEN old_text <> new_text THEN 'retexted' WHEN old_metadata <> new_metadata THEN 'relabelled' ELSE 'unchanged' END
    AS change,
  NULL AS moved_from
FROM paired WHERE old_text IS NOT NULL AND new_text IS NOT NULL
UNION ALL
SELECT
  coalesce(appeared.doc_id, vanished.doc_id) AS doc_id,
  CASE WHEN vanished.doc_id IS NULL THEN 'added' WHEN appeared.doc_id IS NULL THEN 'removed' ELSE 'moved' END AS change,
  CASE WHEN appeared.doc_id IS NOT NULL THEN vanished.doc_id END AS moved_from
FROM appeared FULL JOIN vanished USING (text_hash, place);
