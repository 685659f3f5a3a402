-- A snapshot that drops nothing, as a subquery of catalog_documents_view.
SELECT 0::INTEGER AS shard, 0::BIGINT AS row WHERE false
