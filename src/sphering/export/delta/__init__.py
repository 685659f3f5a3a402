"""What turns the export of one release into that of the next: upserts, deletes and new metadata."""
