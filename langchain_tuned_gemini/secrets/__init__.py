"""Secrets: keys and credentials, and the places where they may go."""
