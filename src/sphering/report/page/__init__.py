"""A report for people: one self-contained page, its plots and tables, and a small picture."""
