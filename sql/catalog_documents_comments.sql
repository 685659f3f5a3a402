-- What a view of documents is and what its columns mean. To be filled in: the quoted view, the quoted sentence.
COMMENT ON VIEW $view IS $what;
COMMENT ON COLUMN $view.doc_id IS 'Its id.';
COMMENT ON COLUMN $view.text IS 'Its text as it was encoded; null where texts are not kept.';
COMMENT ON COLUMN $view.metadata IS 'The configured columns.';
COMMENT ON COLUMN $view.n_tokens IS 'Tokens of the text, before it was cut; null where the encoder cannot say.';
COMMENT ON COLUMN $view.n_unknown IS 'Tokens that the vocabulary lacks; null where the encoder cannot say.';
COMMENT ON COLUMN $view.truncated IS 'Whether the encoder saw only a part.';
COMMENT ON COLUMN $view.norm IS 'Length of the vector.';
COMMENT ON COLUMN $view.text_hash IS 'SHA-256 of the text, in hexadecimal.';
COMMENT ON COLUMN $view.embedding IS 'The vector as the encoder gave it: not normalised, not transformed.';
