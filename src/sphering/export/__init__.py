"""A snapshot under a transform in the formats of ANN engines: written, read back, measured, sealed."""
