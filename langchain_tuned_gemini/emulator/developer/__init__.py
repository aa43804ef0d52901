"""The Gemini Developer API's side of the emulator: tuned models, operations, permissions."""
