-- Every table and view of a catalog with its columns and what they mean, in the order in which they were made.
SELECT
  entry.schema_name, entry.name, entry.comment, entry_column.column_name, entry_column.data_type, entry_column.comment
FROM (
  SELECT schema_name, table_name AS name, comment, table_oid AS oid FROM duckdb_tables()
  UNION ALL
  SELECT schema_name, view_name AS name, comment, view_oid AS oid FROM duckdb_views() WHERE NOT internal
) AS entry
JOIN duckdb_columns() AS entry_column ON entry_column.table_oid = entry.oid
ORDER BY entry.oid, entry_column.column_index;
