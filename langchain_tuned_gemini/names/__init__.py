"""Three grammars: names of tuned models, of their versions, and of aliases."""
