"""Queries and judgements with their vectors: what retrieval and recall are measured on."""
