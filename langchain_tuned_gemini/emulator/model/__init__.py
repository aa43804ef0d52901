"""Models of the emulator: they answer by a script, a function, or their nearest example."""
