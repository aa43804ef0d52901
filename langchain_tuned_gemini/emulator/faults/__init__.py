"""Faults as values, and their effects on an answer."""
