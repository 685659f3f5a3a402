-- How many staged documents differ from the parent's of the same id in their metadata alone.
-- The views staged and snapshot_rows exist.
SELECT count(*)
FROM staged
JOIN snapshot_rows AS parent USING (doc_id, text_hash)
WHERE parent.metadata_hash <> staged.metadata_hash;
