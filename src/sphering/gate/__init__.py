"""Declared bounds on the numbers of a run, a report and its exports."""
