"""What may be wrong on a machine before a run meets it, and how to mend it; one file a kind of check."""
