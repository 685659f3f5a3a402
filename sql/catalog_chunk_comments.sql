-- What the columns of a view of chunks mean, beside those of all documents. To be filled in: the quoted view.
COMMENT ON COLUMN $view.parent IS 'The id of the source document that it was cut from.';
COMMENT ON COLUMN $view.ordinal IS 'Its place among the chunks of that one, from 0, when its row was written.';
COMMENT ON COLUMN $view.start IS 'Where it begins in the text of that one, in Unicode code points, when its row was written.';
COMMENT ON COLUMN $view."end" IS 'Where it ends there, in Unicode code points.';
