"""Vertex AI's side of the emulator: tuning jobs, endpoints, the model registry."""
