-- No shard of this encoder exists: no text has a vector.
CREATE TEMP TABLE known_texts (text_hash BLOB, source VARCHAR, source_row BIGINT);
