"""What is done to a text before it is hashed and encoded."""
