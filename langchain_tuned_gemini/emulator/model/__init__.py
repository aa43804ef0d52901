"""How a model of the emulator answers: by a script, a function, or its nearest example."""
