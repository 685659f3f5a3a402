"""PostgreSQL with pgvector: a file for COPY, and the psql scripts that load it and measure the index."""
