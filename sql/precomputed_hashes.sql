-- The SHA-256 of the texts of a batch, each with the row of its vector.
INSERT INTO hashes
SELECT unhex(sha256(text)), row FROM batch WHERE text IS NOT NULL;
