-- What an export holds of the snapshot in the view snapshot_rows, as hashes: of each vector as it was encoded, and of the
-- metadata, or of those of its columns that the export carries. $columns: their names, or NULL for all. The relation
-- excluded (doc_id) has what the transform left nothing of.
SELECT
  doc_id,
  vector_hash,
  CASE WHEN $columns IS NULL THEN metadata_hash ELSE unhex(sha256(
    list_transform(
      $columns::VARCHAR[],
      -- A value may be null: that is not the same as none.
      lambda name: [map_contains(metadata_values, name)::VARCHAR, metadata_values[name]::VARCHAR]
    )::VARCHAR
  )) END AS payload_hash
FROM (
  SELECT
    *, CASE WHEN $columns IS NOT NULL THEN from_json(metadata, '"MAP(VARCHAR, JSON)"') END AS metadata_values
  FROM snapshot_rows
)
WHERE doc_id NOT IN (SELECT doc_id FROM excluded);
