"""The state of the emulated services: what they keep of models, jobs and endpoints."""
