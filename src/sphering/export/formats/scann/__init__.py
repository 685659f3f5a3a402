"""ScaNN searchers: built from a memory map, their files named by their digests, their settings in their own config."""
