"""Values of the domain: tuned models and their states, base models, locations, presets."""
