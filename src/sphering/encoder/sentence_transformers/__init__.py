"""The kind "sentence-transformers": a model folder's own modules, run in batches under control."""
