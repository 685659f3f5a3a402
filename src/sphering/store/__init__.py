"""The store: immutable files named by what they were made from, and refs, the only things that move."""
