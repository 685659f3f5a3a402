-- The documents of the snapshot that a ref names. To be filled in: the quoted view, and that of the snapshot.
CREATE VIEW $view AS SELECT * FROM $snapshot;
