"""What keeps a store sound and small between runs, and what moves its refs by hand."""
