"""What the operations need of the world, in our own words, with the errors each may raise."""
