"""Scenarios of failure, run by this library and by its peers against the same emulator."""
