"""The query side: encoder, query prompt, normalisation and transform, which refuse the vectors of any other."""
