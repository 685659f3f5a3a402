"""The geometry of a snapshot, raw and transformed, in numbers, on a page and in a picture."""
