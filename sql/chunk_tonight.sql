-- The ids of which the source says something tonight: of their source documents no chunk is carried over.
-- $documents: the Parquet file of source documents. The reader rows has the columns doc_id and deleted of all rows.
CREATE TABLE tonight AS
SELECT doc_id FROM read_parquet($documents)
UNION ALL
SELECT doc_id FROM rows WHERE deleted;
