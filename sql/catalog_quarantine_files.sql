-- The quarantine files of all runs, as a subquery of catalog_quarantine_view. To be filled in: their quoted pattern.
SELECT * FROM read_parquet($pattern, filename = true)
