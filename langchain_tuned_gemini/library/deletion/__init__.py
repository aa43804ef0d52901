"""Deleting models: a plan first, then what it says and nothing else."""
