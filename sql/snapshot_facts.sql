-- What a manifest says of its documents, read back from the shards through the view snapshot_rows.
SELECT
  count(*)::BIGINT AS documents,
  count(DISTINCT text_hash)::BIGINT AS texts,
  sum(n_tokens)::BIGINT AS tokens,
  sum(n_unknown)::BIGINT AS unknown,
  count(*) FILTER (WHERE truncated)::BIGINT AS truncated
FROM snapshot_rows;
