-- No shard of this encoder exists: no text has a vector.
CREATE TEMP VIEW known AS
SELECT ''::BLOB AS text_hash, ''::VARCHAR AS source, 0::BIGINT AS source_row
WHERE false;
