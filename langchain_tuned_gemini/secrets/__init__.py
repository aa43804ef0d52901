"""What must not get out: keys and credentials, and the places where they may go."""
