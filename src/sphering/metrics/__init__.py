"""The numbers of a run in Prometheus' text format, for a file that is written after each run."""
