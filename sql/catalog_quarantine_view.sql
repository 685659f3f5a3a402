-- The rows that could not become documents, of all runs. To be filled in: the query of the runs' files.
CREATE VIEW quarantine AS
SELECT
  string_split(filename, '/')[-4] AS corpus, string_split(filename, '/')[-2] AS run,
  file, row, doc_id, reason, detail, excerpt, lower(hex(text_hash)) AS text_hash, encoder
FROM ($files);
COMMENT ON VIEW quarantine IS 'One row for each row that could not become a document, of every run.';
COMMENT ON COLUMN quarantine.corpus IS 'The corpus.';
COMMENT ON COLUMN quarantine.run IS 'The run.';
COMMENT ON COLUMN quarantine.file IS 'The file of the source; null where the encoder refused the text.';
COMMENT ON COLUMN quarantine.row IS 'Its row there, from 1.';
COMMENT ON COLUMN quarantine.doc_id IS 'Its id, where it has one.';
COMMENT ON COLUMN quarantine.reason IS 'Why, in a word.';
COMMENT ON COLUMN quarantine.detail IS 'Why, in a sentence.';
COMMENT ON COLUMN quarantine.excerpt IS 'How its text begins.';
COMMENT ON COLUMN quarantine.text_hash IS 'SHA-256 of the text that the encoder refused, in hexadecimal.';
COMMENT ON COLUMN quarantine.encoder IS 'The encoder that refused it.';
