"""sphering.toml: one file, one frozen model."""
