"""A chat model that asks several others, one after the other, until one answers."""
