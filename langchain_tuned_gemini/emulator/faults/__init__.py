"""What a test lets go wrong: faults as values, and what they do to an answer."""
