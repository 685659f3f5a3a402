"""The kind "precomputed": vectors that somebody else has made, looked up by their texts."""
