"""Two releases of one corpus beside one another: their geometry, and what changed for whoever serves them."""
