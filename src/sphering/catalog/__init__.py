"""The catalog: a DuckDB database over a store, for people who write SQL; derived, and rebuilt beside and renamed."""
