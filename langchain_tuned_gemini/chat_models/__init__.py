"""The chat models: each adds one idea to another chat model."""
