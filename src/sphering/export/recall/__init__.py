"""What an approximate search loses against an exact one, how fast it is, and which settings reach a recall."""
