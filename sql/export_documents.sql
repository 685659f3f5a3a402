-- The documents of an export by the UTF-8 bytes of their ids, each with the UUID (version 5) that engines take which
-- refuse strings. $namespace: the namespace as 16 bytes. The relation documents exists.
SELECT
    position,
    doc_id,
    -- RFC 9562, section 5.5: SHA-1 over namespace and name, then the version's and the variant's bits.
    concat(
        hash[1:8], '-', hash[9:12], '-5', hash[14:16], '-',
        '89ab89ab89ab89ab'[('0x' || hash[17])::INTEGER + 1], hash[18:20], '-', hash[21:32]
    ) AS uuid,
    metadata,
    held_out
FROM (SELECT *, sha1($namespace::BLOB || encode(doc_id)) AS hash FROM documents)
-- DuckDB compares strings by their bytes unless a collation is set.
ORDER BY doc_id;
