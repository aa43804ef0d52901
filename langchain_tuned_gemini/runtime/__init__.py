"""What Python leaves to its users: deadlines, threads, forks, and errors of the program itself."""
