"""Nights with [chunk]: source documents go in, chunks are what is stored, searched, replaced and removed."""
