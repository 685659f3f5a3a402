-- A file that was opened by a relative name, from DuckDB's log of what it does with files.
SELECT path
FROM duckdb_logs_parsed('FileSystem')
WHERE op = 'OPEN' AND fs = 'LocalFileSystem' AND path NOT LIKE '/%' AND NOT contains(path, '://')
ORDER BY path
LIMIT 1
