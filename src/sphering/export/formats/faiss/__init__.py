"""FAISS indexes: built by a factory string, the transform put in front, read back layer by layer."""
