"""How requests travel: connections, deadlines, credentials, and answers as they come in."""
