-- How many documents differ between base_rows (doc_id, text_hash, metadata_hash) and the view snapshot_rows.
-- A document that vanished and one that appeared with the same text are one that moved, as many as pair up.
WITH paired AS (
  SELECT
    before.text_hash AS old_text, before.metadata_hash AS old_metadata,
    now.text_hash AS new_text, now.metadata_hash AS new_metadata
  FROM base_rows AS before
  FULL JOIN snapshot_rows AS now USING (doc_id)
),
kept AS (
  SELECT
    count(*) FILTER (WHERE old_text <> new_text) AS retexted,
    count(*) FILTER (WHERE old_text = new_text AND old_metadata <> new_metadata) AS relabelled,
    count(*) FILTER (WHERE old_text = new_text AND old_metadata = new_metadata) AS unchanged
  FROM paired
),
alone AS (
  SELECT count(new_text) AS appeared, count(old_text) AS vanished, least(count(new_text), count(old_text)) AS moved
  FROM paired
  WHERE old_text IS NULL OR new_text IS NULL
  GROUP BY coalesce(new_text, old_text)
)
SELECT
  coalesce(sum(alone.appeared - alone.moved), 0)::BIGINT AS added,
  any_value(kept.retexted)::BIGINT AS retexted,
  any_value(kept.relabelled)::BIGINT AS relabelled,
  coalesce(sum(alone.moved), 0)::BIGINT AS moved,
  coalesce(sum(alone.vanished - alone.moved), 0)::BIGINT AS removed,
  any_value(kept.unchanged)::BIGINT AS unchanged
FROM kept LEFT JOIN alone ON true;
