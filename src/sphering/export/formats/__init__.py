"""One file a format: how an engine's files are written, read back and searched."""
