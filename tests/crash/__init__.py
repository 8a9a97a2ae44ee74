"""kill -9 of the whole daemon at random moments under load, and the books that must come out."""
