"""A run: one execution, step by step; each step is a function over the path of the run's workspace."""
