"""Qdrant: bodies of its REST interface, and a script that sends them."""
