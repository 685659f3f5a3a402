"""Text corpora to vectors an ANN index can trust."""

__version__ = "0.1.0"
