"""What is said of a run to people outside the scheduler: one POST, in words and with the facts."""
