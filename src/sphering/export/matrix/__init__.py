"""The unit vectors of a release in `doc_id` order, made once and shared by all of its exports."""
