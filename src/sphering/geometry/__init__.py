"""Arrays in, numbers out: the geometry of a set of vectors, without files or a store."""
